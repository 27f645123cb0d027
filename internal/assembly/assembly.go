// Package assembly joins what the build published with the base images: it decides which published file goes into which
// layer and what the image says of the app, and leaves the bytes to package image.
package assembly

import (
	"errors"
	"fmt"
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
	// Assets is the file with what packages have for every identifier; "" where it is not known.
	Assets string
}

// Parts makes the layers of every platform in folder scratch, which has to live until the image is delivered.
func Parts(app dotnet.Project, config Config, inputs []Input, compression image.Compression, scratch string) ([]image.Part, error) {
	published := make([][]archive.File, len(inputs))
	parts := make([]image.Part, len(inputs))
	for i, in := range inputs {
		var err error
		if published[i], err = files(in.Root); err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
		parts[i] = image.Part{Platform: in.Platform, Base: in.Base}
		if parts[i].Settings, err = config.settingsFor(app, in.Base, published[i]); err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
		for j := range published[i] {
			published[i][j].UID = owner(parts[i].Settings.User)
		}
	}
	layers, err := layers(app, config.settings.WorkingDir, inputs, published, compression, scratch)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		parts[i].Layers = layers[i]
	}
	return parts, nil
}

func files(root string) ([]archive.File, error) {
	files, err := image.Files(root)
	if err == nil && len(files) == 0 {
		err = errors.New("the build published no file")
	}
	if err == nil {
		err = stamp(files)
	}
	return files, err
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
