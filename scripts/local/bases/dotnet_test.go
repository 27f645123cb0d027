package bases

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

func TestFilesOfARootGoToTheirLayer(t *testing.T) {
	for name, want := range map[string]string{
		"dotnet":                         "runtime-arm64",
		"LICENSE.txt":                    "runtime-arm64",
		"ThirdPartyNotices.txt":          "runtime-arm64",
		"host/fxr/10.0.12/libhostfxr.so": "runtime-arm64",
		"shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so":   "runtime-arm64",
		"shared/Microsoft.AspNetCore.App/10.0.12/Kestrel.dll":  "aspnet-arm64",
		"sdk/10.0.401/MSBuild.dll":                             "",
		"packs/Microsoft.NETCore.App.Ref/10.0.12/ref/mscorlib": "",
	} {
		if got := runtimeLayer(name, "arm64"); got != want {
			t.Errorf("%s goes to %q, want %q", name, got, want)
		}
	}
}

func TestChannelIsMajorAndMinor(t *testing.T) {
	for version, want := range map[string]string{"10.0.12": "10.0", "3.1.2": "3.1", "11.0.0-rc.1.25451": "11.0"} {
		if got := (versions{Runtime: version}).channel(); got != want {
			t.Errorf("that of %s is %s, want %s", version, got, want)
		}
	}
}

// sdkRoot and runtimeRoot are the files of tiny .NET roots.
func sdkRoot(version string) []file {
	return append(runtimeRoot(version), file{name: "sdk/10.0.401/MSBuild.dll", content: "msbuild", mode: 0o744})
}

func runtimeRoot(version string) []file {
	return []file{
		{name: "dotnet", content: "muxer", mode: 0o755},
		{name: "LICENSE.txt", content: "MIT"},
		{name: "host/fxr/" + version + "/libhostfxr.so", content: "host"},
		{name: "shared/Microsoft.NETCore.App/" + version + "/libcoreclr.so", content: "clr"},
		{name: "shared/Microsoft.AspNetCore.App/" + version + "/Kestrel.dll", content: "kestrel"},
	}
}

func archive(t *testing.T, roots map[string][]file) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, root := range []string{"sdk-linux-x64", "aspnet-linux-x64", "aspnet-linux-arm64", "feed", "package"} {
		for _, f := range roots[root] {
			f.name = root + "/" + f.name
			if err := w.WriteHeader(f.header()); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(f.content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func testBundle(t *testing.T, armVersion string) bundle {
	t.Helper()
	if _, err := xz.find(); err != nil {
		t.Skip(err)
	}
	plain := archive(t, map[string][]file{
		"sdk-linux-x64":      sdkRoot("10.0.12"),
		"aspnet-linux-x64":   runtimeRoot("10.0.12"),
		"aspnet-linux-arm64": runtimeRoot(armVersion),
		"feed":               {{name: "xunit.2.9.3.nupkg", content: "zip"}},
	})
	pack := exec.Command("xz", "--stdout")
	pack.Stdin = bytes.NewReader(plain)
	packed, err := pack.Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dotnet-10.0.tar.xz")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	return bundle{path: path}
}

func silent(string, ...any) {}

func TestBundleBecomesLayers(t *testing.T) {
	b := testBundle(t, "10.0.12")
	got, err := b.layers(context.Background(), t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	if want := (versions{Runtime: "10.0.12", AspNet: "10.0.12", SDK: "10.0.401"}); got.versions != want {
		t.Errorf("versions are %+v, want %+v", got.versions, want)
	}
	if digest, _ := fileDigest(b.path); got.inputs["bundle.digest"] != digest {
		t.Errorf("inputs are %v", got.inputs)
	}
	sdk := contents(t, got.sdk[0].layer)
	expect(t, sdk, map[string]string{
		"usr/share/dotnet/sdk/10.0.401/MSBuild.dll":                            "msbuild",
		"usr/share/dotnet/shared/Microsoft.AspNetCore.App/10.0.12/Kestrel.dll": "kestrel",
		"usr/bin/dotnet": "/usr/share/dotnet/dotnet",
	})
	if e, _ := find(sdk, "usr/share/dotnet/sdk/10.0.401/MSBuild.dll"); e.Mode != 0o755 {
		t.Errorf("0744 becomes %o", e.Mode)
	}
	expect(t, contents(t, got.sdk[1].layer), map[string]string{"usr/share/dotnet-feed/xunit.2.9.3.nupkg": "zip", nugetConfig: nugetSource()})
	for _, arch := range architectures {
		lower, upper := contents(t, got.runtime[arch]), contents(t, got.aspnet[arch])
		expect(t, lower, map[string]string{"usr/share/dotnet/dotnet": "muxer", "usr/bin/dotnet": "/usr/share/dotnet/dotnet"})
		expect(t, upper, map[string]string{"usr/share/dotnet/shared/Microsoft.AspNetCore.App/10.0.12/Kestrel.dll": "kestrel"})
		expectNot(t, lower, "usr/share/dotnet/shared/Microsoft.AspNetCore.App/10.0.12/Kestrel.dll")
		if slices.Contains(names(upper), "usr/share/dotnet/dotnet") {
			t.Error("the muxer is in the upper layer too")
		}
	}
}

func TestBundleOfTwoReleasesIsRefused(t *testing.T) {
	_, err := testBundle(t, "10.0.11").layers(context.Background(), t.TempDir(), silent)
	if err == nil || !strings.Contains(err.Error(), "must be the same") {
		t.Errorf("the error is %v", err)
	}
}

func TestBundleIsConfirmedByWhatItHolds(t *testing.T) {
	b := bundle{path: filepath.Join(t.TempDir(), "dotnet-10.0.tar.xz")}
	write := func(content string, modified time.Time) {
		t.Helper()
		if err := os.WriteFile(b.path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(b.path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Unix(1_700_000_000, 0)
	write("one bundle", then)
	digest, err := fileDigest(b.path)
	if err != nil {
		t.Fatal(err)
	}
	size, modified, err := b.stat()
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]string{"bundle.digest": digest, "bundle.size": size, "bundle.modified": modified, "debian.sdk": "kept"}
	if _, ok := b.confirm(inputs); !ok {
		t.Error("the same file is refused")
	}
	write("one bundle", then.Add(time.Hour))
	refreshed, ok := b.confirm(inputs)
	if _, newer, _ := b.stat(); !ok || refreshed["bundle.modified"] != newer || refreshed["debian.sdk"] != "kept" {
		t.Errorf("a touched file: %v %v", refreshed, ok)
	}
	write("two bundle", then.Add(time.Hour))
	if _, ok := b.confirm(inputs); ok {
		t.Error("another file of the same size is taken for it")
	}
	if err := (bundle{path: b.path + ".missing"}).check(); err == nil || !strings.Contains(err.Error(), "DOTNET_BUNDLE") {
		t.Errorf("of a missing file it says %v", err)
	}
}

func TestNpmPackagesBecomeLayers(t *testing.T) {
	dir := t.TempDir()
	u, err := newUnpacking(dir, "sdk", "runtime-amd64", "aspnet-amd64", "runtime-arm64", "aspnet-arm64")
	if err != nil {
		t.Fatal(err)
	}
	files := append(sdkRoot("3.1.2"), file{name: "package.json", content: "{}"}, file{name: "main.js", content: "js"})
	path := filepath.Join(dir, "package.tgz")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(archive(t, map[string][]file{"package": files})); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, pack := range npmPackages {
		if err := u.npm(pack, path); err != nil {
			t.Fatal(err)
		}
	}
	found, err := u.release(npmPackages[0].name, npmPackages[1].name)
	if err != nil || found.Runtime != "3.1.2" {
		t.Fatal(found, err)
	}
	layers, err := u.finish()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, contents(t, layers["sdk"]), map[string]string{"usr/share/dotnet/dotnet": "muxer", "usr/share/dotnet/sdk/10.0.401/MSBuild.dll": "msbuild"})
	expectNot(t, contents(t, layers["sdk"]), "usr/share/dotnet/package.json", "usr/share/dotnet/main.js")
	expect(t, contents(t, layers["aspnet-arm64"]), map[string]string{"usr/share/dotnet/shared/Microsoft.AspNetCore.App/3.1.2/Kestrel.dll": "kestrel"})
	expectNot(t, contents(t, layers["runtime-arm64"]), "usr/share/dotnet/sdk/10.0.401/MSBuild.dll")
	same(t, layers["runtime-amd64"], layers["runtime-arm64"]) // made of the same files here
}

func same(t *testing.T, a, b v1.Layer) {
	t.Helper()
	one, _ := hashes(t, a)
	other, _ := hashes(t, b)
	if one != other {
		t.Errorf("digests differ: %v, %v", one, other)
	}
}

func TestNpmPackageOfOtherContentIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), npmPackages[0].file())
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := npmPackages[0].check(path); err == nil || !strings.Contains(err.Error(), "integrity") {
		t.Errorf("the error is %v", err)
	}
}
