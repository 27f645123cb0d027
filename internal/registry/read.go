package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Published is what a reference stands for: an index, or an image alone. The other of the two is nil.
type Published struct {
	// Reference has the digest.
	Reference  name.Digest
	Descriptor v1.Descriptor
	Index      v1.ImageIndex
	Image      v1.Image
}

// ParseImage reads the reference of a published image, with or without tag and digest, and gives its repository.
func ParseImage(reference string) (name.Repository, error) {
	if strings.TrimSpace(reference) == "" {
		return name.Repository{}, errors.New("reading image reference \"\": say which image with --image, such as --image registry.example.com/team/app:1.0")
	}
	ref, err := parse(reference)
	if err != nil {
		return name.Repository{}, err
	}
	return ref.Context(), nil
}

// Read gives what a reference stands for. What is read of it later comes from the registry then, blobs as streams; Explain puts
// what goes wrong there into words.
func (c *Client) Read(ctx context.Context, reference string) (Published, error) {
	ref, descriptor, err := c.lookup(ctx, "reading image "+shown(reference), reference)
	if err != nil {
		return Published{}, err
	}
	p := Published{Reference: ref.Context().Digest(descriptor.Digest.String()), Descriptor: descriptor.Descriptor}
	if descriptor.MediaType.IsIndex() {
		p.Index, err = descriptor.ImageIndex()
	} else {
		p.Image, err = descriptor.Image()
	}
	return p, c.Explain("reading image "+ref.Name(), ref, err)
}

// Explain turns what a registry or the network said into one line of doing, cause and cure; nil stays nil.
func (c *Client) Explain(doing string, of name.Reference, err error) error {
	return c.explain(doing, of.Context(), err)
}

// Told is an error that already says all, cure included: Explain leaves its words alone.
func Told(err error) error { return told{err} }

// Described is a platform as an index names it: linux/arm/v7.
func Described(os, architecture, variant string) string { return described(os, architecture, variant) }

// Lacks is the error of a published image without a platform that was asked for; has are those that it has.
func Lacks(wanted platform.Platform, has []string) error {
	return told{fmt.Errorf("it has no %s, only %s: give --platforms what it has", wanted, strings.Join(has, ", "))}
}

// Images are a published image's, platform by platform.
type Images struct {
	// Reference has the digest of the whole.
	Reference name.Digest
	// Of are in the order of the index.
	Of []PlatformImage
}

// PlatformImage is the image of one platform.
type PlatformImage struct {
	Platform platform.Platform
	Digest   v1.Hash
	Image    v1.Image
}

// Images gives the images of the platforms wanted, nil for all that .NET has; one that is missing is an error.
func (c *Client) Images(ctx context.Context, reference string, wanted []platform.Platform) (Images, error) {
	p, err := c.Read(ctx, reference)
	if err != nil {
		return Images{}, err
	}
	images := Images{Reference: p.Reference}
	if p.Index != nil {
		err = images.addIndex(p.Index)
	} else {
		err = images.addImage(p.Image, p.Descriptor)
	}
	if err == nil {
		err = images.choose(wanted)
	}
	return images, c.Explain("reading image "+p.Reference.Name(), p.Reference, err)
}

func (i *Images) addIndex(index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		switch {
		case d.MediaType.IsIndex():
			nested, err := index.ImageIndex(d.Digest)
			if err != nil {
				return err
			}
			if err := i.addIndex(nested); err != nil {
				return err
			}
		case d.MediaType.IsImage() && (d.Platform == nil || d.Platform.OS != "unknown"): // others are attestations
			img, err := index.Image(d.Digest)
			if err != nil {
				return err
			}
			if err := i.addImage(img, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// addImage leaves out what is for no platform of .NET.
func (i *Images) addImage(img v1.Image, d v1.Descriptor) error {
	of := d.Platform
	if of == nil {
		config, err := img.ConfigFile()
		if err != nil {
			return err
		}
		of = config.Platform()
	}
	if p, err := platform.Parse(described(of.OS, of.Architecture, of.Variant)); err == nil {
		i.Of = append(i.Of, PlatformImage{p, d.Digest, img})
	}
	return nil
}

func (i *Images) choose(wanted []platform.Platform) error {
	var chosen []PlatformImage
	var has []string
	for _, one := range i.Of {
		has = append(has, one.Platform.String())
		if len(wanted) == 0 || slices.Contains(wanted, one.Platform) {
			chosen = append(chosen, one)
		}
	}
	if len(has) == 0 {
		return told{errors.New("it holds no image for Linux")}
	}
	for _, w := range wanted {
		if !slices.Contains(has, w.String()) {
			return Lacks(w, has)
		}
	}
	i.Of = chosen
	return nil
}
