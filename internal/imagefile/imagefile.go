// Package imagefile writes an image into one file, for machines without a registry: an OCI archive of a whole index, or the
// archive of one platform that every `docker load` takes. The bytes depend on the image and its name alone. Blobs go from
// where they are, a disk or a registry, straight into the file.
package imagefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
)

// The annotations that tell a reader of an archive what the image is called: the OCI image specification's, which holds the
// tag (https://github.com/opencontainers/image-spec/blob/main/annotations.md), and containerd's, which holds all of it and
// which Docker and Podman read too. They stand beside the index's digest, not under it.
const (
	annotationTag  = "org.opencontainers.image.ref.name"
	annotationName = "io.containerd.image.name"
)

// WriteOCI writes an OCI image layout as a tar (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
func WriteOCI(to io.Writer, index v1.ImageIndex, tag name.Tag) error {
	descriptor, err := partial.Descriptor(index)
	if err != nil {
		return writing(tag, err)
	}
	descriptor.Annotations = map[string]string{annotationTag: tag.TagStr(), annotationName: canonical(tag)}
	top, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{*descriptor}})
	if err != nil {
		return writing(tag, err)
	}
	blobs := blobs{}
	if err := blobs.addIndex(index); err != nil {
		return writing(tag, err)
	}
	entries := []archive.Entry{text("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)), text("index.json", top)}
	for digest, b := range blobs {
		entries = append(entries, archive.Entry{Name: "blobs/" + digest.Algorithm + "/" + digest.Hex, Size: b.size, Open: b.steady(digest)})
	}
	return writing(tag, archive.WriteEntries(to, entries))
}

// WriteImage writes one platform's image as an OCI layout, in an index of its own.
func WriteImage(to io.Writer, img v1.Image, of v1.Platform, tag name.Tag) error {
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &of}})
	return WriteOCI(to, index, tag)
}

// dockerManifest is the part of manifest.json that `docker load` reads,
// https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
type dockerManifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// WriteDocker writes what `docker save` wrote before it knew of OCI, and what every version of `docker load` takes: one
// platform.
func WriteDocker(to io.Writer, img v1.Image, tag name.Tag) error {
	manifest, err := img.Manifest()
	if err != nil {
		return writing(tag, err)
	}
	blobs := blobs{}
	if err := blobs.addImage(img); err != nil {
		return writing(tag, err)
	}
	listed := dockerManifest{Config: manifest.Config.Digest.Hex + ".json", RepoTags: []string{familiar(tag)}}
	files := map[string]v1.Hash{listed.Config: manifest.Config.Digest}
	for _, l := range manifest.Layers {
		// The name says nothing to a reader, which looks at the bytes.
		file := l.Digest.Hex + ".tar"
		listed.Layers = append(listed.Layers, file)
		files[file] = l.Digest
	}
	top, err := json.Marshal([]dockerManifest{listed})
	if err != nil {
		return writing(tag, err)
	}
	entries := []archive.Entry{text("manifest.json", top)}
	for file, digest := range files {
		entries = append(entries, archive.Entry{Name: file, Size: blobs[digest].size, Open: blobs[digest].steady(digest)})
	}
	return writing(tag, archive.WriteEntries(to, entries))
}

func writing(tag name.Tag, err error) error {
	if err != nil {
		return fmt.Errorf("writing the archive of %s: %w", familiar(tag), err)
	}
	return nil
}

func text(name string, content []byte) archive.Entry {
	return archive.Entry{Name: name, Size: int64(len(content)), Open: inMemory(content)}
}

func inMemory(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// Name reads the name that an image has in an archive: NAME[:TAG] as after `docker run`; "" for the assembly's own, by the
// rules that the .NET SDK's ContainerRepository has: lower case, dashes for what is not allowed.
func Name(given, assembly string) (name.Tag, error) {
	if given == "" {
		given = strings.Trim(strings.Map(allowed, strings.ToLower(assembly)), "-._")
		if given == "" {
			given = "app"
		}
	}
	tag, err := name.NewTag(given)
	if err != nil {
		return name.Tag{}, fmt.Errorf("reading image name %q: want NAME[:TAG], the name in lower case, such as --name team/app:1.2", given)
	}
	return tag, nil
}

func allowed(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
		return r
	}
	return '-'
}

// canonical is the full name as Docker and containerd write it; go-containerregistry has Docker Hub by its host.
func canonical(tag name.Tag) string {
	if hub := name.DefaultRegistry + "/"; strings.HasPrefix(tag.Name(), hub) {
		return "docker.io/" + strings.TrimPrefix(tag.Name(), hub)
	}
	return tag.Name()
}

// familiar is the short name: app:1 for docker.io/library/app:1.
func familiar(tag name.Tag) string {
	return strings.TrimPrefix(strings.TrimPrefix(canonical(tag), "docker.io/"), "library/")
}
