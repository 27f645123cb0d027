package publication

import (
	"encoding/json"
	"strings"
	"testing"
)

var example = Publication{
	Reference: "ghcr.io/a/b@sha256:1", Digest: "sha256:1", Tags: []string{"latest", "1"}, Base: "mcr.microsoft.com/dotnet/aspnet:10.0",
	BaseDigest: "sha256:4", SDK: "mcr.microsoft.com/dotnet/sdk:10.0@sha256:5", RebasedFrom: "ghcr.io/a/b@sha256:6",
	Platforms: []Platform{{"linux/amd64", "sha256:2", 93_300_000, 66_800}, {"linux/arm64", "sha256:3", 89_900_000, 999}},
	Blobs:     Blobs{Sent: 4, Mounted: 6, Present: 1}, BytesSent: 127_800,
	Seconds: map[string]float64{"preflight": 0.31, "publish": 3.26, "push": 0.1},
	Ports:   []string{"53/udp", "8081/tcp"},
	Notes:   []string{"something to know"},
}

func TestText(t *testing.T) {
	got, err := example.String("text")
	if err != nil {
		t.Fatal(err)
	}
	want := `ghcr.io/a/b@sha256:1

tags         latest, 1
base         mcr.microsoft.com/dotnet/aspnet:10.0@sha256:4
sdk          mcr.microsoft.com/dotnet/sdk:10.0@sha256:5
from         ghcr.io/a/b@sha256:6
linux/amd64  sha256:2  93.3 MB, of which the app 66.8 kB
linux/arm64  sha256:3  89.9 MB, of which the app 999 B
push         sent 127.8 kB in 4 blobs, mounted 6, 1 already there
seconds      preflight 0.3, publish 3.3, push 0.1
note: something to know

Next:
  docker run --rm -p 53:53/udp -p 8081:8081 --platform linux/amd64 ghcr.io/a/b@sha256:1
  docker run --rm -p 53:53/udp -p 8081:8081 --platform linux/arm64 ghcr.io/a/b@sha256:1
  docker pull ghcr.io/a/b@sha256:1
`
	if got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
}

// The names are a contract with users' pipelines.
func TestJSON(t *testing.T) {
	got, err := example.String("json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(got), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reference", "digest", "tags", "platforms", "blobs", "bytesSent", "seconds", "base", "baseDigest", "sdk", "rebasedFrom", "ports"} {
		if fields[name] == nil {
			t.Errorf("no field %q in %s", name, got)
		}
	}
	platform := fields["platforms"].([]any)[0].(map[string]any)
	for _, name := range []string{"platform", "digest", "size", "appSize"} {
		if platform[name] == nil {
			t.Errorf("no field %q of a platform in %s", name, got)
		}
	}
	for _, name := range []string{"sent", "mounted", "present"} {
		if fields["blobs"].(map[string]any)[name] == nil {
			t.Errorf("no field %q of blobs in %s", name, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	got, err := example.String("markdown")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"`ghcr.io/a/b@sha256:1`", "Base: `mcr.microsoft.com/dotnet/aspnet:10.0@sha256:4`", "SDK: `mcr.microsoft.com/dotnet/sdk:10.0@sha256:5`", "From: `ghcr.io/a/b@sha256:6`", "| linux/arm64 | `sha256:3` | 89.9 MB | 999 B |", "> something to know"} {
		if !strings.Contains(got, line) {
			t.Errorf("markdown lacks %q:\n%s", line, got)
		}
	}
}

func TestNothingSent(t *testing.T) {
	p := example
	p.BytesSent = 0
	if got, _ := p.String("text"); !strings.Contains(got, "nothing sent") {
		t.Error(got)
	}
}

func TestABaseThatIsADigestIsNamedOnce(t *testing.T) {
	p := example
	p.Base = "example.com/base@sha256:4"
	if got, _ := p.String("text"); !strings.Contains(got, "base         example.com/base@sha256:4\n") {
		t.Error(got)
	}
}

func TestCheckFormat(t *testing.T) {
	for _, f := range Formats {
		if err := CheckFormat(f); err != nil {
			t.Error(err)
		}
	}
	if err := CheckFormat("yaml"); err == nil || !strings.Contains(err.Error(), "text, json, markdown") {
		t.Errorf("yaml: %v", err)
	}
}

// several is a push to two destinations.
func several() Publication {
	p := example
	p.Pushed([]Destination{
		{"ghcr.io/a/b@sha256:1", []string{"latest", "1"}, Blobs{Sent: 4, Mounted: 6, Present: 1}, 127_800},
		{"quay.io/c@sha256:1", []string{"1"}, Blobs{Present: 11}, 0},
	})
	return p
}

func TestSeveralDestinations(t *testing.T) {
	p := several()
	if p.Reference != "ghcr.io/a/b@sha256:1" || p.BytesSent != 127_800 || p.Blobs != (Blobs{Sent: 4, Mounted: 6, Present: 12}) {
		t.Errorf("all in all %+v", p)
	}
	for format, says := range map[string][]string{
		"text": {
			"ghcr.io/a/b@sha256:1\nquay.io/c@sha256:1\n\n",
			"to ghcr.io/a/b  sent 127.8 kB in 4 blobs, mounted 6, 1 already there; tags latest, 1\n",
			"to quay.io/c    all of it was already there, nothing sent; tags 1\n",
			"push            sent 127.8 kB in 4 blobs, mounted 6, 12 already there\n",
		},
		"markdown": {"| `quay.io/c@sha256:1` | `1` | all of it was already there, nothing sent |\n", "Push: sent 127.8 kB in 4 blobs, mounted 6, 12 already there."},
		"json":     {`"destinations": [`, `"reference": "quay.io/c@sha256:1",`},
	} {
		got, err := p.String(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range says {
			if !strings.Contains(got, s) {
				t.Errorf("%s lacks %q:\n%s", format, s, got)
			}
		}
	}
	one := example
	one.Pushed(several().Destinations[:1])
	if got, err := one.String("json"); err != nil || strings.Contains(got, "destinations") || strings.Contains(got, "dryRun") {
		t.Errorf("of one destination no list is made: %s, %v", got, err)
	}
}

func TestADryRunSaysSo(t *testing.T) {
	for _, p := range []Publication{example, several()} {
		p.DryRun = true
		for format, says := range map[string]string{
			"text": "(a dry run: none of it was sent)\n", "markdown": "### Image of a dry run: none of it was sent\n", "json": `"dryRun": true`,
		} {
			got, err := p.String(format)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got, says) {
				t.Errorf("%s lacks %q:\n%s", format, says, got)
			}
			if format != "json" && !strings.Contains(got, "would send 127.8 kB in 4 blobs, mount 6, ") {
				t.Errorf("%s does not say what would be sent:\n%s", format, got)
			}
			if strings.Contains(got, "docker") || strings.Contains(got, "nothing sent") {
				t.Errorf("%s speaks of what is not there:\n%s", format, got)
			}
		}
	}
}
