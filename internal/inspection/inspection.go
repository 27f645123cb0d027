// Package inspection says what a published image is, whoever built it: its platforms, what each runs and on which base, what is
// in its layers, and whether the native files in them fit. It reads layers as streams and holds none.
package inspection

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Request says what to look at.
type Request struct {
	// Image is HOST/REPOSITORY with a tag or a digest.
	Image string
	// Platforms to look at; nil for all. One that the image lacks is an error.
	Platforms []platform.Platform
	// BaseLayers reads the layers of the base too, also where their names say what they hold.
	BaseLayers bool
	// Allowed are the native files that may be for another platform.
	Allowed native.Allowed
	// Pulled gives the reference that an image is pulled by, where a mirror serves it.
	Pulled func(canonical string) string
}

// Inspection is what an image is. The names in the JSON are a contract; docs/inspect.md lists them.
type Inspection struct {
	// Reference is the repository with the digest.
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
	// MediaType is that of an index, or of the one manifest.
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platforms   []Platform        `json:"platforms"`
	// Others are manifests that are no image to run: attestations and other artifacts.
	Others []Other `json:"others,omitempty"`
	// Findings are native files that do not fit.
	Findings []native.Finding `json:"findings"`
	Notes    []string         `json:"notes,omitempty"`
}

// Platform is the image of one platform.
type Platform struct {
	Platform  string `json:"platform"`
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	// Size in bytes of manifest, config and compressed layers; App is the part on top of the base, where that is known.
	Size int64 `json:"size"`
	App  int64 `json:"appSize,omitempty"`
	// Created as the config has it, in RFC 3339; the epoch where the builder left the clock out.
	Created     string            `json:"created,omitempty"`
	User        string            `json:"user,omitempty"`
	WorkingDir  string            `json:"workingDir,omitempty"`
	Entrypoint  []string          `json:"entrypoint,omitempty"`
	Cmd         []string          `json:"cmd,omitempty"`
	Env         []string          `json:"env,omitempty"`
	Ports       []string          `json:"ports,omitempty"`
	Volumes     []string          `json:"volumes,omitempty"`
	StopSignal  string            `json:"stopSignal,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Base is nil where the image does not say what it was built on.
	Base   *Base          `json:"base,omitempty"`
	Layers []Layer        `json:"layers"`
	Native []native.Found `json:"native"`
	// unjudged says that the C library of the native files was compared with nothing.
	unjudged bool
}

// Other is a manifest beside the images.
type Other struct {
	Digest string `json:"digest"`
	Kind   string `json:"kind"`
	Size   int64  `json:"size"`
	// Of is the digest of the manifest that it is about; "" where it does not say.
	Of string `json:"of,omitempty"`
}

// inspector is one look at an image.
type inspector struct {
	Request
	client *registry.Client
	read   map[v1.Hash]*contents
	made   *Inspection
	// others are the platforms that were not wanted.
	others []string
	// compared are the platforms whose native files are compared.
	compared []native.Image
}

// Run looks at the image. Findings are no error.
func Run(ctx context.Context, client *registry.Client, r Request) (*Inspection, error) {
	published, err := client.Read(ctx, r.Image)
	if err != nil {
		return nil, err
	}
	i := &inspector{Request: r, client: client, read: map[v1.Hash]*contents{}, made: &Inspection{
		Reference: published.Reference.Name(), Digest: published.Descriptor.Digest.String(), MediaType: string(published.Descriptor.MediaType),
		Platforms: []Platform{}, Findings: []native.Finding{},
	}}
	if published.Index != nil {
		err = i.addIndex(ctx, published.Index)
	} else {
		err = i.addImage(ctx, published.Image, published.Descriptor, nil)
	}
	if err == nil {
		err = i.complete()
	}
	if err != nil {
		return nil, client.Explain("inspecting "+published.Reference.Name(), published.Reference, err)
	}
	i.made.Findings = append(i.made.Findings, native.Check(i.compared, r.Allowed)...)
	return i.made, nil
}

// complete fails where a platform that was asked for is missing, and where nothing is there to look at.
func (i *inspector) complete() error {
	has := append(i.made.names(), i.others...)
	if len(has) == 0 {
		return registry.Told(errors.New("it holds no image, only other artifacts: name the image itself"))
	}
	for _, wanted := range i.Platforms {
		if !slices.Contains(has, wanted.String()) {
			return registry.Lacks(wanted, has)
		}
	}
	return nil
}

func (i *inspector) addIndex(ctx context.Context, index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if i.made.Annotations == nil {
		i.made.Annotations = manifest.Annotations
	}
	for _, d := range manifest.Manifests {
		switch {
		case d.MediaType.IsIndex():
			nested, err := index.ImageIndex(d.Digest)
			if err != nil {
				return err
			}
			if err := i.addIndex(ctx, nested); err != nil {
				return err
			}
		case d.Platform != nil && d.Platform.OS == "unknown" || !d.MediaType.IsImage():
			i.made.Others = append(i.made.Others, other(d))
		default:
			img, err := index.Image(d.Digest)
			if err != nil {
				return err
			}
			if err := i.addImage(ctx, img, d, manifest.Annotations); err != nil {
				return err
			}
		}
	}
	return nil
}

// other reads what BuildKit writes of an attestation,
// https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
func other(d v1.Descriptor) Other {
	kind := d.Annotations["vnd.docker.reference.type"]
	if kind == "" {
		kind = d.ArtifactType
	}
	if kind == "" {
		kind = string(d.MediaType)
	}
	return Other{Digest: d.Digest.String(), Kind: kind, Size: d.Size, Of: d.Annotations["vnd.docker.reference.digest"]}
}

func (i *inspector) addImage(ctx context.Context, img v1.Image, d v1.Descriptor, of map[string]string) error {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	if !manifest.Config.MediaType.IsConfig() {
		i.made.Others = append(i.made.Others, Other{Digest: d.Digest.String(), Kind: string(manifest.Config.MediaType), Size: d.Size})
		return nil
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	named := d.Platform
	if named == nil {
		named = &v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	}
	on, err := platform.Parse(registry.Described(named.OS, named.Architecture, named.Variant))
	known := err == nil
	if known && len(i.Platforms) > 0 && !slices.Contains(i.Platforms, on) {
		i.others = append(i.others, on.String())
		return nil
	}
	p := describe(img, manifest, config)
	p.Platform, p.Digest, p.MediaType, p.Size = registry.Described(named.OS, named.Architecture, named.Variant), d.Digest.String(), string(manifest.MediaType), d.Size
	if known {
		p.Platform = on.String()
	}
	if p.MediaType == "" {
		p.MediaType = string(types.OCIManifestSchema1)
	}
	if known {
		err = i.look(ctx, img, on, of, &p)
	} else {
		i.made.Notes = append(i.made.Notes, p.Platform+" is no platform of .NET on Linux: its layers are not read")
		err = i.list(img, &p)
	}
	p.weigh(manifest)
	i.made.Platforms = append(i.made.Platforms, p)
	return err
}

// describe takes what the config says.
func describe(img v1.Image, manifest *v1.Manifest, file *v1.ConfigFile) Platform {
	c := file.Config
	p := Platform{
		User: c.User, WorkingDir: c.WorkingDir, Entrypoint: c.Entrypoint, Cmd: c.Cmd, Env: c.Env, StopSignal: c.StopSignal,
		Labels: c.Labels, Annotations: manifest.Annotations,
		Ports: slices.Sorted(maps.Keys(c.ExposedPorts)), Volumes: slices.Sorted(maps.Keys(c.Volumes)), Native: []native.Found{}, Layers: []Layer{},
	}
	if !file.Created.IsZero() {
		p.Created = file.Created.UTC().Format(time.RFC3339)
	}
	return p
}

// weigh adds up the sizes, of which the descriptor gave the manifest's.
func (p *Platform) weigh(manifest *v1.Manifest) {
	p.Size += manifest.Config.Size
	onBase := false
	var app int64
	for _, l := range p.Layers {
		p.Size += l.Size
		if l.Of == ofBase {
			onBase = true
		} else {
			app += l.Size
		}
	}
	if onBase {
		p.App = app + manifest.Config.Size
	}
}
