package dotnet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmulatedDotnetStartsWhatTheCommandMeans runs the script with a QEMU that says what it is given.
func TestEmulatedDotnetStartsWhatTheCommandMeans(t *testing.T) {
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil { //nolint:gosec // programs
			t.Fatal(err)
		}
	}
	moved := strings.NewReplacer(ForeignRoot, at("root"), EmulationDir, at("emulation"))
	for name, text := range EmulatedDotnet("aarch64") {
		put(at("emulation", name), moved.Replace(text))
	}
	put(at("bin", "qemu-aarch64-static"), "#!/bin/sh\nprintf '%s\\n' \"$DOTNET_HOST_PATH\" \"$@\"\n")
	put(at("root/usr/share/dotnet/dotnet"), "foreign")
	put(at("root/usr/share/dotnet/sdk/10.0.100/MSBuild.dll"), "")
	settings := Settings{Configuration: "Release", Feed: true, ConfigFile: true, LockedMode: true}
	app := Project{Path: "A.csproj", Properties: map[string]string{}}
	msbuild := at("root/usr/share/dotnet/sdk/10.0.100/MSBuild.dll")
	for name, c := range map[string]struct{ command, want []string }{
		"msbuild": {Publish(settings, app, []string{"linux-arm64"}, true), append([]string{"exec", msbuild}, Publish(settings, app, []string{"linux-arm64"}, true)[2:]...)},
		"restore": {
			[]string{"dotnet", "restore", "/src/A.csproj", "--source", "/feed", "--configfile", "/c", "--locked-mode", `-p:RuntimeIdentifiers="a;b c"`},
			[]string{"exec", msbuild, "-t:Restore", "-m:1", "/src/A.csproj", "-p:RestoreSources=/feed", "-p:RestoreConfigFile=/c", "-p:RestoreLockedMode=true", `-p:RuntimeIdentifiers="a;b c"`},
		},
		"exec": {[]string{"dotnet", "exec", "csc.dll", "@one two"}, []string{"exec", "csc.dll", "@one two"}},
		"none": {[]string{"dotnet"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(at("emulation", "dotnet"), c.command[1:]...)
			cmd.Env = append(os.Environ(), "PATH="+at("bin")+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			want := strings.Join(append([]string{at("emulation/dotnet"), "-L", at("root"), at("root/usr/share/dotnet/dotnet")}, c.want...), "\n") + "\n"
			if err != nil || string(out) != want {
				t.Errorf("%v\n%s\nwant\n%s", err, out, want)
			}
		})
	}
	if err := os.Remove(at("root/usr/share/dotnet/dotnet")); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(at("emulation", "dotnet"), "--info").CombinedOutput(); err == nil || len(ErrorLines(string(out))) != 1 {
		t.Errorf("an image without dotnet: %v %s", err, out)
	}
}
