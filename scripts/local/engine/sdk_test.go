package engine

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
)

func TestSDKDoesNotDependOnHowGoWasInstalled(t *testing.T) {
	fresh, old := goRoot(t, 0o644, time.Now()), goRoot(t, 0o400, time.Unix(1e9, 0))
	if a, b := sdkOf(t, fresh), sdkOf(t, old); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
}

func TestSDKHoldsWhatABuildReads(t *testing.T) {
	dir := t.TempDir()
	tool := goTool{Root: goRoot(t, 0o644, time.Now()), Changed: map[string]string{"GOPRIVATE": "x", "GOFLAGS": "-v"}}
	files := sdkFiles{codegen: codegen(t), compiled: t.TempDir(), certificates: []byte("CA")}
	t.Setenv("GOFLAGS", "-tags=own")
	if err := tool.compileLibrary(t.Context(), files.compiled); err != nil {
		t.Fatal(err)
	}
	if err := writeSDK(dir, tool, files); err != nil {
		t.Fatal(err)
	}
	image := imageOf(t, dir)
	names := namesOf(t, image)
	for name, want := range map[string]bool{
		"usr/local/go/bin/go": true, "usr/local/go/src/a/a.go": true, "usr/local/bin/codegen": true, certificatesPath: true,
		buildCache + "/build std ":     true, // by goRoot's Go, with no flags
		"usr/local/go/src/a/a_test.go": false, "usr/local/go/src/a/testdata/x": false,
		"usr/local/go/src/cmd/x/x.go": false, "usr/local/go/test/x": false,
	} {
		if slices.Contains(names, name) != want {
			t.Errorf("%s is there: %v, want %v", name, !want, want)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"GOTOOLCHAIN=local": true, "GOPRIVATE=x": true, "GOFLAGS=-v": false} {
		if slices.Contains(config.Config.Env, name) != want {
			t.Errorf("%s is set: %v, want %v", name, !want, want)
		}
	}
}

func TestSDKSuits(t *testing.T) {
	s := sdk{Go: "go1.26.8", Source: "a"}
	for _, tc := range []struct {
		source, least string
		want          bool
	}{
		{"a", "1.25.0", true}, {"a", "1.26.8", true}, {"a", "", true}, {"a", "1.27.0", false}, {"a", "1.100", false}, {"b", "1.25.0", false},
	} {
		if got := s.suits(tc.source, tc.least); got != tc.want {
			t.Errorf("for %s and Go %s: %v", tc.source, tc.least, got)
		}
	}
}

func TestAnSDKIsMadeAnewForWhatItIsMadeOf(t *testing.T) {
	tool := goTool{Version: "go1.26.8", Changed: map[string]string{"GOPROXY": "https://proxy.example"}}
	made := newSDK("a", tool, []byte("CA"))
	if again := newSDK("a", tool, []byte("CA")); again != made {
		t.Errorf("%+v and %+v", made, again)
	}
	for name, other := range map[string]sdk{
		"source":       newSDK("b", tool, []byte("CA")),
		"Go":           newSDK("a", goTool{Version: "go1.26.9", Changed: tool.Changed}, []byte("CA")),
		"setting":      newSDK("a", goTool{Version: tool.Version}, []byte("CA")),
		"certificates": newSDK("a", tool, []byte("CA and another")),
	} {
		if other.Folder == made.Folder {
			t.Errorf("another %s, the same SDK", name)
		}
	}
}

func TestTheSDKIsKeptUntilItNoLongerFits(t *testing.T) {
	repository, said := t.TempDir(), 0
	e := Engine{
		Cache: cache.Cache{Dir: t.TempDir()}, Source: filepath.Join(repository, "scripts", "local"),
		Say: func(string, ...any) { said++ },
	}
	certificates, module := filepath.Join(repository, "ca.pem"), filepath.Join(repository, "ci", "go.mod")
	writeFile(t, certificates, "CA")
	writeFile(t, module, "module x\n\ngo 1.25.3\n")
	writeFile(t, filepath.Join(e.Source, "daggerengine", "go.mod"), "module y\n")
	bin, err := e.Bin()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(bin, "codegen"), "program")
	t.Setenv("SSL_CERT_FILE", certificates)
	t.Setenv("PATH", filepath.Join(goRoot(t, 0o644, time.Now()), "bin")+":"+os.Getenv("PATH"))
	ensure := func() (made bool, err error) {
		before := said
		err = e.EnsureSDK(t.Context())
		return said > before, err
	}
	for _, want := range []bool{true, false} {
		if made, err := ensure(); err != nil || made != want {
			t.Fatalf("made: %v, want %v; %v", made, want, err)
		}
	}
	writeFile(t, certificates, "CA and another")
	if made, err := ensure(); err != nil || !made {
		t.Errorf("with other certificates: made %v, %v", made, err)
	}
	writeFile(t, module, "module x\n\ngo 1.99.0\n")
	if made, err := ensure(); made || err == nil || !strings.Contains(err.Error(), "install a newer Go") {
		t.Errorf("with a module that asks for more: made %v, %v", made, err)
	}
}

func TestModuleGoIsThatOfItsGoDirective(t *testing.T) {
	repository := t.TempDir()
	e := Engine{Source: filepath.Join(repository, "scripts", "local")}
	if got, err := e.moduleGo(); err != nil || got != "" {
		t.Errorf("without a module: %q, %v", got, err)
	}
	writeFile(t, filepath.Join(repository, "ci", "go.mod"), "module x\n\ngo 1.25.3\n")
	if got, err := e.moduleGo(); err != nil || got != "1.25.3" {
		t.Errorf("got %q, %v", got, err)
	}
}

func goRoot(t *testing.T, mode os.FileMode, modified time.Time) string {
	t.Helper()
	root := t.TempDir()
	const tool = `#!/bin/sh
case $1 in
env) echo "{\"GOROOT\": \"$(dirname "$(dirname "$0")")\", \"GOVERSION\": \"go1.26.8\"}" ;;
*) mkdir -p "$GOCACHE" && echo >"$GOCACHE/$* $GOFLAGS" ;;
esac
`
	for name, file := range map[string]struct {
		extra   os.FileMode
		content string
	}{
		"bin/go": {0o111, tool}, "src/a/a.go": {}, "src/a/a_test.go": {}, "src/a/testdata/x": {}, "src/cmd/x/x.go": {}, "test/x": {}, "VERSION": {},
	} {
		path := filepath.Join(root, name)
		writeFile(t, path, file.content)
		if err := errors.Join(os.Chmod(path, mode|file.extra), os.Chtimes(path, modified, modified)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func codegen(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "codegen")
	writeFile(t, path, "program")
	return path
}

func sdkOf(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeSDK(dir, goTool{Root: root}, sdkFiles{codegen: codegen(t), compiled: t.TempDir(), certificates: []byte("CA")}); err != nil {
		t.Fatal(err)
	}
	digest, err := manifestDigest(dir)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func imageOf(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func namesOf(t *testing.T, image v1.Image) []string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for files := tar.NewReader(content); ; {
			header, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, strings.TrimSuffix(header.Name, "/"))
		}
	}
	return names
}
