package assembly

import (
	"os"
	"path/filepath"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// CheckNative compares the native files that the app brings with the platform of their image and the base's C library. It gives
// notes on what need not fail, and fails on what cannot run, or is missing on one of several platforms.
func CheckNative(app dotnet.Project, inputs []Input, base platform.Libc, allowed native.Allowed) (notes []string, err error) {
	images := make([]native.Image, len(inputs))
	for i, in := range inputs {
		if images[i], err = nativeFiles(app, in, base); err != nil {
			return nil, err
		}
	}
	return native.Report(native.Check(images, allowed))
}

func nativeFiles(app dotnet.Project, in Input, base platform.Libc) (native.Image, error) {
	found := native.Image{Platform: in.Platform, Libc: base}
	listed, err := archive.List(in.Root)
	if err != nil {
		return found, err
	}
	deps, err := depsOf(app, in.Root)
	if err != nil {
		return found, err
	}
	origins, err := dotnet.NewOrigins(app.AssemblyName(), deps)
	if err != nil {
		return found, err
	}
	for _, f := range listed {
		if f.Link != "" {
			continue
		}
		file, ok, err := readNative(filepath.Join(in.Root, filepath.FromSlash(f.Path)))
		if err != nil {
			return found, err
		}
		if ok {
			found.Files = append(found.Files, native.Found{Path: f.Path, Package: origins.Package(f.Path), File: file})
		}
	}
	return found, nil
}

func readNative(name string) (native.File, bool, error) {
	content, err := os.Open(name)
	if err != nil {
		return native.File{}, false, err
	}
	defer content.Close() //nolint:errcheck // nothing was written
	file, ok := native.Read(content)
	return file, ok, nil
}
