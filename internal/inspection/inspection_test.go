package inspection

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const base = "mcr.microsoft.com/dotnet/aspnet:10.0"

// world is a registry and the mirror of bases in it.
type world struct {
	*testing.T
	host string
}

func newWorld(t *testing.T) world {
	server := httptest.NewServer(memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return world{t, strings.TrimPrefix(server.URL, "http://")}
}

func (w world) pulled(canonical string) string {
	return strings.Replace(canonical, "mcr.microsoft.com", w.host, 1)
}

func (w world) inspect(r Request) (*Inspection, error) {
	client := registry.New(registry.Options{Loopback: func(context.Context) (string, int, error) { return w.host, 0, nil }})
	r.Pulled = w.pulled
	return Run(w.Context(), client, r)
}

func (w world) reference(text string) name.Reference {
	ref, err := name.ParseReference(w.host + "/" + text)
	if err != nil {
		w.Fatal(err)
	}
	return ref
}

// elfFile is the header of a library for a machine, without a C library.
func elfFile(machine byte) string {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20], header[52], header[58] = 3, machine, 1, 64, 64
	return string(header)
}

var library = map[string]string{"amd64": elfFile(62), "arm64": elfFile(183)}

// tarLayer is a layer with files; a text that begins with "-> " is a link.
func (w world) tarLayer(files map[string]string) v1.Layer {
	var b bytes.Buffer
	to := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg}
		if target, link := strings.CutPrefix(files[name], "-> "); link {
			header.Linkname, header.Typeflag, header.Size = target, tar.TypeSymlink, 0
		}
		if err := to.WriteHeader(header); err != nil {
			w.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := io.WriteString(to, files[name]); err != nil {
				w.Fatal(err)
			}
		}
	}
	if err := to.Close(); err != nil {
		w.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		w.Fatal(err)
	}
	return l
}

func (w world) image(architecture string, history []string, layers ...v1.Layer) v1.Image {
	img := empty.Image
	for i, l := range layers {
		var err error
		if img, err = mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{CreatedBy: history[i]}}); err != nil {
			w.Fatal(err)
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		w.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Config = v1.Config{User: "1654", Entrypoint: []string{"dotnet", "/app/my app.dll"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Labels: map[string]string{"a": "b"}}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		w.Fatal(err)
	}
	return img
}

func (w world) index(images map[string]v1.Image) v1.ImageIndex {
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		if img, ok := images[architecture]; ok {
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
		}
	}
	return index
}

// push pushes an index, or an image.
func (w world) push(to string, what remote.Taggable) {
	var err error
	switch what := what.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(w.reference(to), what)
	case v1.Image:
		err = remote.Write(w.reference(to), what)
	}
	if err != nil {
		w.Fatal(err)
	}
}

const deps = `{"runtimeTarget": {"name": "t"}, "targets": {"t": {"Lib/2.0.0": {"native": {"runtimes/x/native/libz.so": {}}}}}, "libraries": {"Lib/2.0.0": {"type": "package"}}}`

// ours builds an image as this module does, on a base that is pushed too; libz.so of arm64 is for what is given.
func (w world) ours(arm64 string) v1.ImageIndex {
	bases := map[string]v1.Image{}
	for _, architecture := range []string{"amd64", "arm64"} {
		bases[architecture] = w.image(architecture, []string{"debian"}, w.tarLayer(map[string]string{"etc/" + architecture: "debian", "lib/ld-linux-aarch64.so.1": "loader"}))
	}
	w.push("dotnet/aspnet:10.0", w.index(bases))
	resolved, err := w.index(bases).Digest()
	if err != nil {
		w.Fatal(err)
	}
	var parts []image.Part
	for i, p := range platform.Default() {
		root := w.TempDir()
		for name, text := range map[string]string{"App.deps.json": deps, "App.dll": "il", "libz.so": library[[]string{"amd64", arm64}[i]]} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				w.Fatal(err)
			}
		}
		files, err := image.Files(root)
		if err != nil {
			w.Fatal(err)
		}
		l, err := image.NewLayer(w.TempDir(), "app", "app", []image.Compression{image.Gzip, image.Zstd}[i], files)
		if err != nil {
			w.Fatal(err)
		}
		digest, err := bases[p.Architecture].Digest()
		if err != nil {
			w.Fatal(err)
		}
		parts = append(parts, image.Part{
			Platform: p, Layers: []image.Layer{l}, Base: image.Base{Name: base, Digest: digest, Resolved: resolved, Image: bases[p.Architecture]},
			Settings: image.Settings{Entrypoint: []string{"dotnet", "/app/App.dll"}, WorkingDir: "/app"},
		})
	}
	index, err := image.Index(parts)
	if err != nil {
		w.Fatal(err)
	}
	return index
}

func TestAnImageOfThisModule(t *testing.T) {
	w := newWorld(t)
	w.push("team/app:1", w.ours("arm64"))
	i, err := w.inspect(Request{Image: w.host + "/team/app:1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(i.Findings) > 0 || len(i.Platforms) != 2 || i.Platforms[1].Platform != "linux/arm64" || !strings.HasSuffix(i.Reference, "@"+i.Digest) {
		t.Fatalf("%+v", i)
	}
	if text, err := i.String("text"); err != nil || !strings.HasSuffix(text, "\nnative files: each fits its platform\n") {
		t.Errorf("%v\n%s", err, text)
	}
	for n, p := range i.Platforms {
		if p.Base == nil || p.Base.Name != base || p.Base.Newer || p.Base.Newest != p.Base.Digest {
			t.Errorf("%s: base %+v", p.Platform, p.Base)
		}
		if len(p.Layers) != 2 || p.Layers[0].Of != ofBase || p.Layers[0].Files != -1 || p.Layers[1].Of != ofApp || p.Layers[1].Files != 3 || p.Layers[1].What != "app" || p.Layers[1].Unpacked == 0 {
			t.Errorf("%s: layers %+v", p.Platform, p.Layers)
		}
		want := native.Found{Path: "libz.so", Package: "Lib 2.0.0", File: native.File{Kind: native.Library, Architecture: []string{"amd64", "arm64"}[n]}}
		if len(p.Native) != 1 || p.Native[0] != want {
			t.Errorf("%s: native files %+v", p.Platform, p.Native)
		}
		if p.App == 0 || p.App >= p.Size {
			t.Errorf("%s: %d bytes, of which the app %d", p.Platform, p.Size, p.App)
		}
	}
	// Its base moves on, and its layers are read when asked for.
	w.push("dotnet/aspnet:10.0", w.index(map[string]v1.Image{
		"amd64": w.image("amd64", []string{"debian"}, w.tarLayer(map[string]string{"etc/debian": "13"})),
		"arm64": w.image("arm64", []string{"debian"}, w.tarLayer(map[string]string{"etc/debian": "13"})),
	}))
	if i, err = w.inspect(Request{Image: w.host + "/team/app:1", BaseLayers: true}); err != nil {
		t.Fatal(err)
	}
	for _, p := range i.Platforms {
		if !p.Base.Newer || p.Base.Newest == p.Base.Digest || p.Layers[0].Files != 2 {
			t.Errorf("%s: base %+v, layers %+v", p.Platform, p.Base, p.Layers)
		}
	}
}

func TestAWrongLibraryIsFound(t *testing.T) {
	w := newWorld(t)
	w.push("team/app:1", w.ours("amd64"))
	want := "linux/arm64: libz.so (package Lib 2.0.0) is for amd64"
	i, err := w.inspect(Request{Image: w.host + "/team/app:1"})
	if err != nil || len(i.Findings) != 1 || i.Findings[0].String() != want {
		t.Fatalf("%v, %+v", err, i)
	}
	if text, err := i.String("text"); err != nil || !strings.Contains(text, "\nwrong: "+want+"\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if i, err = w.inspect(Request{Image: w.host + "/team/app:1", Allowed: native.Allowed{"libz.so"}}); err != nil || len(i.Findings) > 0 {
		t.Errorf("allowed: %v, %+v", err, i.Findings)
	}
	if i, err = w.inspect(Request{Image: w.host + "/team/app:1", Platforms: platform.Default()[:1]}); err != nil || len(i.Findings) > 0 || len(i.Platforms) != 1 {
		t.Errorf("amd64 alone: %v, %+v", err, i)
	}
}

// TestAnImageOfOthers has one manifest of Docker's media types, no annotation, and layers that take away what others brought.
func TestAnImageOfOthers(t *testing.T) {
	w := newWorld(t)
	history := []string{"/bin/sh -c #(nop) ADD file:abc in / ", "RUN /bin/sh -c   make # buildkit", "rm"}
	w.push("other:1", w.image("amd64", history,
		w.tarLayer(map[string]string{"usr/lib/libright.so": library["amd64"], "srv/libwrong.so": library["arm64"], "srv/link": "-> libwrong.so"}),
		w.tarLayer(map[string]string{"srv/gone/libwrong.so": library["arm64"], "old/libwrong.so": library["arm64"]}),
		w.tarLayer(map[string]string{"srv/.wh.gone": "", "old/.wh..wh..opq": ""}),
	))
	i, err := w.inspect(Request{Image: w.host + "/other:1"})
	if err != nil {
		t.Fatal(err)
	}
	p := i.Platforms[0]
	if i.MediaType != string(types.DockerManifestSchema2) || p.Platform != "linux/amd64" || p.Base != nil || p.User != "1654" {
		t.Errorf("%+v", i)
	}
	if p.Layers[0].What != "ADD file:abc in /" || p.Layers[1].What != "RUN /bin/sh -c make" || p.Layers[0].Files != 3 || p.Layers[0].Of != "" {
		t.Errorf("%+v", p.Layers)
	}
	if len(i.Findings) != 1 || i.Findings[0].Path != "srv/libwrong.so" {
		t.Errorf("%+v", i.Findings)
	}
	if i, err = w.inspect(Request{Image: w.host + "/other:1", Allowed: native.Allowed{"libwrong.so"}}); err != nil {
		t.Fatal(err)
	}
	text, err := i.String("text")
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"base        not known", `entrypoint  dotnet "/app/my app.dll"`, "user        1654", "ports       8080/tcp", "label       a=b", "3 files", "native files: each fits its platform (C library not judged: no base is named)\n"} {
		if !strings.Contains(text, says) {
			t.Errorf("no %q in\n%s", says, text)
		}
	}
}

// TestAllowedPathsAreThoseOfTheBuild: a path is allowed below the app's folder, as when the image is built; a file elsewhere has
// its path from the root.
func TestAllowedPathsAreThoseOfTheBuild(t *testing.T) {
	w := newWorld(t)
	img := w.image("amd64", []string{"all"}, w.tarLayer(map[string]string{
		"srv/app/runtimes/gpu/libz.so": library["arm64"], "opt/libz.so": library["arm64"],
	}))
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config.WorkingDir = "/srv/app"
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	w.push("other:2", img)
	for allowed, want := range map[string]string{
		"":                                  "/opt/libz.so runtimes/gpu/libz.so",
		"runtimes/*/libz.so":                "/opt/libz.so",
		"srv/app/runtimes/*/libz.so":        "/opt/libz.so runtimes/gpu/libz.so",
		"/opt/*.so":                         "runtimes/gpu/libz.so",
		"runtimes/gpu/libz.so,/opt/lib?.so": "",
		"libz.so":                           "",
	} {
		patterns, err := native.ParseAllowed(allowed)
		if err != nil {
			t.Fatal(err)
		}
		i, err := w.inspect(Request{Image: w.host + "/other:2", Allowed: patterns})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range i.Findings {
			found = append(found, f.Path)
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("allowed %q: found %q, want %q", allowed, got, want)
		}
	}
}

func TestAttestationsAreNoPlatform(t *testing.T) {
	w := newWorld(t)
	img := w.image("amd64", []string{"one"}, w.tarLayer(map[string]string{"a": "b"}))
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	attestation, err := mutate.AppendLayers(empty.Image, static.NewLayer([]byte("{}"), "application/vnd.in-toto+json"))
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(w.index(map[string]v1.Image{"amd64": img}), mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
		Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest.String()},
	}})
	w.push("team/attested:1", index)
	i, err := w.inspect(Request{Image: w.host + "/team/attested:1"})
	if err != nil || len(i.Platforms) != 1 || len(i.Others) != 1 || i.Others[0].Kind != "attestation-manifest" || i.Others[0].Of != digest.String() {
		t.Fatalf("%v, %+v", err, i)
	}
	if text, _ := i.String("text"); !strings.Contains(text, "beside     attestation-manifest of linux/amd64  sha256:") {
		t.Error(text)
	}
}

func TestWhatCannotBeInspected(t *testing.T) {
	w := newWorld(t)
	w.push("team/app:1", w.ours("arm64"))
	riscv, err := platform.ParseList("linux/riscv64")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		request Request
		says    string
	}{
		{Request{Image: w.host + "/team/app:2"}, "404"},
		{Request{Image: w.host + "/team/app:1", Platforms: riscv}, "it has no linux/riscv64, only linux/amd64, linux/arm64: give --platforms what it has"},
		{Request{Image: "https://example.com/app"}, "leave out the scheme"},
	} {
		if _, err := w.inspect(c.request); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", c.request, err, c.says)
		}
	}
}

// TestABaseThatIsOutOfReachIsANote: an image can be inspected where its base's registry cannot be asked.
func TestABaseThatIsOutOfReachIsANote(t *testing.T) {
	w := newWorld(t)
	w.push("team/app:1", w.ours("arm64"))
	if err := remote.Delete(w.reference("dotnet/aspnet:10.0")); err != nil {
		t.Fatal(err)
	}
	i, err := w.inspect(Request{Image: w.host + "/team/app:1"})
	if err != nil || len(i.Notes) != 1 || !strings.Contains(i.Notes[0], "whether a base newer than "+base+" exists is not known") {
		t.Fatalf("%v, %+v", err, i)
	}
	if p := i.Platforms[0]; p.Base.Newest != "" || p.Layers[0].Of != ofBase {
		t.Errorf("%+v", p)
	}
}

// The names are a contract with users' pipelines; docs/inspect.md has them.
func TestNamesInJSONAreAContract(t *testing.T) {
	w := newWorld(t)
	w.push("team/app:1", w.ours("amd64"))
	i, err := w.inspect(Request{Image: w.host + "/team/app:1"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := i.String("json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	at := func(path ...any) any {
		var v any = fields
		for _, step := range path {
			switch step := step.(type) {
			case string:
				v = v.(map[string]any)[step]
			case int:
				v = v.([]any)[step]
			}
		}
		return v
	}
	for _, path := range [][]any{
		{"reference"}, {"digest"}, {"mediaType"}, {"annotations"}, {"platforms", 0, "platform"}, {"platforms", 0, "digest"}, {"platforms", 0, "mediaType"},
		{"platforms", 0, "size"}, {"platforms", 0, "appSize"}, {"platforms", 0, "created"}, {"platforms", 0, "entrypoint"}, {"platforms", 0, "workingDir"},
		{"platforms", 0, "base", "name"}, {"platforms", 0, "base", "digest"}, {"platforms", 0, "base", "newest"}, {"platforms", 0, "base", "newer"},
		{"platforms", 0, "layers", 1, "digest"}, {"platforms", 0, "layers", 1, "mediaType"}, {"platforms", 0, "layers", 1, "size"}, {"platforms", 0, "layers", 1, "unpackedSize"},
		{"platforms", 0, "layers", 1, "files"}, {"platforms", 0, "layers", 1, "of"}, {"platforms", 0, "layers", 1, "what"},
		{"platforms", 0, "native", 0, "path"}, {"platforms", 0, "native", 0, "package"}, {"platforms", 0, "native", 0, "kind"}, {"platforms", 0, "native", 0, "architecture"},
		{"findings", 0, "platform"}, {"findings", 0, "path"}, {"findings", 0, "package"}, {"findings", 0, "why"},
	} {
		if at(path...) == nil {
			t.Errorf("no %v in %s", path, text)
		}
	}
	markdown, err := i.String("markdown")
	if err != nil || !strings.Contains(markdown, "| linux/arm64 | `sha256:") || !strings.Contains(markdown, "> wrong: linux/arm64: libz.so") {
		t.Errorf("%v\n%s", err, markdown)
	}
}

func TestADamagedLayerIsAnError(t *testing.T) {
	w := newWorld(t)
	broken := static.NewLayer([]byte(fmt.Sprintf("%0512d", 0)), types.DockerUncompressedLayer)
	w.push("team/broken:1", w.image("amd64", []string{"broken"}, broken))
	if _, err := w.inspect(Request{Image: w.host + "/team/broken:1"}); err == nil || !strings.Contains(err.Error(), "reading layer sha256:") {
		t.Errorf("%v", err)
	}
}
