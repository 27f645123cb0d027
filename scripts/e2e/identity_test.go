//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheDigestIsTheSame compares builds that have nothing in common but the source's content. Each must really have run
// the publish step: a cached result proves nothing.
func TestTheDigestIsTheSame(t *testing.T) {
	to := repository(t)
	want, _ := push(t, nil, []string{"--image", to})
	for n, c := range []struct {
		name   string
		source func(t *testing.T) string
		// constructor has further arguments.
		constructor []string
	}{
		{"another folder, umask and file times", func(t *testing.T) string {
			source := sample(t, "another folder é")
			err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				mode := fs.FileMode(0o600)
				if entry.IsDir() {
					mode = 0o700
				}
				if err := os.Chmod(file, mode); err != nil {
					return err
				}
				then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
				return os.Chtimes(file, then, then)
			})
			if err != nil {
				t.Fatal(err)
			}
			return source
		}, nil},
		{"another path inside the container", func(*testing.T) string { return "sample-app" }, []string{"--source-path", "/elsewhere/deeper/than.that"}},
		{"what git ignores", func(t *testing.T) string {
			source := sample(t, "ignored")
			for name, text := range map[string]string{".gitignore": "/generated\n", "generated/Stale.cs": "not C#", "src/SampleApp.Api/.gitignore": "Local.cs\n", "src/SampleApp.Api/Local.cs": "not C#"} {
				file := filepath.Join(source, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return source
		}, nil},
		{"leftovers of a build beside the sources", func(t *testing.T) string {
			source := sample(t, "leftovers")
			for _, dir := range []string{"bin", "obj", "node_modules", ".git"} {
				stale := filepath.Join(source, "src", "SampleApp.Api", dir)
				if err := os.MkdirAll(stale, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(stale, "Stale.cs"), []byte("not C#"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return source
		}, nil},
		{"a pruned cache", func(t *testing.T) string {
			if r := dagger(t, "core", "engine", "local-cache", "prune"); r.code != 0 {
				t.Fatalf("pruning: code %d\n%s", r.code, tail(r.stderr))
			}
			return "sample-app"
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, r := push(t, append([]string{"--source", c.source(t), "--property", anew(t, n)}, c.constructor...), []string{"--image", to})
			if !r.published() {
				t.Error("the publish step did not run")
			}
			if path := "/elsewhere/deeper/than.that"; slices.Contains(c.constructor, path) && !strings.Contains(r.stderr, "-> "+path+"/src/SampleApp.Api/bin/") {
				t.Error("the source did not lie at the other path")
			}
			if got.Digest != want.Digest {
				t.Errorf("digest %s, want %s", got.Digest, want.Digest)
			}
		})
	}
}

// anew gives the properties that the base images here need and one that nothing reads: the steps' results depend on content
// alone, and with another command line they run again.
func anew(t *testing.T, n int) string {
	t.Helper()
	run := fmt.Sprintf("DotnetMultiarchTestRun=%d-%d", time.Now().UnixNano(), n)
	if property := local(t, "PROPERTY"); property != "" {
		return property + ";" + run
	}
	return run
}
