package bases

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// bundle is an archive (tar, xz) with the folders sdk-linux-x64,
// aspnet-linux-x64 and aspnet-linux-arm64, each a .NET root, and feed, NuGet
// packages that a restore may need.
type bundle struct{ path string }

// xz is the program: it takes 12 s for 1.4 GB, libraries in Go several times that.
var xz = program{name: "xz", pack: "xz-utils"}

const bundleSDK = "sdk-linux-x64"

// bundleRoots are the archive's runtime roots and their architectures.
var bundleRoots = map[string]string{"aspnet-linux-x64": "amd64", "aspnet-linux-arm64": "arm64"}

func (b bundle) name() string  { return "bundle" }
func (b bundle) title() string { return "the bundle " + filepath.Base(b.path) }
func (b bundle) suite() suite  { return bookworm }

func (b bundle) origin(inputs map[string]string) string {
	return "a bundle of .NET roots, " + inputs["bundle.digest"]
}

// sdkEnv: the feed's packages carry no signatures that could be checked, and
// the check of their certificates would look for the internet.
func (b bundle) sdkEnv() []string { return []string{"NUGET_CERT_REVOCATION_MODE=offline"} }

func (b bundle) choice(registry string, made record) Choice {
	return Choice{Source: b.title(), DotNet: made.DotNet.Runtime, BaseRegistry: registry}
}

// confirm trusts size and modification time, and reads the file only when they
// differ: a copy of the same bundle is the same bundle.
func (b bundle) confirm(inputs map[string]string) (map[string]string, bool) {
	size, modified, err := b.stat()
	if err != nil || inputs["bundle.size"] != size {
		return nil, false
	}
	if inputs["bundle.modified"] == modified {
		return inputs, true
	}
	digest, err := fileDigest(b.path)
	if err != nil || inputs["bundle.digest"] != digest {
		return nil, false
	}
	return withInputs(inputs, map[string]string{"bundle.modified": modified}), true
}

func (b bundle) check() error {
	_, _, err := b.stat()
	_, lack := xz.find()
	return errors.Join(err, lack)
}

func (b bundle) stat() (size, modified string, err error) {
	info, err := os.Stat(b.path)
	if err != nil {
		return "", "", fmt.Errorf("%w; DOTNET_BUNDLE must name a dotnet-10.0.tar.xz", err)
	}
	return strconv.FormatInt(info.Size(), 10), strconv.FormatInt(info.ModTime().UnixNano(), 10), nil
}

func fileDigest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// layers streams the archive through xz into the layers: it is never on the
// disk unpacked.
func (b bundle) layers(ctx context.Context, dir string, say func(string, ...any)) (dotnet, error) {
	size, modified, err := b.stat()
	if err != nil {
		return dotnet{}, err
	}
	say("unpacking %s into layers", filepath.Base(b.path))
	u, err := newUnpacking(dir, "sdk", "feed", "runtime-amd64", "aspnet-amd64", "runtime-arm64", "aspnet-arm64")
	if err != nil {
		return dotnet{}, err
	}
	digest, err := b.read(ctx, u.bundled)
	if err != nil {
		return dotnet{}, errors.Join(err, u.abandon())
	}
	roots := []string{"aspnet-linux-x64", "aspnet-linux-arm64"}
	found, err := u.release(bundleSDK, roots...)
	if err != nil {
		return dotnet{}, errors.Join(fmt.Errorf("reading %s: %w", b.path, err), u.abandon())
	}
	if err := u.layers["feed"].addFile(nugetConfig, 0o644, nugetSource()); err != nil {
		return dotnet{}, err
	}
	done, err := u.finish()
	if err != nil {
		return dotnet{}, err
	}
	return dotnet{
		versions: found,
		inputs:   map[string]string{"bundle.digest": digest, "bundle.size": size, "bundle.modified": modified},
		sdk:      []stratum{{layer: done["sdk"], origin: ".NET SDK " + found.SDK}, {layer: done["feed"], origin: "NuGet packages for restores without a network"}},
		runtime:  byArchitecture(done, "runtime"),
		aspnet:   byArchitecture(done, "aspnet"),
	}, nil
}

// bundled takes an entry of the archive.
func (u *unpacking) bundled(entry *tar.Header, content io.Reader) error {
	root, name, _ := strings.Cut(clean(entry.Name), "/")
	arch, isRuntime := bundleRoots[root]
	switch {
	case name == "" || entry.Typeflag == tar.TypeDir: // made with the first file in it
		return nil
	case root == bundleSDK:
		return u.file(root, name, entry, content, "sdk", "")
	case isRuntime:
		return u.file(root, name, entry, content, "", arch)
	case root == "feed":
		return add(placed(entry, path.Join(feedFolder, name)), content, u.layers["feed"])
	default:
		return nil
	}
}

// read gives each entry of the archive to visit, and the archive's digest.
func (b bundle) read(ctx context.Context, visit func(*tar.Header, io.Reader) error) (string, error) {
	f, err := os.Open(b.path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	p, err := start(ctx, xz, io.TeeReader(f, h), "--decompress", "--stdout")
	if err != nil {
		return "", err
	}
	err = eachEntry(bufio.NewReaderSize(p.out, 1<<20), visit)
	if err := p.wait(err); err != nil {
		return "", fmt.Errorf("unpacking %s: %w", b.path, err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func eachEntry(archive io.Reader, visit func(*tar.Header, io.Reader) error) error {
	reader := tar.NewReader(archive)
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			// What follows the end of a tar is padding, but a program that
			// writes it must not be left with nobody reading.
			_, err = io.Copy(io.Discard, archive)
			return err
		}
		if err != nil {
			return err
		}
		if err := visit(entry, reader); err != nil {
			return err
		}
	}
}

// withInputs is all sets in one, later ones before earlier ones.
func withInputs(sets ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}
