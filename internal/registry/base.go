package registry

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// inIndex finds platforms in a multi-platform base.
func inIndex(d *remote.Descriptor) (func(platform.Platform) (v1.Image, error), error) {
	index, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	return func(wanted platform.Platform) (v1.Image, error) {
		var has []string
		for _, m := range manifest.Manifests {
			if m.Platform == nil || m.Platform.OS == "unknown" { // attestations
				continue
			}
			if p, err := platform.Parse(m.Platform.OS + "/" + m.Platform.Architecture + variant(m.Platform.Variant)); err == nil && p == wanted {
				return index.Image(m.Digest)
			}
			has = append(has, m.Platform.OS+"/"+m.Platform.Architecture+variant(m.Platform.Variant))
		}
		return nil, &MissingPlatformError{wanted, has}
	}, nil
}

// MissingPlatformError is a base without a platform that the app is built for.
type MissingPlatformError struct {
	Wanted platform.Platform
	// Has are the platforms of the base, attestations left out.
	Has []string
}

func (e *MissingPlatformError) Error() string {
	return fmt.Sprintf("it has no %s, only %s: leave that platform out of --platforms or give another --runtime-image", e.Wanted, strings.Join(e.Has, ", "))
}

// asManifest takes a base that is one manifest, as a digest or an architecture's own tag gives it.
func asManifest(d *remote.Descriptor) (func(platform.Platform) (v1.Image, error), error) {
	img, err := d.Image()
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	return func(wanted platform.Platform) (v1.Image, error) {
		is, err := platform.Parse(config.OS + "/" + config.Architecture + variant(config.Variant))
		if err != nil || is != wanted {
			return nil, fmt.Errorf("it is for %s/%s alone, not %s: give a multi-platform --runtime-image or --platforms %s/%s", config.OS, config.Architecture, wanted, config.OS, config.Architecture)
		}
		return img, nil
	}, nil
}

func variant(v string) string {
	if v == "" {
		return ""
	}
	return "/" + v
}

// mountable makes a base's layers mountable: a push to the same registry takes them over by name instead of sending them,
// and one to another registry copies them from where they are, stream to stream.
type mountable struct {
	v1.Image
	from name.Reference
}

func (m *mountable) Layers() ([]v1.Layer, error) {
	layers, err := m.Image.Layers()
	if err != nil {
		return nil, err
	}
	wrapped := make([]v1.Layer, len(layers))
	for i, l := range layers {
		wrapped[i] = &remote.MountableLayer{Layer: l, Reference: m.from}
	}
	return wrapped, nil
}
