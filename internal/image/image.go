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
	// Resolved is the digest of what Name meant: of the base's index, or of its manifest where it has no index.
	Resolved v1.Hash
	Image    v1.Image
}

// Settings are what an image says of the app, over what its base says.
type Settings struct {
	Entrypoint, Cmd []string
	// WorkingDir is absolute.
	WorkingDir string
	// User is empty for the base's APP_UID, else the base's own user.
	User string
	// Env and Labels are set over the base's.
	Env    map[string]string
	Labels map[string]string
	// Ports are exposed besides those of the base and of the environment; as ParsePort gives them.
	Ports []string
	// OnlyPorts leaves out those of the base and of the environment.
	OnlyPorts bool
	// Annotations are those of the index and of each manifest, besides the ones of the base.
	Annotations map[string]string
	// Created is the time that the config carries; zero is Epoch.
	Created v1.Time
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
	annotationPrefix     = "org.opencontainers.image."
	annotationBaseName   = annotationPrefix + "base.name"
	annotationBaseDigest = annotationPrefix + "base.digest"
)

// builder is who made a layer, as the history says it.
const builder = "dotnet-multiarch"

// OwnLayers counts the layers that this module wrote, by the history.
func OwnLayers(history []v1.History) int {
	own := 0
	for _, h := range history {
		if h.CreatedBy == builder && !h.EmptyLayer {
			own++
		}
	}
	return own
}

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
			MediaType: l.compression.mediaType(),
			History:   v1.History{Created: Epoch, CreatedBy: builder, Comment: l.comment},
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
	return annotate(img, p.Settings.Annotations, p.Base.Name, p.Base.Digest).(v1.Image), nil
}

// annotate sets the annotations and those that name the base.
func annotate(of partial.WithRawManifest, annotations map[string]string, base string, digest v1.Hash) partial.WithRawManifest {
	annotations = maps.Clone(annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationBaseName] = base
	if digest != (v1.Hash{}) {
		annotations[annotationBaseDigest] = digest.String()
	}
	return mutate.Annotations(of, annotations)
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
		Created: p.Settings.Created, RootFS: layers.RootFS, History: layers.History, Config: *base.Config.DeepCopy(),
	}

	if config.Created.IsZero() {
		config.Created = Epoch
	}
	c, s := &config.Config, p.Settings
	c.Entrypoint, c.Cmd, c.WorkingDir = s.Entrypoint, s.Cmd, s.WorkingDir
	c.Image, c.Hostname, c.Domainname = "", "", ""
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		c.Env = setEnv(c.Env, name, s.Env[name])
	}
	if c.User = userOf(c.Env, c.User); s.User != "" {
		c.User = s.User
	}
	if c.Labels = InheritedLabels(c.Labels); len(s.Labels) > 0 {
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		maps.Copy(c.Labels, s.Labels)
	}
	exposed := slices.Concat(s.Ports, ports(c.Env))
	if s.OnlyPorts {
		exposed, c.ExposedPorts = s.Ports, nil
	}
	for _, port := range exposed {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port] = struct{}{}
	}
	return config, nil
}

// InheritedLabels gives the labels that an image takes over from its base: not those of the OCI specification, which say of the
// base what its version, its title and its source are.
func InheritedLabels(base map[string]string) map[string]string {
	var labels map[string]string
	for name, value := range base {
		if strings.HasPrefix(name, annotationPrefix) {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = value
	}
	return labels
}

// Index gives the multi-platform image, its manifests in the order of the parts. It carries the annotations of its parts, which
// have them and the base's name in common, and the digest that this name meant.
func Index(parts []Part) (v1.ImageIndex, error) {
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
	if len(parts) > 0 {
		base := parts[0].Base
		index = annotate(index, parts[0].Settings.Annotations, base.Name, base.Resolved).(v1.ImageIndex)
	}
	return index, nil
}

// plain keeps an image's descriptor to what every reader knows. An artifactType, which go-containerregistry adds and which
// says no more than the config's media type, is dropped by copies of skopeo 1.9, and the index then has another digest.
type plain struct{ v1.Image }

// ArtifactType is asked for by the index.
func (plain) ArtifactType() (string, error) { return "", nil }

// appendManifest adds one platform to an index.
func appendManifest(index v1.ImageIndex, img v1.Image, descriptor v1.Descriptor) v1.ImageIndex {
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: plain{img}, Descriptor: descriptor})
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
