package dotnet

import (
	"reflect"
	"testing"
)

func TestLackingNativeLibraries(t *testing.T) {
	const text = `{
		"targets": {
			"net10.0": {"Only.x64/1.0.0": {}},
			"net10.0/linux-arm64": {"Only.x64/1.0.0": {}, "All/1.0.0": {}, "Generic/1.0.0": {}, "Windows/1.0.0": {}, "Glibc/1.0.0": {}, "App.Core/1.0.0": {}},
			"net10.0/linux-x64": {"Only.x64/1.0.0": {}, "All/1.0.0": {}},
			"net10.0/linux-musl-x64": {"Only.x64/1.0.0": {}, "Musl/1.0.0": {}},
			"net10.0/linux-musl-arm64": {"Glibc/1.0.0": {}}
		},
		"libraries": {
			"Only.x64/1.0.0": {"type": "package", "files": ["lib/net8.0/a.dll", "runtimes/linux-x64/native/b.so", "runtimes/linux-x64/native/a.so", "runtimes/linux-x86/native/a.so", "runtimes/linux-x64/native/notice.txt", "runtimes/win-x64/native/a.dll"]},
			"All/1.0.0": {"type": "package", "files": ["runtimes/linux-x64/native/c.so", "runtimes/linux-arm64/native/c.so", "runtimes/linux-musl-x64/native/d.so"]},
			"Generic/1.0.0": {"type": "package", "files": ["runtimes/linux-x64/native/e.so", "runtimes/unix/native/e.so"]},
			"Windows/1.0.0": {"type": "package", "files": ["runtimes/win-x64/native/f.dll", "runtimes/osx/native/f.dylib"]},
			"Glibc/1.0.0": {"type": "package", "files": ["runtimes/linux-arm64/native/g.so"]},
			"Musl/1.0.0": {"type": "package", "files": ["runtimes/linux-musl-x64/native/h.so"]},
			"App.Core/1.0.0": {"type": "project"}
		}
	}`
	assets, err := ParseAssets([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for identifier, want := range map[string][]LackingAsset{
		"linux-arm64":      {{"a.so", "Only.x64 1.0.0", "linux-x64"}, {"b.so", "Only.x64 1.0.0", "linux-x64"}},
		"linux-x64":        nil,
		"linux-musl-x64":   nil, // glibc's is taken there where nothing fits better
		"linux-musl-arm64": nil,
		"linux-riscv64":    nil, // not restored
	} {
		if got := assets.Lacking(identifier); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", identifier, got, want)
		}
	}
	if _, err := ParseAssets([]byte("{")); err == nil {
		t.Error("half an object is taken")
	}
}

func TestALibraryOfMuslAloneIsLackingOnGlibc(t *testing.T) {
	assets, err := ParseAssets([]byte(`{"targets": {"net10.0/linux-x64": {"Musl/1.0.0": {}}}, "libraries": {"Musl/1.0.0": {"type": "package", "files": ["runtimes/linux-musl-x64/native/h.so"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := assets.Lacking("linux-x64"); len(got) != 1 || got[0].Has != "linux-musl-x64" {
		t.Errorf("%v", got)
	}
}
