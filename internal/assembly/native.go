package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// CheckNative compares the native files that the app brings with the platform of their image and the base's C library. It gives
// notes on what need not fail, and fails on what cannot run, or is missing on one of several platforms.
func CheckNative(app dotnet.Project, inputs []Input, base platform.Libc, allowed native.Allowed) (notes []string, err error) {
	images := make([]native.Image, len(inputs))
	var lacking []native.Finding
	for i, in := range inputs {
		if images[i], err = nativeFiles(app, in, base); err != nil {
			return nil, err
		}
		found, err := lackingFiles(app, in, base, images[i], allowed)
		if err != nil {
			return nil, err
		}
		lacking = append(lacking, found...)
	}
	findings := native.Check(images, allowed)
	for _, l := range lacking {
		told := func(f native.Finding) bool {
			return f.Platform == l.Platform && native.Name(f.Path) == native.Name(l.Path)
		}
		if !slices.ContainsFunc(findings, told) {
			findings = append(findings, l)
		}
	}
	return native.Report(findings)
}

// lackingFiles are the native libraries that a package has for other machines only, and that no other package brought. An app
// without deps.json has them inside its one file, or linked into it.
func lackingFiles(app dotnet.Project, in Input, base platform.Libc, has native.Image, allowed native.Allowed) ([]native.Finding, error) {
	deps, err := depsOf(app, in.Root)
	if err != nil || deps == nil || in.Assets == "" {
		return nil, err
	}
	text, err := os.ReadFile(in.Assets)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a restore of another kind
	}
	if err != nil {
		return nil, err
	}
	assets, err := dotnet.ParseAssets(text)
	if err != nil {
		return nil, err
	}
	identifier := in.Platform.RuntimeIdentifier(base)
	var findings []native.Finding
	for _, l := range assets.Lacking(identifier) {
		there := slices.ContainsFunc(has.Files, func(f native.Found) bool { return native.Name(f.Path) == native.Name(l.File) })
		if there || allowed.Match(l.File) {
			continue
		}
		why := fmt.Sprintf("is missing: the package has it for %s and not for %s", l.Has, identifier)
		findings = append(findings, native.Finding{Platform: in.Platform.String(), Path: l.File, Package: l.Package, Why: why})
	}
	return findings, nil
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
	defer content.Close()
	file, ok := native.Read(content)
	return file, ok, nil
}
