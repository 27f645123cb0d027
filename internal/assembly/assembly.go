// Package assembly joins what the build published with the base images: it decides which published file goes into which
// layer and what the image says of the app, and leaves the bytes to package image.
package assembly

import (
	"errors"
	"fmt"
	"path"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Dir is the app's folder in the image.
const Dir = "/app"

// Input is one platform's published folder and the base that it goes on.
type Input struct {
	Platform platform.Platform
	Base     image.Base
	// Root is the published folder on disk.
	Root string
}

// Parts makes the layers of every platform in folder scratch, which has to live until the image is delivered.
func Parts(app dotnet.Project, inputs []Input, compression image.Compression, scratch string) ([]image.Part, error) {
	published := make([][]archive.File, len(inputs))
	for i, in := range inputs {
		var err error
		if published[i], err = files(in.Root); err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
	}
	layers, err := layers(app, inputs, published, compression, scratch)
	if err != nil {
		return nil, err
	}
	parts := make([]image.Part, len(inputs))
	for i, in := range inputs {
		parts[i] = image.Part{
			Platform: in.Platform, Base: in.Base, Layers: layers[i],
			Settings: image.Settings{Entrypoint: entrypoint(app, published[i]), WorkingDir: Dir},
		}
	}
	return parts, nil
}

func files(root string) ([]archive.File, error) {
	files, err := image.Files(root)
	if err == nil && len(files) == 0 {
		err = errors.New("the build published no file")
	}
	return files, err
}

// entrypoint is the apphost of an app that carries its runtime or needs none, else `dotnet App.dll`.
func entrypoint(app dotnet.Project, files []archive.File) []string {
	assembly := path.Join(Dir, app.AssemblyName())
	dll := false
	for _, f := range files {
		dll = dll || f.Path == app.AssemblyName()+".dll"
	}
	if app.SelfContained() || !dll {
		return []string{assembly}
	}
	return []string{"dotnet", assembly + ".dll"}
}
