package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	linux := Facts{OS: "linux", Arch: "amd64", Root: true}
	with := func(change func(*Facts)) Facts {
		f := linux
		change(&f)
		return f
	}
	for name, tc := range map[string]struct {
		facts Facts
		own   bool
		err   string
	}{
		"bare machine":             {facts: linux},
		"dagger alone":             {facts: with(func(f *Facts) { f.Dagger = "/d" })},
		"docker alone":             {facts: with(func(f *Facts) { f.Runtime = "docker" })},
		"dagger and docker":        {facts: Facts{OS: "darwin", Arch: "arm64", Dagger: "/d", Version: "dagger v0.19.10 (image://x)", Runtime: "docker"}, own: true},
		"dagger and remote engine": {facts: with(func(f *Facts) { f.Dagger, f.Version, f.Runner = "/d", "dagger v0.20.1", "tcp://x" }), own: true},
		"version is not readable":  {facts: with(func(f *Facts) { f.Dagger, f.Version, f.Runtime = "/d", "dagger devel", "docker" }), own: true},
		"old dagger":               {facts: with(func(f *Facts) { f.Dagger, f.Version, f.Runtime = "/d", "dagger v0.18.3 (x)", "docker" }), own: true, err: "/d is Dagger v0.18.3"},
		"old dagger, unused":       {facts: with(func(f *Facts) { f.Dagger, f.Version = "/d", "dagger v0.18.3" })},
		"remote engine, no dagger": {facts: with(func(f *Facts) { f.Runner = "tcp://x" }), err: "no dagger on PATH"},
		"not root":                 {facts: Facts{OS: "linux", Arch: "amd64"}, err: "needs root"},
		"another system":           {facts: Facts{OS: "darwin", Arch: "arm64"}, err: "this is darwin/arm64"},
		"another system, dagger":   {facts: Facts{OS: "darwin", Arch: "arm64", Dagger: "/d"}, err: "start Docker"},
		"another architecture":     {facts: Facts{OS: "linux", Arch: "arm64", Root: true}, err: "Docker and the Dagger CLI"},
	} {
		t.Run(name, func(t *testing.T) {
			own, err := Decide(tc.facts)
			if own != tc.own {
				t.Errorf("own %v", own)
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %v", err)
			}
		})
	}
}

func TestFindDaggerSkipsThisProjectsOwn(t *testing.T) {
	cache, installed, scripts, link := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{cache, installed, scripts} {
		writeFile(t, filepath.Join(dir, "dagger"), 0o755)
	}
	if err := os.Mkdir(filepath.Join(scripts, "local"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(scripts, "local", "launch.sh"), 0o644)
	if err := os.Symlink(filepath.Join(scripts, "dagger"), filepath.Join(link, "dagger")); err != nil {
		t.Fatal(err)
	}
	plain := t.TempDir()
	writeFile(t, filepath.Join(plain, "dagger"), 0o644)
	path := []string{"", "/nowhere", cache, scripts, link, plain, installed}
	if got := findDagger(path, cache); got != filepath.Join(installed, "dagger") {
		t.Errorf("found %s", got)
	}
	if got := findDagger(path[:len(path)-1], cache); got != "" {
		t.Errorf("found %s", got)
	}
}

func TestTheEmbeddedEngineIsNoForeignOne(t *testing.T) {
	for runner, want := range map[string]string{
		"":                                   "",
		"tcp://x:1":                          "tcp://x:1",
		"unix:///c/engine/root/engine.sock":  "",
		"unix:///run/dotnet-multiarch-1/e":   "",
		"unix:///run/dagger/engine.sock":     "unix:///run/dagger/engine.sock",
		"unix:///c2/engine/root/engine.sock": "unix:///c2/engine/root/engine.sock",
	} {
		if got := foreign(runner, "/c"); got != want {
			t.Errorf("%s: %q", runner, got)
		}
	}
}

func writeFile(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
		t.Fatal(err)
	}
}
