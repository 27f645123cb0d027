// Package assembly joins what the build published with the base images: it decides which published file goes into which
// layer and what the image says of the app, and leaves the bytes to package image.
package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Input is one platform's published folder and the base that it goes on.
type Input struct {
	Platform platform.Platform
	Base     image.Base
	// Root is the published folder on disk.
	Root string
}

// Parts makes the layers of every platform in folder scratch, which has to live until the image is pushed.
func Parts(app dotnet.Project, config Config, inputs []Input, scratch string) ([]image.Part, error) {
	parts := make([]image.Part, len(inputs))
	for i, in := range inputs {
		part, err := part(app, config, in, scratch)
		if err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
		parts[i] = part
	}
	return parts, nil
}

func part(app dotnet.Project, config Config, in Input, scratch string) (image.Part, error) {
	files, err := image.Files(in.Root)
	if err != nil {
		return image.Part{}, err
	}
	if len(files) == 0 {
		return image.Part{}, errors.New("the build published no file")
	}
	if err := stamp(files); err != nil {
		return image.Part{}, err
	}
	settings, err := config.settingsFor(app, in.Base, files)
	if err != nil {
		return image.Part{}, err
	}
	for i := range files {
		files[i].UID = owner(settings.User)
	}
	layers, err := layers(app, in.Root, files, settings.WorkingDir, scratch)
	return image.Part{Platform: in.Platform, Base: in.Base, Layers: layers, Settings: settings}, err
}

// owner is the number of a user who is named by one, as the .NET SDK has it, so that such an app may write beside itself; else
// root, and the app cannot change what it runs.
func owner(user string) int {
	uid, err := strconv.ParseInt(user, 10, 32)
	if err != nil || uid < 0 {
		return 0
	}
	return int(uid)
}

// layers puts the published files into dir of the image.
func layers(app dotnet.Project, root string, files []archive.File, dir, scratch string) ([]image.Layer, error) {
	deps, err := os.ReadFile(filepath.Join(root, app.AssemblyName()+".deps.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	layout, err := dotnet.NewLayout(app.AssemblyName(), deps)
	if err != nil {
		return nil, err
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
		layer, err := image.NewLayer(scratch, dir[1:], g.String(), groups[g])
		if err != nil {
			return nil, err
		}
		made = append(made, layer)
	}
	return made, nil
}
