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
