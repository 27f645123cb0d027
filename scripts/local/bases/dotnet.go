package bases

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// source is what a set of base images is composed from.
type source interface {
	name() string  // of the record
	title() string // for people
	// origin says in the images what their .NET was: nothing of this machine.
	origin(inputs map[string]string) string
	suite() suite // the Debian release whose libraries this .NET is built for
	// confirm says whether a set with these inputs is still what this source
	// would give, and the inputs as they are to be recorded.
	confirm(inputs map[string]string) (map[string]string, bool)
	// check finds what is missing before anything is begun.
	check() error
	// layers writes the .NET layers into a folder.
	layers(ctx context.Context, dir string, say func(string, ...any)) (dotnet, error)
	choice(registry string, made record) Choice
	sdkEnv() []string // environment of the SDK image beyond upstream's
}

// versions are those of one .NET release.
type versions struct {
	Runtime string `json:"runtime"` // e.g. 10.0.12
	AspNet  string `json:"aspnet"`
	SDK     string `json:"sdk"` // e.g. 10.0.401
}

// channel is the major and minor version, which is the images' tag.
func (v versions) channel() string {
	parts := strings.SplitN(v.Runtime, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// dotnet is what a source gives.
type dotnet struct {
	versions versions
	inputs   map[string]string
	sdk      []stratum           // linux/amd64, lowest first
	runtime  map[string]v1.Layer // by architecture: muxer, host, Microsoft.NETCore.App
	aspnet   map[string]v1.Layer // by architecture: Microsoft.AspNetCore.App
}

const (
	dotnetFolder = "usr/share/dotnet" // as in Microsoft's images
	feedFolder   = "usr/share/dotnet-feed"
	nugetConfig  = "root/.nuget/NuGet/NuGet.Config"
)

// architectures are those of the composed runtime images; the SDK runs on the
// first.
var architectures = []string{"amd64", "arm64"}

// unpacking sorts the files of .NET roots into layers while they are read.
type unpacking struct {
	layers map[string]*layerWriter
	found  map[string]versions // by root
}

func newUnpacking(dir string, names ...string) (*unpacking, error) {
	u := &unpacking{layers: map[string]*layerWriter{}, found: map[string]versions{}}
	for _, name := range names {
		w, err := newLayer(filepath.Join(dir, name+".tar.gz"))
		if err != nil {
			return nil, errors.Join(err, u.abandon())
		}
		u.layers[name] = w
	}
	return u, nil
}

func (u *unpacking) abandon() error {
	var errs []error
	for _, w := range u.layers {
		errs = append(errs, w.file.Close())
	}
	return errors.Join(errs...)
}

// file takes a file of the .NET root called root, whose path in it is name.
// The root's SDK layer, where it is to have one, gets all files; its runtime
// layers what a runtime image holds.
func (u *unpacking) file(root, name string, entry *tar.Header, content io.Reader, sdk, arch string) error {
	if err := u.note(root, name); err != nil {
		return err
	}
	var to []*layerWriter
	for _, layer := range []string{sdk, runtimeLayer(name, arch)} {
		if layer != "" {
			to = append(to, u.layers[layer])
		}
	}
	if err := add(placed(entry, path.Join(dotnetFolder, name)), content, to...); err != nil {
		return err
	}
	if name != "dotnet" {
		return nil
	}
	return add(symlink("usr/bin/dotnet", "/"+dotnetFolder+"/dotnet"), nil, to...)
}

// runtimeLayer is the runtime layer that a file belongs to, "" for none.
func runtimeLayer(name, arch string) string {
	if arch == "" {
		return ""
	}
	switch top, rest, _ := strings.Cut(name, "/"); {
	case top == "shared" && strings.HasPrefix(rest, "Microsoft.AspNetCore.App/"):
		return "aspnet-" + arch
	case top == "shared" && strings.HasPrefix(rest, "Microsoft.NETCore.App/"),
		top == "host", name == "dotnet", name == "LICENSE.txt", name == "ThirdPartyNotices.txt":
		return "runtime-" + arch
	default:
		return ""
	}
}

// placed is an entry under another name, owned by root. Archives carry modes
// such as 0744, with which only root could run or load a file.
func placed(entry *tar.Header, name string) *tar.Header {
	h := &tar.Header{Typeflag: entry.Typeflag, Name: name, Mode: 0o644, Size: entry.Size, Linkname: entry.Linkname}
	if entry.Typeflag == tar.TypeDir || entry.Mode&0o111 != 0 {
		h.Mode = 0o755
	}
	return h
}

// note reads versions off paths.
func (u *unpacking) note(root, name string) error {
	parts := strings.Split(name, "/")
	v := u.found[root]
	var field *string
	switch {
	case len(parts) > 3 && parts[0] == "shared" && parts[1] == "Microsoft.NETCore.App":
		field, parts = &v.Runtime, parts[2:]
	case len(parts) > 3 && parts[0] == "shared" && parts[1] == "Microsoft.AspNetCore.App":
		field, parts = &v.AspNet, parts[2:]
	case len(parts) > 2 && parts[0] == "sdk":
		field, parts = &v.SDK, parts[1:]
	default:
		return nil
	}
	if *field != "" && *field != parts[0] {
		return fmt.Errorf("%s holds both %s and %s of one part of .NET; one release is wanted", root, *field, parts[0])
	}
	*field = parts[0]
	u.found[root] = v
	return nil
}

// release is the versions that all roots agree on, the SDK's root first.
func (u *unpacking) release(sdkRoot string, others ...string) (versions, error) {
	all := u.found[sdkRoot]
	if all.SDK == "" || all.Runtime == "" || all.AspNet == "" {
		return all, fmt.Errorf("%s holds no whole .NET SDK", sdkRoot)
	}
	for _, root := range others {
		if v := u.found[root]; v.Runtime != all.Runtime || v.AspNet != all.AspNet {
			return all, fmt.Errorf("%s holds .NET %q and ASP.NET Core %q, %s %q and %q; they must be the same",
				root, v.Runtime, v.AspNet, sdkRoot, all.Runtime, all.AspNet)
		}
	}
	return all, nil
}

// finish closes the layers.
func (u *unpacking) finish() (map[string]v1.Layer, error) {
	done := map[string]v1.Layer{}
	for name, w := range u.layers {
		layer, err := w.close()
		if err != nil {
			return nil, err
		}
		done[name] = layer
	}
	return done, nil
}

func byArchitecture(layers map[string]v1.Layer, kind string) map[string]v1.Layer {
	got := map[string]v1.Layer{}
	for _, arch := range architectures {
		got[arch] = layers[kind+"-"+arch]
	}
	return got
}

// nugetSource is a user-level NuGet configuration whose only package source is
// a folder of the image. Without one, NuGet writes its own with nuget.org in
// it, and a restore without internet waits for it.
func nugetSource() string {
	return `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources>
    <clear />
    <add key="dotnet-feed" value="/` + feedFolder + `" />
  </packageSources>
</configuration>
`
}
