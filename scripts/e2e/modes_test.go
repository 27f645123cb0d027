//go:build e2e

package e2e

import (
	"debug/pe"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readyToRunLinux is mixed into the machine of an assembly with native code for Linux,
// https://github.com/dotnet/runtime/blob/main/docs/design/coreclr/botr/readytorun-format.md
const readyToRunLinux = 0x7b79

// TestEveryPublishMode publishes one app in each mode for both platforms from the machine's own, and asks each result what it
// is, under qemu-user where the platform is foreign.
func TestEveryPublishMode(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	for _, c := range []struct {
		mode, property string
		// native: compiled by Native AOT.
		native, carriesRuntime bool
		entrypoint             string
		has, lacks             []string // in /app
	}{
		{mode: "framework-dependent", entrypoint: "dotnet", has: []string{"Modes.dll"}},
		{mode: "ready-to-run", entrypoint: "dotnet", has: []string{"Modes.dll"}},
		{mode: "self-contained", carriesRuntime: true, entrypoint: "/app/Modes", has: []string{"Modes.dll", "System.Private.CoreLib.dll", "System.Private.Xml.dll"}},
		{mode: "self-contained", property: "PublishReadyToRun=true;PublishReadyToRunComposite=true", carriesRuntime: true, entrypoint: "/app/Modes", has: []string{"*.r2r.dll"}},
		{mode: "single-file", carriesRuntime: true, entrypoint: "/app/Modes", lacks: []string{"*.dll"}},
		{mode: "trimmed", carriesRuntime: true, entrypoint: "/app/Modes", has: []string{"Modes.dll", "System.Private.CoreLib.dll"}, lacks: []string{"System.Private.Xml.dll"}},
		{mode: "native-aot", native: true, carriesRuntime: true, entrypoint: "/app/Modes"},
	} {
		t.Run(strings.TrimSuffix(c.mode+" "+map[bool]string{true: "composite"}[c.property != ""], " "), func(t *testing.T) {
			constructor := []string{"--source", "scripts/e2e/testdata/modes", "--publish", c.mode}
			if c.property != "" { // it compiles the whole framework: a minute for each platform
				constructor = append(constructor, "--property", c.property, "--platforms", "linux/arm64")
			}
			p, _ := push(t, constructor, []string{"--image", repository(t)})
			for _, one := range p.Platforms {
				of, architecture := one.Platform, map[string]string{"linux/amd64": "X64", "linux/arm64": "Arm64"}[one.Platform]
				u := pull(t, p.Reference, of)
				u.checkMachines(t, true)
				if u.config.Entrypoint[0] != c.entrypoint {
					t.Errorf("%s: entry point %q", of, u.config.Entrypoint)
				}
				for _, pattern := range c.has {
					if len(u.find(t, pattern)) == 0 {
						t.Errorf("%s: no %s in the image", of, pattern)
					}
				}
				for _, pattern := range c.lacks {
					if found := u.find(t, pattern); len(found) > 0 {
						t.Errorf("%s: in the image: %q", of, found)
					}
				}
				if c.mode == "framework-dependent" || c.mode == "ready-to-run" {
					want := uint16(pe.IMAGE_FILE_MACHINE_I386) // IL for any processor
					if c.mode == "ready-to-run" {
						want = map[string]uint16{"X64": pe.IMAGE_FILE_MACHINE_AMD64, "Arm64": pe.IMAGE_FILE_MACHINE_ARM64}[architecture] ^ readyToRunLinux
					}
					if machine := u.machine(t, "Modes.dll"); machine != want {
						t.Errorf("%s: Modes.dll is for machine %#x, want %#x", of, machine, want)
					}
				}
				if symbols := u.find(t, "*.dbg"); len(symbols) > 0 {
					t.Errorf("%s: symbols in the image: %q", of, symbols)
				}
				if dlls := u.find(t, "*.dll"); c.native && len(dlls) > 0 {
					t.Errorf("%s: IL in the image: %q", of, dlls)
				}
				facts := get(t, "http://"+u.start(t)+"/facts")
				if facts["architecture"] != architecture || facts["dynamicCode"] == c.native {
					t.Errorf("%s: the app says %v", of, facts)
				}
				if framework := len(u.find(t, "System.Private.CoreLib.dll")) > 0; framework && !c.carriesRuntime {
					t.Errorf("%s: the runtime is in the app's layers", of)
				}
			}
		})
	}
}

// TestSymbols: what the image of a native app leaves out is to be had apart.
func TestSymbols(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	to := t.TempDir()
	r := dagger(t, "--progress=plain", "call", "--source", "scripts/e2e/testdata/modes", "--publish", "native-aot", "symbols", "export", "--path", to)
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	for _, of := range []string{"linux/amd64", "linux/arm64"} {
		if found, err := filepath.Glob(filepath.Join(to, of, "Modes.dbg")); err != nil || len(found) != 1 {
			t.Errorf("%s: %q, %v", of, found, err)
		}
	}
	r = dagger(t, "--progress=plain", "call", "--source", "scripts/e2e/testdata/modes", "symbols", "entries")
	if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "only native-aot") {
		t.Errorf("code %d\n%s", r.code, message)
	}
}

// machine gives the machine in the PE header of an assembly of the app.
func (u unpacked) machine(t *testing.T, assembly string) uint16 {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(u.root, "app", assembly))
	if err != nil {
		t.Fatal(err)
	}
	const addressOfHeader, signature = 0x3c, 4
	header := binary.LittleEndian.Uint32(content[addressOfHeader:])
	return binary.LittleEndian.Uint16(content[header+signature:])
}

// find gives the files of the app that a pattern names, relative to /app.
func (u unpacked) find(t *testing.T, pattern string) []string {
	t.Helper()
	var found []string
	app := filepath.Join(u.root, "app")
	err := filepath.WalkDir(app, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if match, err := filepath.Match(pattern, entry.Name()); err != nil || !match {
			return err
		}
		relative, err := filepath.Rel(app, file)
		found = append(found, relative)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
