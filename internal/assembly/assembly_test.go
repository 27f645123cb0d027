package assembly

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

func publish(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func deps(rid string) string {
	return `{"runtimeTarget":{"name":"T/` + rid + `"},"targets":{"T/` + rid + `":{
	 "App/1.0.0":{"runtime":{"App.dll":{}}},"Core/1.0.0":{"runtime":{"Core.dll":{}}},"Dapper/2.0":{"runtime":{"lib/Dapper.dll":{}}}}},
	 "libraries":{"App/1.0.0":{"type":"project"},"Core/1.0.0":{"type":"project"},"Dapper/2.0":{"type":"package"}}}`
}

func inputs(t *testing.T, app string) []Input {
	t.Helper()
	var inputs []Input
	for _, p := range platform.Default() {
		rid := p.RuntimeIdentifier(platform.Glibc)
		inputs = append(inputs, Input{Platform: p, Base: image.Base{Name: "base", Image: empty.Image}, Root: publish(t, map[string]string{
			"App": rid, "App.dll": app, "Core.dll": "core", "Dapper.dll": "dapper", "App.deps.json": deps(rid),
		})})
	}
	return inputs
}

func parts(t *testing.T, app dotnet.Project, in []Input) []image.Part {
	t.Helper()
	config, err := NewConfig(app, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Parts(app, config, in, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func digests(t *testing.T, p image.Part) []string {
	t.Helper()
	var list []string
	for _, l := range p.Layers {
		d, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d.String())
	}
	return list
}

var app = dotnet.Project{Path: "App.csproj", Properties: map[string]string{"AssemblyName": "App"}}

func TestPlatformsShareEveryLayerButTheNativeOne(t *testing.T) {
	both := parts(t, app, inputs(t, "il"))
	amd64, arm64 := digests(t, both[0]), digests(t, both[1])
	if len(amd64) != len(dotnet.Groups) {
		t.Fatalf("%d layers", len(amd64))
	}
	for i, g := range dotnet.Groups {
		if shared := amd64[i] == arm64[i]; shared == (g == dotnet.Native) {
			t.Errorf("layer %s: shared %v", g, shared)
		}
	}
}

func TestAnEditOfTheAppChangesOneLayer(t *testing.T) {
	before, after := digests(t, parts(t, app, inputs(t, "il"))[0]), digests(t, parts(t, app, inputs(t, "edited"))[0])
	for i, g := range dotnet.Groups {
		if changed := before[i] != after[i]; changed != (g == dotnet.App) {
			t.Errorf("layer %s: changed %v", g, changed)
		}
	}
}

func TestEntrypointFollowsTheMode(t *testing.T) {
	in := inputs(t, "il")
	if got := parts(t, app, in)[0].Settings.Entrypoint; !slices.Equal(got, []string{"dotnet", "/app/App.dll"}) {
		t.Errorf("framework-dependent: %q", got)
	}
	own := dotnet.Project{Path: "App.csproj", Properties: map[string]string{"AssemblyName": "App", "SelfContained": "true"}}
	if got := parts(t, own, in)[0].Settings.Entrypoint; !slices.Equal(got, []string{"/app/App"}) {
		t.Errorf("self-contained: %q", got)
	}
	native := []Input{{Platform: in[0].Platform, Base: in[0].Base, Root: publish(t, map[string]string{"App": "elf"})}}
	if got := parts(t, app, native)[0].Settings.Entrypoint; !slices.Equal(got, []string{"/app/App"}) {
		t.Errorf("no dll: %q", got)
	}
}

func TestAnEmptyBuildIsAnError(t *testing.T) {
	empty := []Input{{Platform: platform.Default()[0], Root: t.TempDir()}}
	if _, err := Parts(app, Config{}, empty, t.TempDir()); err == nil || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("error %v", err)
	}
}
