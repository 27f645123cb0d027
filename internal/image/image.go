// Package image turns published files into one multi-platform image: layers, config, manifest, index. It is a pure
// function of its inputs: base images, files and settings decide every byte, and nothing of the clock, the machine, the
// caller's user or folder is in it.
package image

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Epoch is the time that every part of an image carries.
var Epoch = v1.Time{Time: archive.Epoch}

// Base is one platform's base image.
type Base struct {
	// Name is the canonical reference, also where a mirror served it: mcr.microsoft.com/dotnet/aspnet:10.0.
	Name string
	// Digest is that of the platform's manifest.
	Digest v1.Hash
	// Resolved is what the name stood for: the digest of the index, or of the manifest where it is no index.
	Resolved v1.Hash
	Image    v1.Image
}

// Settings are what an image says of the app, over what its base says.
type Settings struct {
	Entrypoint []string
	// WorkingDir is absolute.
	WorkingDir string
	// User is empty for the base's APP_UID, else the base's own user.
	User string
	// Env and Labels are set over the base's.
	Env         map[string]string
	Labels      map[string]string
	Annotations map[string]string
}

// Part is one platform of an index.
type Part struct {
	Platform platform.Platform
	Base     Base
	Layers   []Layer
	Settings Settings
}

// The annotations of the OCI image specification that are set here,
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
const (
	annotationBaseName   = "org.opencontainers.image.base.name"
	annotationBaseDigest = "org.opencontainers.image.base.digest"
)

// Manifest gives the image of one platform: the base's layers by digest, then the app's, in OCI media types also where
// the base has Docker's.
func (p Part) Manifest() (v1.Image, error) {
	addenda, err := baseLayers(p.Base.Image)
	if err != nil {
		return nil, fmt.Errorf("reading the layers of base image %s: %w", p.Base.Name, err)
	}
	for _, l := range p.Layers {
		addenda = append(addenda, mutate.Addendum{
			Layer:     l,
			MediaType: types.OCILayer,
			History:   v1.History{Created: Epoch, CreatedBy: "dotnet-multiarch", Comment: l.comment},
		})
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, addenda...)
	if err != nil {
		return nil, fmt.Errorf("appending layers to base image %s: %w", p.Base.Name, err)
	}
	config, err := p.config(img)
	if err != nil {
		return nil, err
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, fmt.Errorf("writing the config of %s: %w", p.Platform, err)
	}
	annotations := maps.Clone(p.Settings.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationBaseName] = p.Base.Name
	annotations[annotationBaseDigest] = p.Base.Digest.String()
	return mutate.Annotations(img, annotations).(v1.Image), nil
}

// config is the base's with the settings over it and the layers and history of the appended image.
func (p Part) config(appended v1.Image) (*v1.ConfigFile, error) {
	base, err := p.Base.Image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config of base image %s: %w", p.Base.Name, err)
	}
	layers, err := appended.ConfigFile()
	if err != nil {
		return nil, err
	}
	// Who made the base, when and on which machine is not the app's to say.
	config := &v1.ConfigFile{
		OS: p.Platform.OS, Architecture: p.Platform.Architecture, Variant: p.Platform.Variant,
		Created: Epoch, RootFS: layers.RootFS, History: layers.History, Config: *base.Config.DeepCopy(),
	}

	c, s := &config.Config, p.Settings
	c.Entrypoint, c.Cmd, c.WorkingDir = s.Entrypoint, nil, s.WorkingDir
	c.Image, c.Hostname, c.Domainname = "", "", ""
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		c.Env = setEnv(c.Env, name, s.Env[name])
	}
	if c.User = userOf(c.Env, c.User); s.User != "" {
		c.User = s.User
	}
	if len(s.Labels) > 0 {
		c.Labels = maps.Clone(c.Labels)
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		maps.Copy(c.Labels, s.Labels)
	}
	for _, port := range ports(c.Env) {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	return config, nil
}

// Index gives the multi-platform image, its manifests in the order of the parts.
func Index(parts []Part, annotations map[string]string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range parts {
		img, err := p.Manifest()
		if err != nil {
			return nil, err
		}
		index = appendManifest(index, img, v1.Descriptor{
			MediaType: types.OCIManifestSchema1,
			Platform:  &v1.Platform{OS: p.Platform.OS, Architecture: p.Platform.Architecture, Variant: p.Platform.Variant},
		})
	}
	if len(annotations) > 0 {
		index = mutate.Annotations(index, annotations).(v1.ImageIndex)
	}
	return index, nil
}

// appendManifest adds one platform to an index.
func appendManifest(index v1.ImageIndex, img v1.Image, descriptor v1.Descriptor) v1.ImageIndex {
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: descriptor})
}

// baseLayers gives the base's layers and history as they are, but for OCI media types.
func baseLayers(base v1.Image) ([]mutate.Addendum, error) {
	layers, err := base.Layers()
	if err != nil {
		return nil, err
	}
	config, err := base.ConfigFile()
	if err != nil {
		return nil, err
	}
	return withHistory(layers, config.History)
}

// withHistory joins layers with the history of their image.
func withHistory(layers []v1.Layer, history []v1.History) ([]mutate.Addendum, error) {
	var addenda []mutate.Addendum
	next := 0
	for _, h := range history {
		if h.EmptyLayer {
			addenda = append(addenda, mutate.Addendum{History: h})
			continue
		}
		if next == len(layers) {
			break // a history that counts more layers than there are: the layers decide
		}
		a, err := layerAsIs(layers[next], h)
		if err != nil {
			return nil, err
		}
		addenda = append(addenda, a)
		next++
	}
	for ; next < len(layers); next++ {
		a, err := layerAsIs(layers[next], v1.History{Created: Epoch, Comment: "base layer"})
		if err != nil {
			return nil, err
		}
		addenda = append(addenda, a)
	}
	return addenda, nil
}

func layerAsIs(layer v1.Layer, history v1.History) (mutate.Addendum, error) {
	mediaType, err := layer.MediaType()
	if err != nil {
		return mutate.Addendum{}, err
	}
	switch mediaType {
	case types.DockerLayer:
		mediaType = types.OCILayer
	case types.DockerUncompressedLayer:
		mediaType = types.OCIUncompressedLayer
	}
	descriptor, err := partial.Descriptor(layer)
	if err != nil {
		return mutate.Addendum{}, err
	}
	return mutate.Addendum{Layer: layer, MediaType: mediaType, History: history, URLs: descriptor.URLs, Annotations: descriptor.Annotations}, nil
}

// userOf is whom an image runs as when the app does not say: the user that .NET's bases name, else the base's own.
func userOf(env []string, base string) string {
	if user := getEnv(env, "APP_UID"); user != "" {
		return user
	}
	return base
}

func setEnv(env []string, name, value string) []string {
	for i, e := range env {
		if strings.HasPrefix(e, name+"=") {
			env = slices.Clone(env)
			env[i] = name + "=" + value
			return env
		}
	}
	return append(slices.Clone(env), name+"="+value)
}

func getEnv(env []string, name string) string {
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}
