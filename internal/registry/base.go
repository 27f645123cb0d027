package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

var errWindows = errors.New("it is a Windows image, and this module builds Linux images, which no Windows layer can be part of: give a Linux base with --runtime-image")

// Bases resolves the base image of every platform from one reference, from an index or, for a single platform, from a
// plain manifest. Only manifests and configs are read. The canonical name is what annotations call the image.
func (c *Client) Bases(ctx context.Context, reference, canonical string, platforms []platform.Platform) ([]image.Base, error) {
	doing := "resolving base image " + shown(reference)
	ref, descriptor, err := c.lookup(ctx, doing, reference)
	if err != nil {
		return nil, err
	}
	var find func(platform.Platform) (v1.Image, error)
	if descriptor.MediaType.IsIndex() {
		find, err = inIndex(descriptor)
	} else {
		find, err = asManifest(descriptor)
	}
	if err != nil {
		return nil, c.explain(doing, ref.Context(), err)
	}
	bases := make([]image.Base, len(platforms))
	for i, p := range platforms {
		img, err := find(p)
		if err != nil {
			return nil, c.explain(doing, ref.Context(), err)
		}
		digest, err := img.Digest()
		if err != nil {
			return nil, c.explain(doing, ref.Context(), err)
		}
		bases[i] = image.Base{Name: canonical, Digest: digest, Resolved: descriptor.Digest, Image: &mountable{Image: img, from: ref}}
	}
	return bases, nil
}

// get reads what a reference means, and refuses what is neither an index nor an image.
func (c *Client) get(ctx context.Context, doing string, ref name.Reference, options ...remote.Option) (*remote.Descriptor, error) {
	if err := c.checkLoopbackPort(ctx, ref.Context()); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	descriptor, err := remote.Get(ref, options...)
	if refused := refusal(err); refused != nil && refused.StatusCode == http.StatusNotFound {
		if _, byDigest := ref.(name.Digest); byDigest {
			return nil, fmt.Errorf("%s: %w", doing, ErrGone)
		}
	}
	if err != nil {
		return nil, c.explain(doing, ref.Context(), err)
	}
	switch body := bytes.TrimSpace(descriptor.Manifest); {
	case descriptor.MediaType.IsSchema1():
		return nil, fmt.Errorf("%s: it is an image of Docker's first format, which registries gave up: build it again", doing)
	case bytes.HasPrefix(body, []byte("<")):
		return nil, fmt.Errorf("%s: %s answered with a web page, not as a registry: check the host", doing, ref.Context().RegistryStr())
	case !bytes.HasPrefix(body, []byte("{")):
		return nil, fmt.Errorf("%s: %s answered with something else than a manifest (%s): check the host", doing, ref.Context().RegistryStr(), descriptor.MediaType)
	}
	return descriptor, nil
}

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
			named := described(m.Platform.OS, m.Platform.Architecture, m.Platform.Variant)
			if p, err := platform.Parse(named); err == nil && p == wanted {
				return index.Image(m.Digest)
			}
			if !slices.Contains(has, named) { // Windows has one for each of its versions
				has = append(has, named)
			}
		}
		switch {
		case len(has) == 0:
			return nil, told{errors.New("it is an index that names no platform: give another --runtime-image")}
		case !slices.ContainsFunc(has, func(p string) bool { return !strings.HasPrefix(p, "windows/") }):
			return nil, told{errWindows}
		}
		return nil, told{&MissingPlatformError{wanted, has}}
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
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	if !manifest.Config.MediaType.IsConfig() {
		return nil, told{fmt.Errorf("it is no image but %s: give another --runtime-image", manifest.Config.MediaType)}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if config.OS == "windows" {
		return nil, told{errWindows}
	}
	named := described(config.OS, config.Architecture, config.Variant)
	return func(wanted platform.Platform) (v1.Image, error) {
		if is, err := platform.Parse(named); err != nil || is != wanted {
			return nil, told{fmt.Errorf("it is for %s alone, not %s: give a multi-platform --runtime-image or --platforms %s", named, wanted, named)}
		}
		return img, nil
	}, nil
}

func described(os, architecture, variant string) string {
	if variant != "" {
		variant = "/" + variant
	}
	return os + "/" + architecture + variant
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
