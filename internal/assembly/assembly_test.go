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
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func deps(rid string) string {
	return `{"runtimeTarget":{"name":"T/` + rid + `"},"targets":{"T/` + rid + `":{
	 "App/1.0.0":{"runtime":{"App.dll":{}}},"Core/1.0.0":{"runtime":{"Core.dll":{}}},"Dapper/2.0":{"runtime":{"lib/Dapper.dll":{}}},
	 "Runtime/10.0":{"runtime":{"System.Private.CoreLib.dll":{}},"native":{"libcoreclr.so":{}}}}},
	 "libraries":{"App/1.0.0":{"type":"project"},"Core/1.0.0":{"type":"project"},"Dapper/2.0":{"type":"package"},"Runtime/10.0":{"type":"runtimepack"}}}`
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

// plainConfig is that of an app of which neither caller nor project says more.
func plainConfig(t *testing.T) Config {
	t.Helper()
	config, err := NewConfig(app, Choices{})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func parts(t *testing.T, app dotnet.Project, in []Input) []image.Part {
	t.Helper()
	parts, err := Parts(app, plainConfig(t), in, image.Gzip, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

var app = dotnet.Project{Path: "App.csproj", Properties: map[string]string{"AssemblyName": "App"}}

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
	if _, err := Parts(app, Config{}, empty, image.Gzip, t.TempDir()); err == nil || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("error %v", err)
	}
}
