package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// meaning gives the digest that a tag has; the zero hash where there is no such tag.
func meaning(ctx context.Context, puller *remote.Puller, tag name.Tag) (v1.Hash, error) {
	descriptor, err := puller.Head(ctx, tag)
	if absent(err) {
		return v1.Hash{}, nil
	}
	if err != nil {
		return v1.Hash{}, err
	}
	return descriptor.Digest, nil
}

// checkTags fails where a tag that stays as it is means another image. Tags that may move are not asked for.
func (p *push) checkTags(ctx context.Context) error {
	for _, d := range p.destinations {
		for _, t := range d.Tags {
			tag := d.Repository.Tag(t)
			why := p.client.keeps(tag, p.immutable)
			if why == "" {
				continue
			}
			digest, err := meaning(ctx, p.puller, tag)
			if err != nil {
				return p.client.failed(ctx, "reading the tag "+tag.Name(), d.Repository, err)
			}
			if digest != (v1.Hash{}) && digest != p.digest {
				return p.taken(tag, digest, why)
			}
		}
	}
	return nil
}

func (p *push) taken(tag name.Tag, digest v1.Hash, why string) error {
	return fmt.Errorf("tagging %s: it means %s, the image is %s, and %s: choose a tag that is free", tag.Name(), digest, p.digest, why)
}

// tag writes one tag, unless it already means the index. A registry that refuses because it keeps tags as they are has not
// failed when the tag means the index after all, as after a push at the same time.
func (p *push) tag(ctx context.Context, d *destination, tag name.Tag) error {
	doing := "tagging " + p.name(d) + " as " + tag.TagStr()
	before, err := meaning(ctx, p.puller, tag)
	if err != nil {
		return p.client.failed(ctx, doing, d.Repository, err)
	}
	if before == p.digest {
		return nil
	}
	if why := p.client.keeps(tag, p.immutable); why != "" && before != (v1.Hash{}) {
		return p.taken(tag, before, why)
	}
	err = p.pusher.Put(withStory(ctx, d.story()), tag, p.root)
	refused := refusal(err)
	if refused == nil || refused.StatusCode >= http.StatusInternalServerError {
		return p.client.failed(ctx, doing, d.Repository, err)
	}
	after, problem := meaning(ctx, p.puller, tag)
	switch {
	case problem == nil && after == p.digest:
		return nil
	case problem == nil && after != (v1.Hash{}) && keepsTags(refused):
		return p.taken(tag, after, tag.RegistryStr()+" keeps tags as they are")
	}
	return p.client.failed(ctx, doing, d.Repository, err)
}

// keepsTags says whether a refusal is of overwriting a tag. The specification has no code for it: ECR answers 400
// TAG_INVALID, Harbor 412, others 409, and ACR, where a tag is locked, that the operation is disallowed.
func keepsTags(refused *transport.Error) bool {
	switch refused.StatusCode {
	case http.StatusConflict, http.StatusPreconditionFailed:
		return true
	}
	for _, d := range refused.Errors {
		said := strings.ToLower(d.Message)
		if d.Code == transport.TagInvalidErrorCode || strings.Contains(said, "immutab") || strings.Contains(said, "overw") ||
			strings.Contains(said, "disallowed") {
			return true
		}
	}
	return false
}
