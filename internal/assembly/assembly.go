// Package assembly joins what the build published with the base images: it decides which published file goes into which
// layer and what the image says of the app, and leaves the bytes to package image.
package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

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

// Parts makes the layers of every platform in folder scratch, which has to live until the image is pushed.
func Parts(app dotnet.Project, inputs []Input, scratch string) ([]image.Part, error) {
	parts := make([]image.Part, len(inputs))
	for i, in := range inputs {
		layers, files, err := layers(app, in.Root, scratch)
		if err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
		parts[i] = image.Part{
			Platform: in.Platform, Base: in.Base, Layers: layers,
			Settings: image.Settings{Entrypoint: entrypoint(app, files), WorkingDir: Dir},
		}
	}
	return parts, nil
}

func layers(app dotnet.Project, root, scratch string) ([]image.Layer, []archive.File, error) {
	files, err := image.Files(root)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, errors.New("the build published no file")
	}
	deps, err := os.ReadFile(filepath.Join(root, app.AssemblyName()+".deps.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	layout, err := dotnet.NewLayout(app.AssemblyName(), deps)
	if err != nil {
		return nil, nil, err
	}
	groups := map[dotnet.Group][]archive.File{}
	for _, f := range files {
		g := layout.Group(f.Path)
		groups[g] = append(groups[g], f)
	}
	var made []image.Layer
	for _, g := range dotnet.Groups {
		if len(groups[g]) == 0 {
			continue
		}
		layer, err := image.NewLayer(scratch, Dir[1:], g.String(), groups[g])
		if err != nil {
			return nil, nil, err
		}
		made = append(made, layer)
	}
	return made, files, nil
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
