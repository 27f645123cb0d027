package image

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ErrNoBase is an image that does not say what it was built on.
var ErrNoBase = errors.New("it does not say which base it was built on, its manifest has no annotations " + annotationBaseName + " and " + annotationBaseDigest)

// BaseOf reads what an image says of its base: the canonical name and the digest, of the platform's manifest or of an index.
// Only annotations are heeded: labels are inherited, and may speak of the base's own base.
func BaseOf(img v1.Image) (name string, digest v1.Hash, err error) {
	manifest, err := img.Manifest()
	if err != nil {
		return "", v1.Hash{}, err
	}
	said := manifest.Annotations
	if said[annotationBaseName] == "" || said[annotationBaseDigest] == "" {
		return "", v1.Hash{}, ErrNoBase
	}
	if digest, err = v1.NewHash(said[annotationBaseDigest]); err != nil {
		return "", v1.Hash{}, fmt.Errorf("its %s is no digest: %w", annotationBaseDigest, err)
	}
	return said[annotationBaseName], digest, nil
}

// BaseIn reads what annotations say of the base, "" where they say nothing.
func BaseIn(annotations map[string]string) (name, digest string) {
	return annotations[annotationBaseName], annotations[annotationBaseDigest]
}

// Rebase moves an image from its base to another. The app's layers stay, by digest and unread; of the config all that the
// image has from its base comes from the other one, and what the app set over it stays. For an image of this module the
// result is the very image that a build on the other base gives. What the app set to the value that its base has anyway
// cannot be told from the base's, and follows the base.
func Rebase(img v1.Image, from, to Base) (v1.Image, error) {
	own, history, err := appPart(img, from.Image)
	if err != nil {
		return nil, err
	}
	addenda, err := baseLayers(to.Image)
	if err != nil {
		return nil, fmt.Errorf("reading the layers of base image %s: %w", to.Name, err)
	}
	app, err := withHistory(own, history)
	if err != nil {
		return nil, err
	}
	rebased := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if rebased, err = mutate.Append(rebased, append(addenda, app...)...); err != nil {
		return nil, err
	}
	config, err := rebasedConfig(img, rebased, from, to)
	if err != nil {
		return nil, err
	}
	if rebased, err = mutate.ConfigFile(rebased, config); err != nil {
		return nil, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	annotations := maps.Clone(manifest.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationBaseName] = to.Name
	annotations[annotationBaseDigest] = to.Digest.String()
	return mutate.Annotations(rebased, annotations).(v1.Image), nil
}

// appPart gives the layers and the history that an image has over its base, whose layers have to be the first ones.
func appPart(img, base v1.Image) ([]v1.Layer, []v1.History, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, nil, err
	}
	below, err := base.Layers()
	if err != nil {
		return nil, nil, err
	}
	if len(below) > len(layers) {
		return nil, nil, fmt.Errorf("its base has %d layers and it has %d, so they are not its first ones", len(below), len(layers))
	}
	for i := range below {
		want, err := below[i].Digest()
		if err != nil {
			return nil, nil, err
		}
		got, err := layers[i].Digest()
		if err != nil {
			return nil, nil, err
		}
		if got != want {
			return nil, nil, fmt.Errorf("its layer %d is %s, not %s as in the base that it names", i+1, got, want)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, nil, err
	}
	belows, err := baseLayers(base)
	if err != nil {
		return nil, nil, err
	}
	return layers[len(below):], appHistory(config.History, belows, len(below)), nil
}

// appHistory is the history after the base's. Where the base's is not what the image starts with, another tool wrote it, and
// it ends with the entry of the base's last layer.
func appHistory(history []v1.History, base []mutate.Addendum, layers int) []v1.History {
	same := len(history) >= len(base)
	for i := 0; same && i < len(base); i++ {
		same = reflect.DeepEqual(history[i], base[i].History)
	}
	if same {
		return history[len(base):]
	}
	for i, h := range history {
		if layers == 0 {
			return history[i:]
		}
		if !h.EmptyLayer {
			layers--
		}
	}
	return nil
}

func rebasedConfig(img, rebased v1.Image, from, to Base) (*v1.ConfigFile, error) {
	var files [4]*v1.ConfigFile
	for i, of := range []v1.Image{img, rebased, from.Image, to.Image} {
		file, err := of.ConfigFile()
		if err != nil {
			return nil, err
		}
		files[i] = file
	}
	config := files[0].DeepCopy()
	config.RootFS, config.History = files[1].RootFS, files[1].History
	config.Config = merge(files[0].Config, files[2].Config, files[3].Config)
	return config, nil
}

// merge gives what image is over its base from on the other base: every field that is as its base has it follows the base.
func merge(image, from, to v1.Config) v1.Config {
	c := *image.DeepCopy()
	to = *to.DeepCopy()
	fields, olds, news := reflect.ValueOf(&c).Elem(), reflect.ValueOf(from), reflect.ValueOf(to)
	for i := range fields.NumField() {
		if reflect.DeepEqual(fields.Field(i).Interface(), olds.Field(i).Interface()) {
			fields.Field(i).Set(news.Field(i))
		}
	}
	c.Env = mergeEnv(image.Env, from.Env, to.Env)
	c.Labels = mergeMap(image.Labels, from.Labels, InheritedLabels(to.Labels))
	c.Volumes = mergeMap(image.Volumes, from.Volumes, to.Volumes)
	c.ExposedPorts = mergePorts(image, from, to, c.Env)
	if c.User = image.User; c.User == userOf(image.Env, from.User) {
		c.User = userOf(c.Env, to.User)
	}
	// A command is one thing with its entry point: an image that sets either has no use for the base's other half.
	if !reflect.DeepEqual(image.Entrypoint, from.Entrypoint) || !reflect.DeepEqual(image.Cmd, from.Cmd) {
		c.Entrypoint, c.Cmd = image.Entrypoint, image.Cmd
	}
	// Paths of the app may start there.
	if image.WorkingDir != "" {
		c.WorkingDir = image.WorkingDir
	}
	// What a build leaves out of every base.
	c.Image, c.Hostname, c.Domainname = image.Image, image.Hostname, image.Domainname
	return c
}

// mergeEnv sets what the app set over the other base, in the order of a build: the base's own order, then by name.
func mergeEnv(image, from, to []string) []string {
	base, own := variables(from), variables(image)
	env := slices.DeleteFunc(slices.Clone(to), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		_, had := base[name]
		_, has := own[name]
		return had && !has // the app took it away
	})
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if value, had := base[name]; !had || value != own[name] {
			env = setEnv(env, name, own[name])
		}
	}
	return env
}

func variables(env []string) map[string]string {
	found := map[string]string{}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		found[name] = value
	}
	return found
}

func mergeMap[V comparable](image, from, to map[string]V) map[string]V {
	merged := maps.Clone(to)
	if merged == nil {
		merged = map[string]V{}
	}
	for name := range from {
		if _, has := image[name]; !has {
			delete(merged, name)
		}
	}
	for name, value := range image {
		if of, had := from[name]; !had || of != value {
			merged[name] = value
		}
	}
	if len(merged) == 0 {
		return nil
	}
	return merged
}

// mergePorts counts the ports that a build infers from the environment to the base. An image without them has chosen its ports
// itself, and they stay.
func mergePorts(image, from, to v1.Config, env []string) map[string]struct{} {
	inferred := func(c v1.Config, env []string) map[string]struct{} {
		all := maps.Clone(c.ExposedPorts)
		if all == nil {
			all = map[string]struct{}{}
		}
		for _, p := range ports(env) {
			all[p] = struct{}{}
		}
		return all
	}
	for _, p := range ports(image.Env) {
		if _, has := image.ExposedPorts[p]; !has {
			return maps.Clone(image.ExposedPorts)
		}
	}
	return mergeMap(image.ExposedPorts, inferred(from, image.Env), inferred(to, env))
}

// Rebased is one manifest of a rebased index.
type Rebased struct {
	// Descriptor is the old index's.
	Descriptor v1.Descriptor
	Image      v1.Image
}

// RebasedIndex gives an index with other manifests, and its annotations. The base is the one that they share, nil where they
// have several.
func RebasedIndex(old v1.ImageIndex, manifests []Rebased, base *Base) (v1.ImageIndex, error) {
	manifest, err := old.IndexManifest()
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, m := range manifests {
		mediaType, err := m.Image.MediaType()
		if err != nil {
			return nil, err
		}
		index = appendManifest(index, m.Image, v1.Descriptor{MediaType: mediaType, Platform: m.Descriptor.Platform, Annotations: m.Descriptor.Annotations})
	}
	annotations := maps.Clone(manifest.Annotations)
	if annotations[annotationBaseName] != "" {
		delete(annotations, annotationBaseName)
		delete(annotations, annotationBaseDigest)
		if base != nil {
			annotations[annotationBaseName], annotations[annotationBaseDigest] = base.Name, base.Resolved.String()
		}
	}
	if len(annotations) > 0 {
		index = mutate.Annotations(index, annotations).(v1.ImageIndex)
	}
	return index, nil
}
