package rebase

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const canonical = "mcr.microsoft.com/dotnet/aspnet:10.0"

// world is a registry with an app in it, and the mirror of its bases.
type world struct {
	t    *testing.T
	host string
	mu   sync.Mutex
	log  []string
	// before is called with each request.
	before func(*http.Request)
	layer  image.Layer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	backend := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.log = append(w.log, r.Method+" "+r.URL.Path)
		before := w.before
		w.mu.Unlock()
		if before != nil {
			before(r)
		}
		backend.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.host = strings.TrimPrefix(server.URL, "http://")
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "App.dll"), []byte("il"), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := image.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	if w.layer, err = image.NewLayer(t.TempDir(), "app", "the app", image.Gzip, files); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client() *registry.Client {
	return registry.New(registry.Options{Loopback: func(context.Context) (string, int, error) { return w.host, 0, nil }})
}

// requests gives what was asked since the last call of forget, by method and a part of the path.
func (w *world) requests(method, part string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []string
	for _, line := range w.log {
		if strings.HasPrefix(line, method+" ") && strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

func (w *world) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = nil
}

// base pushes a version of the base image: a layer and a variable of that version for each platform.
func (w *world) base(tag string, version int64, architectures ...string) {
	w.t.Helper()
	index := v1.ImageIndex(empty.Index)
	for n, architecture := range architectures {
		l, err := random.Layer(64, types.DockerLayer, random.WithSource(rand.NewSource(version*10+int64(n))))
		if err != nil {
			w.t.Fatal(err)
		}
		img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: l, MediaType: types.DockerLayer, History: v1.History{CreatedBy: "base"}})
		if err != nil {
			w.t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			w.t.Fatal(err)
		}
		config.OS, config.Architecture = "linux", architecture
		config.Config = v1.Config{Env: []string{"PATH=/bin", "ASPNETCORE_HTTP_PORTS=8080", fmt.Sprint("DOTNET_VERSION=10.0.", version)}}
		if img, err = mutate.ConfigFile(img, config); err != nil {
			w.t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	w.push(index, w.host+"/mirror/dotnet/aspnet:"+tag)
}

func (w *world) push(index v1.ImageIndex, reference string) {
	w.t.Helper()
	target, err := registry.ParseTarget(reference, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := w.client().Push(context.Background(), index, target); err != nil {
		w.t.Fatal(err)
	}
}

// pulled is where bases come from: as with --base-registry HOST/mirror.
func (w *world) pulled(reference string) string {
	return strings.Replace(reference, "mcr.microsoft.com/", w.host+"/mirror/", 1)
}

// built is the app as a build lays it on what the base's name stands for now.
func (w *world) built(name string) v1.ImageIndex {
	w.t.Helper()
	bases, err := w.client().Bases(context.Background(), w.pulled(name), name, platform.Default())
	if err != nil {
		w.t.Fatal(err)
	}
	var parts []image.Part
	for i, p := range platform.Default() {
		parts = append(parts, image.Part{Platform: p, Base: bases[i], Layers: []image.Layer{w.layer}, Settings: image.Settings{
			Entrypoint: []string{"dotnet", "/app/App.dll"}, WorkingDir: "/app", Env: map[string]string{"APP": "1"}, Annotations: map[string]string{"mine": "1", "org.opencontainers.image.version": "1"},
		}})
	}
	index, err := image.Index(parts)
	if err != nil {
		w.t.Fatal(err)
	}
	return index
}

func (w *world) digest(reference string) string {
	w.t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		w.t.Fatal(err)
	}
	descriptor, err := remote.Head(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return descriptor.Digest.String()
}

func digestOf(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func (w *world) request(image string, tags ...string) Request {
	w.t.Helper()
	r, err := Parse(image, tags)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Pulled = w.pulled
	return r
}

func TestRebaseGivesTheImageThatABuildGives(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	old := w.built(canonical)
	w.push(old, app+":1")
	w.base("10.0", 2, "amd64", "arm64")
	w.forget()
	got, err := Run(context.Background(), w.client(), w.request(app+":1"))
	if err != nil {
		t.Fatal(err)
	}
	want := digestOf(t, w.built(canonical))
	if got.Digest != want || w.digest(app+":1") != want || got.RebasedFrom != app+"@"+digestOf(t, old) {
		t.Errorf("rebased %s to %s, tagged %s, want %s", got.RebasedFrom, got.Digest, w.digest(app+":1"), want)
	}
	layer, err := w.layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if read := w.requests("GET", layer.String()); len(read) > 0 {
		t.Errorf("the app's layer was read: %q", read)
	}
	if got.Base != canonical || got.BaseDigest != w.digest(w.pulled(canonical)) || len(got.Platforms) != 2 || got.Platforms[0].App == 0 || got.BytesSent == 0 {
		t.Errorf("publication %+v", got)
	}
	ref, err := name.ParseReference(got.Reference)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}
}

func TestRebaseOnTheSameBaseWritesNothing(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	w.push(w.built(canonical), app+":1")
	w.forget()
	got, err := Run(context.Background(), w.client(), w.request(app+":1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != w.digest(app+":1") || got.RebasedFrom != "" || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "nothing was written") || strings.Join(got.Tags, ",") != "1" {
		t.Errorf("publication %+v", got)
	}
	if puts := w.requests("PUT", ""); len(puts) > 0 {
		t.Errorf("wrote %q", puts)
	}
	if !slices.Equal(got.Ports, []string{"8080/tcp"}) {
		t.Errorf("ports %q", got.Ports)
	}
}

func TestRebaseOnTheSameBaseWritesTheTagsAskedFor(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	w.push(w.built(canonical), app+":1")
	w.forget()
	got, err := Run(context.Background(), w.client(), w.request(app+":1", "2"))
	if err != nil {
		t.Fatal(err)
	}
	if w.digest(app+":2") != w.digest(app+":1") || got.RebasedFrom != "" || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "the tags and nothing else") || strings.Join(got.Tags, ",") != "2" {
		t.Errorf("publication %+v", got)
	}
	if puts := w.requests("PUT", ""); len(puts) != 1 {
		t.Errorf("wrote %q", puts)
	}
}

func TestRebaseToOtherTagsAndAnotherBase(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	w.base("10.0-noble", 5, "amd64", "arm64")
	old := w.built(canonical)
	w.push(old, app+":1")
	r := w.request(app+"@"+digestOf(t, old), "moved", "moved-too")
	r.Base = canonical + "-noble"
	got, err := Run(context.Background(), w.client(), r)
	if err != nil {
		t.Fatal(err)
	}
	want := digestOf(t, w.built(canonical+"-noble"))
	if got.Digest != want || w.digest(app+":moved") != want || w.digest(app+":moved-too") != want {
		t.Errorf("moved to %s, want %s", got.Digest, want)
	}
	if w.digest(app+":1") != digestOf(t, old) {
		t.Error("a tag that was not named moved")
	}
}

func TestRebaseRefuses(t *testing.T) {
	w := newWorld(t)
	w.base("10.0", 1, "amd64", "arm64")
	whole := func() v1.ImageIndex { return w.built(canonical) }
	changed := func(change func(v1.Image) v1.Image) func() v1.ImageIndex {
		return func() v1.ImageIndex {
			index := w.built(canonical)
			manifest, err := index.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			img, err := index.Image(manifest.Manifests[0].Digest)
			if err != nil {
				t.Fatal(err)
			}
			return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: change(img), Descriptor: v1.Descriptor{Platform: manifest.Manifests[0].Platform}})
		}
	}
	annotated := func(name, value string) func() v1.ImageIndex {
		return changed(func(img v1.Image) v1.Image { return mutate.Annotations(img, map[string]string{name: value}).(v1.Image) })
	}
	gone := "sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		app string
		of  func() v1.ImageIndex
		// after happens once the app is there.
		after func()
		says  string
	}{
		{"no-base", annotated("org.opencontainers.image.base.name", ""), nil, "linux/amd64: it does not say which base it was built on"},
		{"gone", annotated("org.opencontainers.image.base.digest", gone), nil, "@" + gone + " is gone from " + w.host},
		{"digest", annotated("org.opencontainers.image.base.name", canonical+"@"+gone), nil, "a digest that never moves: say with --base where to"},
		{"nonsense", annotated("org.opencontainers.image.base.digest", "latest"), nil, "base.digest is no digest"},
		{"foreign", changed(func(img v1.Image) v1.Image {
			l, err := random.Layer(64, types.OCILayer)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			other, err := mutate.AppendLayers(empty.Image, l)
			if err != nil {
				t.Fatal(err)
			}
			return mutate.Annotations(other, manifest.Annotations).(v1.Image)
		}), func() { w.base("10.0", 2, "amd64", "arm64") }, "linux/amd64: its layer 1 is sha256:"},
		{"platform", whole, func() { w.base("10.0", 3, "amd64") }, "the base " + canonical + " has no linux/arm64, only linux/amd64: give another with --base"},
	} {
		app := w.host + "/refused/" + c.app + ":1"
		w.base("10.0", 1, "amd64", "arm64")
		w.push(c.of(), app)
		if c.after != nil {
			c.after()
		}
		before := w.digest(app)
		_, err := Run(context.Background(), w.client(), w.request(app))
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.app, err)
		}
		if w.digest(app) != before {
			t.Errorf("%s: it was refused and yet pushed", c.app)
		}
	}
	w.base("10.0", 1, "amd64", "arm64")
	manifest, err := w.built(canonical).IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	one := w.host + "/refused/no-base@" + manifest.Manifests[0].Digest.String()
	w.push(w.built(canonical), w.host+"/refused/no-base:1")
	if _, err := Run(context.Background(), w.client(), w.request(one, "x")); err == nil || !strings.Contains(err.Error(), "not an index") {
		t.Errorf("one platform's manifest: %v", err)
	}
}

func TestRebaseLeavesAttestationsOut(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	attestation := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	w.push(mutate.AppendManifests(w.built(canonical), mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}}), app+":1")
	w.base("10.0", 2, "amd64", "arm64")
	got, err := Run(context.Background(), w.client(), w.request(app+":1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != digestOf(t, w.built(canonical)) || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "attestations") {
		t.Errorf("publication %+v", got)
	}
}

func TestRebaseLeavesAnImageThatWasPushedMeanwhile(t *testing.T) {
	w := newWorld(t)
	app := w.host + "/team/app"
	w.base("10.0", 1, "amd64", "arm64")
	w.push(w.built(canonical), app+":1")
	w.base("10.0", 2, "amd64", "arm64")
	newer := w.built(canonical)
	newer = mutate.Annotations(newer, map[string]string{"newer": "1"}).(v1.ImageIndex)
	var once sync.Once
	w.mu.Lock()
	w.before = func(r *http.Request) {
		// The new base is looked up after the image was read.
		if r.URL.Path == "/v2/mirror/dotnet/aspnet/manifests/10.0" {
			once.Do(func() { w.push(newer, app+":1") })
		}
	}
	w.mu.Unlock()
	_, err := Run(context.Background(), w.client(), w.request(app+":1"))
	if err == nil || !strings.Contains(err.Error(), "another image was pushed there meanwhile") {
		t.Errorf("it says %v", err)
	}
	if w.digest(app+":1") != digestOf(t, newer) {
		t.Error("the newer image lost its tag")
	}
}

func TestParse(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		reference string
		tags      []string
		want      string
	}{
		{"ghcr.io/me/app", nil, "ghcr.io/me/app:latest -> latest"},
		{"ghcr.io/me/app:1", nil, "ghcr.io/me/app:1 -> 1"},
		{"ghcr.io/me/app:1", []string{"2", "3"}, "ghcr.io/me/app:1 -> 2,3"},
		{"ghcr.io/me/app@" + digest, []string{"2"}, "ghcr.io/me/app@" + digest + " -> 2"},
		{"ghcr.io/me/app:1@" + digest, []string{"2"}, "ghcr.io/me/app@" + digest + " -> 2"},
	} {
		r, err := Parse(c.reference, c.tags)
		if got := r.Image + " -> " + strings.Join(r.Target.Tags, ","); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.reference, got, err, c.want)
		}
	}
	for reference, says := range map[string]string{"ghcr.io/me/app@" + digest: "--tag", "": "--image", "ghcr.io/A": "lower case"} {
		if _, err := Parse(reference, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", reference, err)
		}
	}
	if _, err := Parse("ghcr.io/me/app@sha256:1", []string{"x"}); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("a malformed digest: %v", err)
	}
}
