package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/imagefile"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Container builds the app and gives the container of one platform, with the image's own user, entry point and environment: to
// look into (terminal), to run (with-exec), to take files out. Nothing is pushed.
//
// +cache="never"
func (m *DotnetMultiarch) Container(
	ctx context.Context,

	// Platform of the container. Default: that of the engine's machine.
	//
	// +optional
	platform string,
) (*dagger.Container, error) {
	container, _, err := m.container(ctx, platform)
	return container, err
}

// Serve starts the app as its image does, on the ports that the image exposes: dagger call serve up --ports 8080:8080.
//
// +cache="never"
func (m *DotnetMultiarch) Serve(
	ctx context.Context,

	// Platform that runs. Default: that of the engine's machine. A foreign one wants an engine that emulates it.
	//
	// +optional
	platform string,
) (*dagger.Service, error) {
	container, ports, err := m.container(ctx, platform)
	if err != nil {
		return nil, err
	}
	if len(ports) == 0 {
		return nil, errors.New("serving the app: its image exposes no port: name one before the function, such as --port 8080")
	}
	for _, port := range ports {
		number, protocol, _ := strings.Cut(port, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("serving the app: the image exposes %q: %w", port, err)
		}
		container = container.WithExposedPort(n, dagger.ContainerWithExposedPortOpts{Protocol: dagger.NetworkProtocol(strings.ToUpper(protocol))})
	}
	return container.AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true}), nil
}

// container is the image of one platform, brought into the engine as an archive, and what it exposes, such as 8080/tcp.
func (m *DotnetMultiarch) container(ctx context.Context, wanted string) (container *dagger.Container, ports []string, err error) {
	if wanted != "" {
		if _, err := platform.Parse(wanted); err != nil {
			return nil, nil, err
		}
	}
	if m.several() {
		return nil, nil, errors.New("making a container: it is of one app: name the app with one --project, and leave --all out")
	}
	r := &release{}
	// No target: the base images' registry is all that is asked.
	if r.client, err = m.client(ctx, registry.Target{}, login{}); err != nil {
		return nil, nil, err
	}
	err = r.run(ctx, m, func() error {
		d := r.deliveries[0]
		part, err := d.part(ctx, wanted)
		if err != nil {
			return err
		}
		ports = d.publication.Ports
		img, err := part.Manifest()
		if err != nil {
			return err
		}
		container, err = imported(ctx, img, part.Platform)
		return err
	})
	return container, ports, err
}

// imported brings an image that is in no registry into the engine.
func imported(ctx context.Context, img v1.Image, of platform.Platform) (*dagger.Container, error) {
	file, err := writeArchive(img, of)
	if err != nil {
		return nil, err
	}
	container := dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(of.String())}).Import(dag.CurrentModule().WorkdirFile(file))
	if _, err := container.Sync(ctx); err != nil {
		return nil, fmt.Errorf("bringing the image into the engine: %w", oneLine(err))
	}
	return container, nil
}

// writeArchive gives the name of a file in the folder that this runs in.
func writeArchive(img v1.Image, of platform.Platform) (file string, err error) {
	tag, err := imagefile.Name("app", "")
	if err != nil {
		return "", err
	}
	file = "image-" + of.Architecture + of.Variant + ".tar"
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return file, imagefile.WriteImage(out, img, v1.Platform{OS: of.OS, Architecture: of.Architecture, Variant: of.Variant}, tag)
}
