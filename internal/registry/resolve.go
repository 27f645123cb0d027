package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// ErrGone is a digest that its registry does not hold, or no longer.
var ErrGone = errors.New("its registry does not hold that digest, or no longer")

// lookup reads what a reference means. The canonical name of an image on the caller's own machine has no port, and is read from
// the registry there.
func (c *Client) lookup(ctx context.Context, doing, reference string) (name.Reference, *remote.Descriptor, error) {
	if rest, own := strings.CutPrefix(reference, "localhost/"); own {
		_, port, err := c.loopback.at(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", doing, err)
		}
		if port != 0 {
			reference = fmt.Sprintf("127.0.0.1:%d/%s", port, rest)
		}
	}
	ref, err := parse(reference)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", doing, err)
	}
	if !namesHost(reference) {
		doing += ": no host is written before the repository, so that Docker Hub was asked"
	}
	descriptor, err := c.get(ctx, doing, ref, c.remoteOptions(ctx)...)
	return ref, descriptor, err
}

// Resolve gives the digest that a reference stands for, an index's as a rule, and the platforms that are in it.
func (c *Client) Resolve(ctx context.Context, reference string) (v1.Hash, []platform.Platform, error) {
	doing := "resolving image " + reference
	ref, descriptor, err := c.lookup(ctx, doing, reference)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	var found []*v1.Platform
	if descriptor.MediaType.IsIndex() {
		index, err := descriptor.ImageIndex()
		if err != nil {
			return v1.Hash{}, nil, c.explain(doing, ref.Context(), err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			return v1.Hash{}, nil, c.explain(doing, ref.Context(), err)
		}
		for _, m := range manifest.Manifests {
			found = append(found, m.Platform)
		}
	} else {
		img, err := descriptor.Image()
		if err != nil {
			return v1.Hash{}, nil, c.explain(doing, ref.Context(), err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			return v1.Hash{}, nil, c.explain(doing, ref.Context(), err)
		}
		found = append(found, config.Platform())
	}
	var platforms []platform.Platform
	for _, f := range found {
		if f == nil { // nobody's
			continue
		}
		if p, err := platform.Parse(described(f.OS, f.Architecture, f.Variant)); err == nil {
			platforms = append(platforms, p)
		}
	}
	return descriptor.Digest, platforms, nil
}

// Index gives the multi-platform image that a reference names, and its digest.
func (c *Client) Index(ctx context.Context, reference string) (v1.ImageIndex, v1.Hash, error) {
	doing := "reading image " + reference
	ref, descriptor, err := c.lookup(ctx, doing, reference)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if !descriptor.MediaType.IsIndex() {
		return nil, v1.Hash{}, fmt.Errorf("%s: it is one platform's manifest, not an index: name the image that holds all platforms", doing)
	}
	index, err := descriptor.ImageIndex()
	return index, descriptor.Digest, c.explain(doing, ref.Context(), err)
}
