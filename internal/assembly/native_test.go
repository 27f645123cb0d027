package assembly

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// elfLibrary is the header of a library for a machine: 62 is amd64, 183 arm64.
func elfLibrary(machine byte) string {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20], header[52], header[58] = 3, machine, 1, 64, 64
	return string(header)
}

// folder makes a folder of files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestNativeFilesAreComparedWithTheirPlatform(t *testing.T) {
	const deps = `{"runtimeTarget": {"name": "t"}, "targets": {"t": {"Lib/2.0.0": {"native": {"runtimes/x/native/libz.so": {}}}}}, "libraries": {"Lib/2.0.0": {"type": "package"}}}`
	const assets = `{
		"targets": {"net10.0/linux-arm64": {"Lib/2.0.0": {}, "Family.x64/1.0.0": {}, "Family.arm64/1.0.0": {}}, "net10.0/linux-x64": {"Lib/2.0.0": {}}},
		"libraries": {
			"Lib/2.0.0": {"type": "package", "files": ["runtimes/linux-x64/native/libz.so"]},
			"Family.x64/1.0.0": {"type": "package", "files": ["runtimes/linux-x64/native/libfamily.so"]},
			"Family.arm64/1.0.0": {"type": "package", "files": ["runtimes/linux-arm64/native/libfamily.so"]}
		}
	}`
	amd64, arm64 := platform.Default()[0], platform.Default()[1]
	restored := filepath.Join(folder(t, map[string]string{"assets.json": assets}), "assets.json")
	input := func(on platform.Platform, assets string, files map[string]string) Input {
		return Input{Platform: on, Assets: assets, Root: folder(t, files)}
	}
	x64 := input(amd64, "", map[string]string{"App.dll": "il", "App.deps.json": deps, "libz.so": elfLibrary(62)})
	for name, c := range map[string]struct {
		inputs  []Input
		allowed native.Allowed
		says    string // "" for no error
	}{
		"what fits":   {inputs: []Input{x64, input(arm64, "", map[string]string{"App.deps.json": deps, "libz.so": elfLibrary(183)})}},
		"the wrong":   {inputs: []Input{x64, input(arm64, "", map[string]string{"App.deps.json": deps, "libz.so": elfLibrary(62)})}, says: "linux/arm64: libz.so (package Lib 2.0.0) is for amd64: take"},
		"none":        {inputs: []Input{x64, input(arm64, restored, map[string]string{"App.deps.json": deps, "libfamily.so": elfLibrary(183)})}, says: "linux/arm64: libz.so (package Lib 2.0.0) is missing: the package has it for linux/amd64 and not for this platform: take"},
		"none, alone": {inputs: []Input{input(arm64, restored, map[string]string{"App.deps.json": deps, "libfamily.so": elfLibrary(183)})}, says: "linux/arm64: libz.so (package Lib 2.0.0) is missing: the package has it for linux-x64 and not for linux-arm64: take"},
		"one file":    {inputs: []Input{input(arm64, restored, map[string]string{"App": elfLibrary(183)})}},
		"no restore":  {inputs: []Input{input(arm64, filepath.Join(t.TempDir(), "none.json"), map[string]string{"App.deps.json": deps})}},
		"allowed":     {inputs: []Input{input(arm64, restored, map[string]string{"App.deps.json": deps, "libfamily.so": elfLibrary(62)})}, allowed: native.Allowed{"lib*.so"}},
	} {
		notes, err := CheckNative(app, c.inputs, platform.Glibc, c.allowed)
		if len(notes) > 0 || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v, want %q", name, notes, err, c.says)
		}
	}
}
