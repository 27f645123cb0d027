package registry

import (
	"context"
	"errors"
	"net/http"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// manifest is one of an index's, or the index itself.
type manifest struct {
	remote.Taggable
	digest v1.Hash
	size   int64
}

// parts are the manifests of an index, each level before the one that names it: first the images, last the index.
type parts [][]manifest

func partsOf(root pushable) (*parts, error) {
	var p parts
	seen := map[v1.Hash]bool{}
	var add func(part partial.Describable) (level int, err error)
	add = func(part partial.Describable) (level int, err error) {
		taggable, ok := part.(remote.Taggable)
		if !ok {
			return 0, errors.New("it names something that is neither an image nor an index")
		}
		if nested, ok := part.(v1.ImageIndex); ok {
			children, err := partial.Manifests(nested)
			if err != nil {
				return 0, err
			}
			for _, child := range children {
				below, err := add(child)
				if err != nil {
					return 0, err
				}
				level = max(level, below+1)
			}
		}
		m := manifest{Taggable: taggable}
		if m.digest, err = part.Digest(); err != nil {
			return 0, err
		}
		if m.size, err = part.Size(); err != nil {
			return 0, err
		}
		for len(p) <= level {
			p = append(p, nil)
		}
		if !seen[m.digest] {
			seen[m.digest] = true
			p[level] = append(p[level], m)
		}
		return level, nil
	}
	_, err := add(root)
	return &p, err
}

// missing leaves out the manifests that a destination has. An image's manifest stands for its blobs, for no registry takes it
// without them; an index does not for its manifests, since clean-ups of untagged manifests may have taken them.
func (p *push) missing(ctx context.Context, d *destination) (parts, error) {
	present := map[v1.Hash]bool{}
	var all []manifest
	for _, level := range *p.parts {
		all = append(all, level...)
	}
	found := make([]bool, len(all))
	err := each(ctx, numbered(all), func(ctx context.Context, n int) (err error) {
		found[n], err = p.has(ctx, d, all[n])
		return err
	})
	if err != nil {
		return nil, err
	}
	for n, m := range all {
		present[m.digest] = found[n]
	}
	left := make(parts, len(*p.parts))
	for i, level := range *p.parts {
		for _, m := range level {
			if !present[m.digest] {
				left[i] = append(left[i], m)
			}
		}
	}
	return left, nil
}

func (p *push) has(ctx context.Context, d *destination, m manifest) (bool, error) {
	_, err := p.puller.Head(ctx, d.Repository.Digest(m.digest.String()))
	if absent(err) {
		return false, nil
	}
	return err == nil, err
}

// absent says whether a registry answered that it has no such thing. Some answer 403 where it is 404 that they mean,
// https://jfrog.atlassian.net/browse/RTFACT-13797; should they mean it, the writes that follow are refused.
func absent(err error) bool {
	refused := refusal(err)
	return refused != nil && (refused.StatusCode == http.StatusNotFound || refused.StatusCode == http.StatusForbidden)
}

// refusal is the registry's answer that an error reports; nil where it is none.
func refusal(err error) *transport.Error {
	var refused *transport.Error
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}

// blobs are the layers and configs of the images, without repeats; layers that no registry may hand on are left out.
func (p parts) blobs() ([]v1.Layer, error) {
	var blobs []v1.Layer
	seen := map[v1.Hash]bool{}
	for _, level := range p {
		for _, m := range level {
			img, ok := m.Taggable.(v1.Image)
			if !ok {
				continue
			}
			layers, err := img.Layers()
			if err != nil {
				return nil, err
			}
			config, err := partial.ConfigLayer(img)
			if err != nil {
				return nil, err
			}
			for _, l := range append(layers, config) {
				digest, err := l.Digest()
				if err != nil {
					return nil, err
				}
				mediaType, err := l.MediaType()
				if err != nil {
					return nil, err
				}
				if seen[digest] || !mediaType.IsDistributable() {
					continue
				}
				seen[digest] = true
				blobs = append(blobs, l)
			}
		}
	}
	return blobs, nil
}

// from says where a destination can mount blobs: from the base's repository or an earlier destination's, where that is in the
// same registry. Elsewhere a mount would be asked for in vain.
func (p *push) from(blobs []v1.Layer, d *destination, earlier []*destination) []v1.Layer {
	sources := make([]v1.Layer, len(blobs))
	for i, blob := range blobs {
		mountable, ok := blob.(*remote.MountableLayer)
		if ok && mountable.Reference.Context().Registry == d.Repository.Registry {
			sources[i] = mountable
			continue
		}
		if ok {
			blob = mountable.Layer
		}
		sources[i] = blob
		for _, e := range earlier {
			if e.Repository.Registry == d.Repository.Registry {
				sources[i] = &remote.MountableLayer{Layer: blob, Reference: e.Repository.Digest(p.digest.String())}
				break
			}
		}
	}
	return sources
}

// each calls f for all items, a bounded number at once, and ends with the first error.
func each[T any](ctx context.Context, items []T, f func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for _, item := range items {
		group.Go(func() error { return f(ctx, item) })
	}
	return group.Wait()
}

func numbered[T any](items []T) []int {
	numbers := make([]int, len(items))
	for i := range items {
		numbers[i] = i
	}
	return numbers
}
