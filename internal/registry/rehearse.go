package registry

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// rehearse counts what send and tags would do.
func (p *push) rehearse(ctx context.Context) error {
	for i, d := range p.destinations {
		if err := p.plan(ctx, d, p.destinations[:i]); err != nil {
			return p.client.failed(ctx, "asking what "+d.Repository.Name()+" has", d.Repository, err)
		}
	}
	return nil
}

// plan says what write and tag would do, by reads alone. Mounted are the blobs that the registry would be asked to mount; one
// that refuses gets them sent.
func (p *push) plan(ctx context.Context, d *destination, earlier []*destination) error {
	missing, err := p.missing(ctx, d)
	if err != nil {
		return err
	}
	blobs, err := missing.blobs()
	if err != nil {
		return err
	}
	blobs = p.from(blobs, d, earlier)
	present := make([]bool, len(blobs))
	err = each(ctx, numbered(blobs), func(ctx context.Context, n int) (err error) {
		present[n], err = p.hasBlob(ctx, d, blobs[n])
		return err
	})
	if err != nil {
		return err
	}
	for i, blob := range blobs {
		_, mountable := blob.(*remote.MountableLayer)
		switch {
		case present[i]:
			d.sent.Present++
		case mountable:
			d.sent.Mounted++
		default:
			size, err := blob.Size()
			if err != nil {
				return err
			}
			d.sent.Uploaded++
			d.bytes.Add(size)
		}
	}
	for _, level := range missing {
		for _, m := range level {
			d.bytes.Add(m.size)
		}
	}
	size, err := p.root.Size()
	if err != nil {
		return err
	}
	for _, t := range d.Tags {
		digest, err := meaning(ctx, p.puller, d.Repository.Tag(t))
		if err != nil {
			return err
		}
		if digest != p.digest {
			d.bytes.Add(size)
		}
	}
	return nil
}

func (p *push) hasBlob(ctx context.Context, d *destination, blob v1.Layer) (bool, error) {
	digest, err := blob.Digest()
	if err != nil {
		return false, err
	}
	there, err := p.puller.Layer(ctx, d.Repository.Digest(digest.String()))
	if err != nil {
		return false, err
	}
	exists, err := partial.Exists(there)
	if absent(err) {
		return false, nil
	}
	return exists, err
}
