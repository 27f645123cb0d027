package bases

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push brings the images to the registry: all of all first, then the tags, so
// that a tag never names a set of which parts are missing.
func push(ctx context.Context, registry string, images []composed) ([]pushed, error) {
	var done []pushed
	for _, image := range images {
		rec, err := image.record()
		if err != nil {
			return nil, err
		}
		ref, err := name.NewDigest(registry + "/" + image.repository + "@" + rec.Index)
		if err != nil {
			return nil, err
		}
		if err := remote.WriteIndex(ref, image.index, remote.WithContext(ctx)); err != nil {
			return nil, fmt.Errorf("pushing %s: %w", ref, err)
		}
		done = append(done, rec)
	}
	for _, image := range images {
		tag, err := name.NewTag(registry + "/" + image.repository + ":" + image.tag)
		if err != nil {
			return nil, err
		}
		if err := remote.Tag(tag, image.index, remote.WithContext(ctx)); err != nil {
			return nil, fmt.Errorf("tagging %s: %w", tag, err)
		}
	}
	return done, nil
}

func (c composed) record() (pushed, error) {
	digest, err := c.index.Digest()
	if err != nil {
		return pushed{}, err
	}
	manifest, err := c.index.IndexManifest()
	if err != nil {
		return pushed{}, err
	}
	rec := pushed{Repository: c.repository, Tag: c.tag, Index: digest.String()}
	for _, m := range manifest.Manifests {
		rec.Manifests = append(rec.Manifests, m.Digest.String())
	}
	return rec, nil
}

// present asks the registry for every manifest of a set: the tag must still
// name its index.
func present(ctx context.Context, registry string, images []pushed) bool {
	puller, err := remote.NewPuller(remote.WithContext(ctx))
	if err != nil || len(images) == 0 {
		return false
	}
	head := func(reference string) v1.Hash {
		ref, err := name.ParseReference(reference)
		if err != nil {
			return v1.Hash{}
		}
		found, err := puller.Head(ctx, ref)
		if err != nil {
			return v1.Hash{}
		}
		return found.Digest
	}
	for _, image := range images {
		repository := registry + "/" + image.Repository
		if head(repository+":"+image.Tag).String() != image.Index {
			return false
		}
		for _, digest := range image.Manifests {
			if head(repository+"@"+digest).String() != digest {
				return false
			}
		}
	}
	return true
}
