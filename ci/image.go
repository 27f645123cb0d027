package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/imagefile"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Image builds the app for every platform and gives the image as a file, for machines without a registry. The OCI archive holds
// the index that build-and-push would push, with its digest; skopeo, podman and crane read it.
//
// +cache="never"
func (m *DotnetMultiarch) Image(
	ctx context.Context,

	// oci for an archive of every platform, docker for what any version of docker load takes: one platform.
	//
	// +optional
	// +default="oci"
	format string,

	// Platform of a docker archive. Default: that of the engine's machine.
	//
	// +optional
	platform string,

	// What the archive calls the image, NAME[:TAG]. Default: the assembly's name in lower case. The digest does not depend on it.
	//
	// +optional
	name string,
) (*dagger.File, error) {
	export, err := newExport(format, platform)
	if err != nil {
		return nil, err
	}
	if _, err := imagefile.Name(name, ""); err != nil {
		return nil, err
	}
	if m.several() {
		return nil, errors.New("making an image file: it holds one app's image: name the app with one --project, and leave --all out")
	}
	r := &release{}
	// No target: the base images' registry is all that is asked.
	if r.client, err = m.client(ctx, registry.Target{}, login{}); err != nil {
		return nil, err
	}
	var file string
	if err := r.run(ctx, m, func() (err error) { file, err = export.write(ctx, r.deliveries[0], name); return err }); err != nil {
		return nil, err
	}
	for _, note := range slices.Concat(r.notes, r.deliveries[0].notes()) {
		fmt.Fprintln(os.Stderr, "note: "+note)
	}
	return dag.CurrentModule().WorkdirFile(file), nil
}

// export is how the image gets into a file.
type export struct {
	docker bool
	// platform of a docker archive; empty for the engine's own.
	platform string
}

func newExport(format, of string) (export, error) {
	switch format {
	case "oci":
		if of != "" {
			return export{}, fmt.Errorf("--platform %s: an OCI archive holds every platform: leave it out, give --format docker, or choose with --platforms before the function's name", of)
		}
	case "docker":
		if of != "" {
			if _, err := platform.Parse(of); err != nil {
				return export{}, err
			}
		}
	default:
		return export{}, fmt.Errorf("format %q does not exist: use one of oci, docker", format)
	}
	return export{docker: format == "docker", platform: of}, nil
}

// write writes the file into the module's working folder and gives its name.
func (e export) write(ctx context.Context, d *delivery, name string) (file string, err error) {
	tag, err := imagefile.Name(name, d.AssemblyName())
	if err != nil {
		return "", err
	}
	file = path.Base(tag.RepositoryStr()) + ".tar"
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if !e.docker {
		return file, imagefile.WriteOCI(out, d.index, tag)
	}
	part, err := d.part(ctx, e.platform)
	if err != nil {
		return "", err
	}
	img, err := part.Manifest()
	if err != nil {
		return "", err
	}
	return file, imagefile.WriteDocker(out, img, tag)
}

// part gives a platform of what was built; unasked the only one, else the engine's own.
func (d *delivery) part(ctx context.Context, wanted string) (image.Part, error) {
	if wanted == "" && len(d.platforms) == 1 {
		return d.parts[0], nil
	}
	if wanted == "" {
		own, err := dag.DefaultPlatform(ctx)
		if err != nil {
			return image.Part{}, err
		}
		wanted = string(own)
	}
	parsed, err := platform.Parse(wanted)
	if err != nil {
		return image.Part{}, err
	}
	i := slices.Index(d.platforms, parsed)
	if i < 0 {
		return image.Part{}, fmt.Errorf("taking the image of %s: built are %s: give --platform one of them", parsed, strings.Join(platformNames(d.platforms), ", "))
	}
	return d.parts[i], nil
}
