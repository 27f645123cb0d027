//go:build e2e

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestTheDigestIsTheSame compares builds that have nothing in common but the source's content. Each must really have run
// the publish step: a cached result proves nothing.
func TestTheDigestIsTheSame(t *testing.T) {
	to := repository(t)
	want, _ := push(t, nil, []string{"--image", to})
	for _, c := range []struct {
		name   string
		source func(t *testing.T) string
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
		}},
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
			if err := os.Chmod(filepath.Join(source, "src"), 0o711); err != nil { // a new key, so that nothing is cached
				t.Fatal(err)
			}
			return source
		}},
		{"a pruned cache", func(t *testing.T) string {
			if r := dagger(t, "core", "engine", "local-cache", "prune"); r.code != 0 {
				t.Fatalf("pruning: code %d\n%s", r.code, tail(r.stderr))
			}
			return "sample-app"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, r := push(t, []string{"--source", c.source(t)}, []string{"--image", to})
			if !r.published() {
				t.Error("the publish step did not run")
			}
			if got.Digest != want.Digest {
				t.Errorf("digest %s, want %s", got.Digest, want.Digest)
			}
		})
	}
}
