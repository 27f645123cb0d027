package publication

import (
	"encoding/json"
	"strings"
	"testing"
)

// two apps, of which one was already there.
func two() Release {
	api, worker := example, example
	api.Project, worker.Project = "src/Api/Api.csproj", "src/Worker/Worker.csproj"
	api.RebasedFrom, worker.RebasedFrom = "", ""
	worker.Reference, worker.Base, worker.Blobs, worker.BytesSent = "ghcr.io/a/w@sha256:7", "mcr.microsoft.com/dotnet/runtime:10.0", Blobs{}, 0
	worker.Notes = []string{"something to know", "of the worker"}
	return NewRelease([]Publication{api, worker}, map[string]float64{"restore": 1.5, "publish": 6}, []string{"--all leaves out: tests/T.csproj is a test project"})
}

func TestReleaseText(t *testing.T) {
	got, err := two().String("text")
	if err != nil {
		t.Fatal(err)
	}
	want := `ghcr.io/a/b@sha256:1
ghcr.io/a/w@sha256:7

2 apps: 1 sent (127.8 kB), 1 already there

src/Api/Api.csproj        latest, 1  sent 127.8 kB in 4 blobs, mounted 6, 1 already there
src/Worker/Worker.csproj  latest, 1  all of it was already there, nothing sent

base     mcr.microsoft.com/dotnet/aspnet:10.0@sha256:4
base     mcr.microsoft.com/dotnet/runtime:10.0@sha256:4
sdk      mcr.microsoft.com/dotnet/sdk:10.0@sha256:5
seconds  restore 1.5, publish 6.0
note: --all leaves out: tests/T.csproj is a test project
note: something to know
note: of the worker
`
	if got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
}

func TestReleaseMarkdown(t *testing.T) {
	got, err := two().String("markdown")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### Published images\n\n2 apps: 1 sent (127.8 kB), 1 already there\n",
		"| src/Api/Api.csproj | `ghcr.io/a/b@sha256:1` | `latest`, `1` | sent 127.8 kB in 4 blobs, mounted 6, 1 already there |\n",
		"| src/Worker/Worker.csproj | `ghcr.io/a/w@sha256:7` | `latest`, `1` | all of it was already there, nothing sent |\n",
		"Base: `mcr.microsoft.com/dotnet/runtime:10.0@sha256:4`. SDK: `mcr.microsoft.com/dotnet/sdk:10.0@sha256:5`. Seconds: restore 1.5, publish 6.0.\n",
		"> of the worker\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("markdown has no %q:\n%s", want, got)
		}
	}
}

func TestReleaseJSON(t *testing.T) {
	text, err := two().String("json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Apps []struct {
			Project, Reference, Digest string
			BytesSent                  int64
		}
		Sent      int
		Blobs     Blobs
		BytesSent int64
		Seconds   map[string]float64
		Notes     []string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Apps) != 2 || got.Apps[1].Project != "src/Worker/Worker.csproj" || got.Apps[1].BytesSent != 0 || got.Sent != 1 ||
		got.Blobs != (Blobs{4, 6, 1}) || got.BytesSent != 127_800 || got.Seconds["publish"] != 6 || len(got.Notes) != 1 {
		t.Errorf("JSON:\n%s", text)
	}
	one, err := example.String("json")
	if err != nil || strings.Contains(one, `"project"`) || strings.Contains(one, `"apps"`) {
		t.Errorf("one app's publication changed:\n%s, %v", one, err)
	}
}

func TestReleaseSummary(t *testing.T) {
	none := example
	none.BytesSent = 0
	dry := example
	dry.DryRun = true
	for want, apps := range map[string][]Publication{
		"1 app: all of it was already there, nothing sent":                                     {none},
		"2 apps: 1 would be sent (127.8 kB), 1 already there (a dry run: none of it was sent)": {dry, none},
	} {
		if got := NewRelease(apps, nil, nil).summary(); got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
	}
}
