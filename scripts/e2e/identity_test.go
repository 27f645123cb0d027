//go:build e2e

package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestTheDigestIsTheSame compares builds that have nothing in common but the source's content. Each must really have run
// the publish step: a cached result proves nothing.
func TestTheDigestIsTheSame(t *testing.T) {
	to := repository(t)
	want, _ := push(t, nil, []string{"--image", to})
	const revision = "8f3c2d1"
	revised, _ := push(t, []string{"--revision", revision}, []string{"--image", to})
	if revised.Digest == want.Digest {
		t.Error("the revision does not reach the digest")
	}
	for n, c := range []struct {
		name string
		// arguments gives the constructor's.
		arguments func(t *testing.T) []string
		// verb gives what it made; push's digest where it is nil.
		verb func(t *testing.T, constructor []string) (digest string, r result)
		// seen is what the build's log must show, where the case could miss what it is about.
		seen string
	}{
		{"a second run", func(*testing.T) []string { return nil }, nil, ""},
		{"another folder, umask, owner and file times", func(t *testing.T) []string {
			source := sample(t, "another folder é")
			disguise(t, source)
			return []string{"--source", source}
		}, nil, ""},
		{"a checkout with core.autocrlf", func(t *testing.T) []string {
			origin, checkout := sample(t, "origin"), filepath.Join(t.TempDir(), "checkout")
			attributes, err := os.ReadFile(filepath.Join(root(t), ".gitattributes"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, origin, map[string]string{".gitattributes": string(attributes)})
			commit(t, origin)
			git(t, ".", "clone", "-q", "-c", "core.autocrlf=true", origin, checkout)
			return []string{"--source", checkout}
		}, nil, ""},
		{"another path inside the container", func(*testing.T) []string {
			return []string{"--source-path", "/elsewhere/deeper/than.that"}
		}, nil, "-> /elsewhere/deeper/than.that/src/SampleApp.Api/bin/"},
		{"what git ignores", func(t *testing.T) []string {
			source := sample(t, "ignored")
			write(t, source, map[string]string{".gitignore": "/generated\n", "generated/Stale.cs": "not C#", "src/SampleApp.Api/.gitignore": "Local.cs\n", "src/SampleApp.Api/Local.cs": "not C#"})
			return []string{"--source", source}
		}, nil, ""},
		{"leftovers of a build beside the sources", func(t *testing.T) []string {
			source := sample(t, "leftovers")
			for _, dir := range []string{"bin", "obj", "node_modules", ".git"} {
				write(t, source, map[string]string{"src/SampleApp.Api/" + dir + "/Stale.cs": "not C#"})
			}
			return []string{"--source", source}
		}, nil, ""},
		{"another date, and one processor more or less", func(t *testing.T) []string { return []string{"--sdk-image", anotherDay(t)} }, nil, ""},
		{"a revision given, with .git", func(t *testing.T) []string {
			source := sample(t, "with")
			commit(t, source)
			return []string{"--source", source, "--revision", revision}
		}, nil, ""},
		{"a revision given, without .git", func(t *testing.T) []string {
			return []string{"--source", sample(t, "without"), "--revision", revision}
		}, nil, ""},
		{"the OCI archive", func(*testing.T) []string { return nil }, archived, ""},
		{"a pruned cache", func(t *testing.T) []string {
			if r := dagger(t, "core", "engine", "local-cache", "prune"); r.code != 0 {
				t.Fatalf("pruning: code %d\n%s", r.code, tail(r.stderr))
			}
			return nil
		}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			arguments := c.arguments(t)
			if !slices.Contains(arguments, "--source") {
				arguments = append(arguments, "--source", "sample-app")
			}
			arguments = append(arguments, "--property", anew(t, n))
			verb, want := c.verb, want.Digest
			if verb == nil {
				verb = func(t *testing.T, constructor []string) (string, result) {
					p, r := push(t, constructor, []string{"--image", to})
					return p.Digest, r
				}
			}
			if slices.Contains(arguments, "--revision") {
				want = revised.Digest
			}
			got, r := verb(t, arguments)
			if !r.published() {
				t.Error("the publish step did not run")
			}
			if !strings.Contains(r.stderr, c.seen) {
				t.Errorf("the build does not show %q", c.seen)
			}
			if got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
}

// archived gives the digest of the index in an OCI archive.
func archived(t *testing.T, constructor []string) (string, result) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.tar")
	r := dagger(t, append(append([]string{"--progress=plain", "call", "--output", file}, constructor...), "image")...)
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	var top v1.IndexManifest
	if err := json.Unmarshal(inside(t, file, "index.json"), &top); err != nil || len(top.Manifests) != 1 {
		t.Fatalf("%v, %v", top, err)
	}
	return top.Manifests[0].Digest.String(), r
}

// disguise changes all that is not content: modes, times and, for root, owners.
func disguise(t *testing.T, source string) {
	t.Helper()
	err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if entry.IsDir() {
			mode = 0o700
		}
		then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		if os.Getuid() == 0 {
			err = os.Lchown(file, 1234, 5678)
		}
		return errors.Join(err, os.Chmod(file, mode), os.Chtimes(file, then, then))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// anotherDay gives an SDK image whose programs see the clock 400 days later and another number of processors.
func anotherDay(t *testing.T) string {
	t.Helper()
	library := faketime(t)
	from := local(t, "SDK_IMAGE")
	if from == "" {
		from = local(t, "BASE_REGISTRY") + "/dotnet/sdk:10.0"
	}
	source, err := name.ParseReference(strings.TrimPrefix(from, "/"))
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := remote.Image(source, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		t.Fatal(err)
	}
	const where = "opt/faketime/libfaketime.so.1"
	layer, err := crane.Layer(map[string][]byte{where: library})
	if err != nil {
		t.Fatal(err)
	}
	if sdk, err = mutate.AppendLayers(sdk, layer); err != nil {
		t.Fatal(err)
	}
	config, err := sdk.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Env = append(config.Config.Env, "LD_PRELOAD=/"+where, "FAKETIME=+400d", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DOTNET_PROCESSOR_COUNT="+strconv.Itoa(runtime.NumCPU()%2+1))
	if sdk, err = mutate.ConfigFile(sdk, config); err != nil {
		t.Fatal(err)
	}
	to, err := name.ParseReference(repository(t) + ":another-day")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, sdk); err != nil {
		t.Fatal(err)
	}
	r := dagger(t, "--silent", "core", "container", "from", "--address", to.Name(), "with-exec", "--args", "date,+%Y", "stdout")
	if want := strconv.Itoa(time.Now().AddDate(0, 0, 400).Year()); strings.TrimSpace(r.stdout) != want {
		t.Fatalf("the SDK's clock shows the year %q, want %s\n%s", strings.TrimSpace(r.stdout), want, tail(r.stderr))
	}
	return to.Name()
}

// faketime gives libfaketime from Debian's package.
func faketime(t *testing.T) []byte {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("libfaketime comes from a Debian package, and there is no apt-get")
	}
	dir := t.TempDir()
	script := "apt-get download -qq libfaketime || { apt-get update -qq && apt-get download -qq libfaketime; }; dpkg -x libfaketime*.deb ."
	if r := run(t, nil, "sh", "-c", "cd '"+dir+"' && "+script); r.code != 0 {
		t.Skip("libfaketime comes from a Debian package, and apt-get does not get it: " + tail(r.stderr))
	}
	found, err := filepath.Glob(filepath.Join(dir, "usr/lib/*/faketime/libfaketime.so.1"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	library, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return withoutWaits(t, library)
}

// withoutWaits takes libfaketime's own waits for conditions out of it: it loses track of their clocks in programs of many threads,
// and of 60 starts of MSBuild one or two said that they had waited 15 minutes for what they had not waited for at all. .NET waits
// by the monotonic clock, which is not faked here, so that the C library's own are right. They are found no more by another name.
func withoutWaits(t *testing.T, library []byte) []byte {
	t.Helper()
	program, err := elf.NewFile(bytes.NewReader(library))
	if err != nil {
		t.Fatal(err)
	}
	section := program.Section(".dynstr")
	if section == nil {
		t.Fatal("libfaketime has no names")
	}
	names := library[section.Offset : section.Offset+section.Size]
	for _, wait := range []string{"pthread_cond_init", "pthread_cond_destroy", "pthread_cond_timedwait"} {
		at := bytes.Index(names, []byte("\x00"+wait+"\x00"))
		if at < 0 {
			t.Fatalf("libfaketime has no %s", wait)
		}
		names[at+1] = 'x'
	}
	return library
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
