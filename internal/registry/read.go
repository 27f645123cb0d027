package registry

import (
	"context"
	"errors"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
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
