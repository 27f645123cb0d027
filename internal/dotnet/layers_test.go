package dotnet

import (
	"fmt"
	"strings"
	"testing"
)

// published are the files of an app in each shape that a publish gives, with the layer that each belongs to. The shapes are
// those of SDK 10: dotnet publish -r linux-arm64 with PublishSelfContained, PublishTrimmed, PublishSingleFile, PublishAot.
var published = map[string]struct {
	deps string
	want map[string]Group
}{
	"framework-dependent": {deps, map[string]Group{
		"App.dll": App, "App.pdb": App, "App.xml": App, "App.runtimeconfig.json": App, "appsettings.json": App, "web.config": App,
		"App.staticwebassets.endpoints.json": App, "LICENSE": App, "Plugin.dll": App, "plugins/Plugin.dll": App,
		"App": Native, "App.deps.json": Native, "libe_sqlite3.so": Native, "runtimes/linux-arm64/native/libe_sqlite3.so": Native, "libown.so": Native,
		"Core.dll": Libraries, "Core.pdb": Libraries, "Core.xml": Libraries, "de/Core.resources.dll": Libraries,
		"Dapper.dll": Packages, "Dapper.xml": Packages, "de/Humanizer.resources.dll": Packages,
		"wwwroot/site.css": Content, "wwwroot/data.json": Content, "wwwroot/_framework/Client.dll": Content, "model.onnx": Content, "templates/mail.html": Content,
	}},
	"self-contained or trimmed": {deps, map[string]Group{
		"App.dll": App, "App": Native, "App.deps.json": Native, "libe_sqlite3.so": Native, "Dapper.dll": Packages, "Core.dll": Libraries,
		"System.Runtime.dll": Runtime, "libcoreclr.so": Runtime, "createdump": Runtime,
	}},
	"single file": {"", map[string]Group{
		"App": App, "App.pdb": App, "Core.pdb": App, "appsettings.json": App, "libe_sqlite3.so": Native, "wwwroot/site.css": Content,
	}},
	"Native AOT": {"", map[string]Group{
		"App": App, "appsettings.json": App, "App.staticwebassets.endpoints.json": App, "libe_sqlite3.so": Native, "App.dbg": Native, "wwwroot/site.css": Content,
	}},
	"without deps.json": {"", map[string]Group{
		"App.dll": App, "App": Native, "Dapper.dll": App, "libe_sqlite3.so": Native,
	}},
}

func TestLayoutSortsByRateOfChange(t *testing.T) {
	for shape, p := range published {
		t.Run(shape, func(t *testing.T) {
			var files []string
			for file := range p.want {
				files = append(files, file)
			}
			var deps []byte
			if p.deps != "" {
				deps = []byte(p.deps)
			}
			l, err := NewLayout("App", deps, files)
			if err != nil {
				t.Fatal(err)
			}
			for file, want := range p.want {
				if got := l.Group(file); got != want {
					t.Errorf("%s: layer %s, want %s", file, got, want)
				}
			}
		})
	}
}

func TestHalfADepsFileIsAnError(t *testing.T) {
	if _, err := NewLayout("App", []byte("{"), nil); err == nil || !strings.Contains(err.Error(), "App.deps.json") {
		t.Errorf("half a deps.json: %v", err)
	}
}

// Go reads a map in another order each time: a file that two libraries claim must not move between layers.
func TestAFileOfTwoLibrariesIsAlwaysInOneLayer(t *testing.T) {
	var targets, libraries []string
	for i := range 20 {
		kind := []string{"package", "project"}[i%2]
		targets = append(targets, fmt.Sprintf(`"Lib%d/1.0": {"runtime": {"lib/Shared.dll": {}}}`, i))
		libraries = append(libraries, fmt.Sprintf(`"Lib%d/1.0": {"type": %q}`, i, kind))
	}
	deps := `{"runtimeTarget": {"name": "T"}, "targets": {"T": {` + strings.Join(targets, ",") + `}}, "libraries": {` + strings.Join(libraries, ",") + `}}`
	for range 20 {
		l, err := NewLayout("App", []byte(deps), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Group("Shared.dll"); got != Libraries {
			t.Fatalf("Shared.dll is in layer %s", got)
		}
	}
}
