//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// doctored is the worker with a step that lays the x64 library into the arm64 files, as a package with a wrong asset does.
func doctored(t *testing.T) string {
	t.Helper()
	source := t.TempDir()
	if err := os.CopyFS(source, os.DirFS(filepath.Join("testdata", "worker"))); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(source, "Worker.csproj"), "</Project>", `
  <Target Name="Doctor" AfterTargets="Publish" Condition="'$(RuntimeIdentifier)' == 'linux-arm64'">
    <ItemGroup><_Wrong Include="$(NuGetPackageRoot)**/linux-x64/native/libe_sqlite3.so" /></ItemGroup>
    <Copy SourceFiles="@(_Wrong)" DestinationFolder="$(PublishDir)" />
  </Target>
</Project>`)
	return source
}

// TestAForeignLibraryIsRefused before anything is pushed, naming the file and the package, and goes through where it is allowed.
func TestAForeignLibraryIsRefused(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	source, image := doctored(t), repository(t)
	r := dagger(t, "--progress=plain", "call", "--source", source, "build-and-push", "--image", image)
	message := finalError(r.stderr)
	for _, says := range []string{"linux/arm64: libe_sqlite3.so (package SQLitePCLRaw.lib.e_sqlite3 ", ") is for amd64", "--allow-foreign 'libe_sqlite3.so'"} {
		if r.code == 0 || !strings.Contains(message, says) {
			t.Errorf("code %d, and no %q in\n%s", r.code, says, message)
		}
	}
	if tagged(t, image+":latest") {
		t.Error("it is tagged all the same")
	}
	p, _ := push(t, []string{"--source", source, "--allow-foreign", "libe_sqlite3.so"}, []string{"--image", image})
	r = dagger(t, "--progress=plain", "call", "inspect", "--image", p.Reference, "--check")
	if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "linux/arm64: libe_sqlite3.so (package SQLitePCLRaw.lib.e_sqlite3 ") {
		t.Errorf("inspect --check: code %d\n%s", r.code, message)
	}
}

// TestAMissingLibraryIsRefused: the package has its library for linux-x64 alone, and arm64 alone is built.
func TestAMissingLibraryIsRefused(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	var nupkg bytes.Buffer
	archive := zip.NewWriter(&nupkg)
	for _, file := range [][2]string{
		{"Only.X64.nuspec", `<package><metadata><id>Only.X64</id><version>1.2.0</version><authors>test</authors><description>test</description></metadata></package>`},
		{"runtimes/linux-x64/native/libonly.so", "\x7fELF"},
	} {
		w, err := archive.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	source := t.TempDir()
	write(t, source, map[string]string{
		"App.csproj": `<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><UseAppHost>false</UseAppHost></PropertyGroup>
  <ItemGroup><PackageReference Include="Only.X64" Version="1.2.0" /></ItemGroup>
</Project>`,
		"Program.cs":                    `System.Console.WriteLine("hello");`,
		"nuget.config":                  `<configuration><packageSources><add key="local" value="packages" /></packageSources></configuration>`,
		"packages/only.x64.1.2.0.nupkg": nupkg.String(),
	})
	r := dagger(t, "--progress=plain", "call", "--source", source, "--platforms", "linux/arm64", "build-and-push", "--dry-run", "--image", repository(t))
	const says = "linux/arm64: libonly.so (package Only.X64 1.2.0) is missing: the package has it for linux-x64 and not for linux-arm64"
	if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, says) {
		t.Errorf("code %d, no %q in\n%s", r.code, says, message)
	}
}

// TestInspectTellsTheNativeFilesOfEachPlatform: SQLite's library is the platform's own in either image.
func TestInspectTellsTheNativeFilesOfEachPlatform(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	p, _ := push(t, []string{"--source", filepath.Join("scripts", "e2e", "testdata", "worker")}, []string{"--image", repository(t)})
	r := dagger(t, "--progress=plain", "call", "inspect", "--image", p.Reference, "--format", "json", "--check")
	var told struct {
		Digest    string
		Findings  []any
		Platforms []struct {
			Platform, Digest, User string
			Size, AppSize          int64
			Base                   struct {
				Name  string
				Newer bool
			}
			Layers []struct {
				Of, What string
				Files    int
			}
			Native []struct{ Path, Package, Architecture, Libc string }
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &told); r.code != 0 || err != nil {
		t.Fatalf("code %d, %v\n%s", r.code, err, tail(r.stderr))
	}
	if told.Digest != p.Digest || len(told.Findings) > 0 || len(told.Platforms) != 2 {
		t.Fatalf("%+v", told)
	}
	for i, one := range told.Platforms {
		pushed := p.Platforms[i]
		if one.Platform != pushed.Platform || one.Digest != pushed.Digest || one.Size != pushed.Size || one.AppSize != pushed.AppSize {
			t.Errorf("inspect tells %+v, the push told %+v", one, pushed)
		}
		if one.Base.Name != p.Base || one.Base.Newer || one.User != "1654" {
			t.Errorf("%+v", one)
		}
		architecture, libraries := strings.TrimPrefix(one.Platform, "linux/"), 0
		for _, f := range one.Native {
			if f.Architecture != architecture || f.Libc != "glibc" {
				t.Errorf("%s: %+v", one.Platform, f)
			}
			if f.Path == "libe_sqlite3.so" && strings.HasPrefix(f.Package, "SQLitePCLRaw.lib.e_sqlite3 ") {
				libraries++
			}
		}
		if libraries != 1 {
			t.Errorf("%s: no libe_sqlite3.so of its package in %+v", one.Platform, one.Native)
		}
		for _, l := range one.Layers {
			if (l.Of == "app") != (l.Files > 0) || l.What == "" {
				t.Errorf("%s: layer %+v", one.Platform, l)
			}
		}
	}
}
