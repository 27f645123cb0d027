package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Tagging is a digest and the tags that it gets.
type Tagging struct {
	Image name.Digest
	To    Target
}

// ParseTagging reads the digest to tag, HOST/REPOSITORY@sha256:…, and its tags.
func ParseTagging(image string, tags []string) (Tagging, error) {
	if strings.TrimSpace(image) == "" {
		return Tagging{}, errors.New("reading image reference \"\": say what to tag with --image, such as --image registry.example.com/team/app@sha256:…")
	}
	ref, err := parse(image)
	if err != nil {
		return Tagging{}, err
	}
	digest, ok := ref.(name.Digest)
	if !ok {
		return Tagging{}, fmt.Errorf("reading image reference %q: give the digest to tag, HOST/REPOSITORY@sha256:…, as build-and-push printed it; a tag may mean another image by now", image)
	}
	list, err := appendTags(nil, tags)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("tagging %s: say how with --tag, which may be repeated", digest.Name())
	}
	return Tagging{digest, Target{digest.Context(), list}}, err
}

// Tag lets the tags mean a digest that is in their repository. A tag that does already is left alone.
func (c *Client) Tag(ctx context.Context, t Tagging) (Promoted, error) {
	options, err := c.session(ctx)
	if err != nil {
		return Promoted{}, err
	}
	doing := "tagging " + t.Image.Name()
	descriptor, err := c.get(ctx, doing, t.Image, options...)
	if errors.Is(err, ErrGone) {
		return Promoted{}, fmt.Errorf("%s: it is not there: tag names what was pushed before; check repository and digest, or bring it there with copy", doing)
	}
	if err != nil {
		return Promoted{}, err
	}
	promoted := Promoted{Digest: descriptor.Digest}
	if err := promoted.add(descriptor); err != nil {
		return Promoted{}, c.explain(doing, t.Image.Context(), err)
	}
	root, err := contents(descriptor)
	if err != nil {
		return Promoted{}, c.explain(doing, t.Image.Context(), err)
	}
	push, err := c.newPush(root, []Target{t.To}, PushOptions{})
	if err != nil {
		return Promoted{}, c.explain(doing, t.Image.Context(), err)
	}
	if err := c.prepare(ctx, t.To.Repository, false); err != nil {
		return Promoted{}, err
	}
	if err := push.checkTags(ctx); err != nil { // rather no tag at all than some
		return Promoted{}, err
	}
	if err := push.tags(ctx); err != nil {
		return Promoted{}, err
	}
	promoted.Sent = push.sent()[0]
	return promoted, nil
}
