package engine

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
)

// sdk is the record of a Go SDK that is served to the engine: an image with Go and
// Dagger's code generator, in which the engine builds modules.
type sdk struct {
	Folder string `json:"folder"` // in the cache's folder engine: an OCI layout
	Digest string `json:"digest"` // of its manifest
	Go     string `json:"go"`     // its Go's version, e.g. go1.26.8
	Source string `json:"source"` // what it was made with: see sdkSource
}

// sdkRecipe is raised when the content of the SDK changes.
const sdkRecipe = 2

func (e Engine) sdkSource() (string, error) {
	key, err := e.sourceKey()
	return fmt.Sprintf("%s-%d", key, sdkRecipe), err
}

func (e Engine) sdkFile() string { return e.Cache.Path("engine", "sdk.json") }

func (e Engine) sdk() (sdk, error) {
	var s sdk
	data, err := os.ReadFile(e.sdkFile())
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err == nil {
		_, err = os.Stat(e.Cache.Path("engine", s.Folder))
	}
	return s, err
}

// suits says whether the SDK is made of source and its Go builds modules whose
// go.mod asks for the version least (as in a go directive, "" for any).
func (s sdk) suits(source, least string) bool {
	return s.Source == source && version.Compare(s.Go, "go"+least) >= 0
}

// wantedSDK is what an SDK must be made of, and the Go that the module asks for.
func (e Engine) wantedSDK() (source, least string, err error) {
	source, err = e.sdkSource()
	if err != nil {
		return "", "", err
	}
	least, err = e.moduleGo()
	return source, least, err
}

// hasSDK says whether there is one that suits.
func (e Engine) hasSDK() bool {
	source, least, err := e.wantedSDK()
	if err != nil {
		return false
	}
	s, err := e.sdk()
	return err == nil && s.suits(source, least)
}

// EnsureSDK makes the Go SDK when it is missing, or when Go, a user's settings of
// it or the machine's certificates have changed. The caller holds the cache's
// lock; the programs are built.
func (e Engine) EnsureSDK(ctx context.Context) error {
	const making = "making the Go SDK of the engine"
	source, least, err := e.wantedSDK()
	if err != nil {
		return err
	}
	tool, err := e.goTool(ctx)
	if err != nil {
		if e.hasSDK() { // made when Go was there
			return nil
		}
		return err
	}
	certificates, err := machineCertificates()
	if err != nil {
		return fmt.Errorf("%s: %w", making, err)
	}
	wanted := newSDK(source, tool, certificates)
	if !wanted.suits(source, least) {
		return fmt.Errorf("%s: ci/go.mod asks for Go %s and this is %s; install a newer Go", making, least, wanted.Go)
	}
	if there, err := e.sdk(); err == nil && there.Folder == wanted.Folder {
		return nil
	}
	started := time.Now()
	e.Say("making the engine's Go SDK from %s: usually half a minute, once for each version of Go", wanted.Go)
	if wanted.Digest, err = e.makeSDK(ctx, wanted, tool, certificates); err != nil {
		return fmt.Errorf("%s: %w", making, err)
	}
	data, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	e.Say("made the engine's Go SDK in %s", elapsed(started))
	return cache.WriteFile(e.sdkFile(), data)
}

// newSDK is one before it is made, in a folder that is named after all that it is
// made of.
func newSDK(source string, tool goTool, certificates []byte) sdk {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n%q\n%s", source, tool.Version, tool.env(), certificates)
	return sdk{Folder: "sdk-" + short(sum.Sum(nil)), Go: tool.Version, Source: source}
}

func (e Engine) makeSDK(ctx context.Context, wanted sdk, tool goTool, certificates []byte) (digest string, err error) {
	bin, err := e.Bin()
	if err != nil {
		return "", err
	}
	dir := e.Cache.Path("engine", wanted.Folder)
	err = e.Cache.Folder(dir, func(tmp string) error {
		compiled := filepath.Join(tmp, "compiled")
		if err := tool.compileLibrary(ctx, compiled); err != nil {
			return err
		}
		err := writeSDK(tmp, tool, sdkFiles{codegen: filepath.Join(bin, "codegen"), compiled: compiled, certificates: certificates})
		return errors.Join(err, os.RemoveAll(compiled))
	})
	if err != nil {
		return "", err
	}
	return manifestDigest(dir)
}

func manifestDigest(dir string) (string, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return "", err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", err
	}
	return manifest.Manifests[0].Digest.String(), nil
}

const (
	// certificatesPath is where SSL_CERT_FILE of the SDK points to.
	certificatesPath = "etc/ssl/certs/ca-certificates.crt"
	// buildCache is what the engine fills the build cache of all its modules with, when that is new.
	buildCache = "root/.cache/go-build"
)

// sdkFiles are what the SDK holds beside Go itself.
type sdkFiles struct {
	codegen      string // Dagger's code generator, a program
	compiled     string // a folder: Go's build cache with the standard library
	certificates []byte
}

func writeSDK(dir string, tool goTool, files sdkFiles) error {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err := mutate.Config(image, v1.Config{Env: append([]string{
		"PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin", "GOPATH=/go", "HOME=/root", "CGO_ENABLED=0",
		"GOTOOLCHAIN=local", "SSL_CERT_FILE=/" + certificatesPath,
	}, tool.env()...)})
	if err != nil {
		return err
	}
	for _, fill := range []func(*tar.Writer) error{
		func(w *tar.Writer) error { return addTree(w, tool.Root, "usr/local/go", neverBuilt) },
		func(w *tar.Writer) error { return addTools(w, files.codegen, files.certificates) },
		func(w *tar.Writer) error { return addTree(w, files.compiled, buildCache, nothing) },
	} {
		layer, err := layerOf(fill)
		if err != nil {
			return err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return err
		}
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendImage(image)
}

// layerOf is a layer that is filled anew each time it is read. Every new engine
// unpacks it, which zstd makes short.
func layerOf(fill func(*tar.Writer) error) (v1.Layer, error) {
	open := func() (io.ReadCloser, error) {
		reader, writer := io.Pipe()
		go func() {
			w := tar.NewWriter(writer)
			writer.CloseWithError(errors.Join(fill(w), w.Close()))
		}()
		return reader, nil
	}
	return tarball.LayerFromOpener(open, tarball.WithCompression(compression.ZStd), tarball.WithMediaType(types.OCILayerZStd))
}

// addTree adds a folder but for what is left out. Owner, times and modes do not
// depend on how it came here.
func addTree(w *tar.Writer, root, prefix string, leftOut func(rel string) bool) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if leftOut(rel) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return addEntry(w, path, filepath.Join(prefix, rel), entry)
	})
}

// neverBuilt are the parts of a Go root that building a program does not need: a
// half of its files, which the engine would have to unpack. src/cmd is the source
// of Go's own tools.
func neverBuilt(rel string) bool {
	if slices.Contains([]string{"api", "doc", "misc", "test", "src/cmd"}, rel) {
		return true
	}
	return strings.HasPrefix(rel, "src/") && (filepath.Base(rel) == "testdata" || strings.HasSuffix(rel, "_test.go"))
}

func nothing(string) bool { return false }

func addEntry(w *tar.Writer, path, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		return addFolder(w, name, 0o755)
	case info.Mode().Type() == fs.ModeSymlink:
		target, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
	case info.Mode().IsRegular():
		return addFile(w, path, name, info)
	default:
		return nil
	}
}

func addFolder(w *tar.Writer, name string, mode int64) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode})
}

func addFile(w *tar.Writer, path, name string, info fs.FileInfo) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

func addTools(w *tar.Writer, codegen string, certificates []byte) error {
	for _, dir := range []string{"etc/ssl/certs", "go/pkg/mod", buildCache, "src", "usr/local/bin"} {
		if err := addFolder(w, dir, 0o755); err != nil {
			return err
		}
	}
	if err := addFolder(w, "tmp", 0o1777); err != nil {
		return err
	}
	for _, file := range []struct{ name, content string }{
		{certificatesPath, string(certificates)},
		{"etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\n"},
		{"etc/group", "root:x:0:\n"},
	} {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: file.name, Mode: 0o644, Size: int64(len(file.content))}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.WriteString(w, file.content); err != nil {
			return err
		}
	}
	info, err := os.Stat(codegen)
	if err != nil {
		return err
	}
	return addFile(w, codegen, "usr/local/bin/codegen", info)
}

// caBundles are where distributions keep the certificates that a machine trusts.
var caBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// machineCertificates are those that the machine trusts, so that a module builds
// behind a proxy of its own.
func machineCertificates() ([]byte, error) {
	for _, path := range append([]string{os.Getenv("SSL_CERT_FILE")}, caBundles...) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return os.ReadFile(path)
		}
	}
	return nil, errors.New("no file with trusted certificates was found; install ca-certificates, or name one with SSL_CERT_FILE")
}
