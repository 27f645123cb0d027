package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ParseTargets reads a comma-separated list of references to push to. Every one gets the further tags, and one repository
// named twice is one target with both tags.
func ParseTargets(references string, tags []string) ([]Target, error) {
	return parseTargets(references, tags, func(typed string) string { return typed })
}

// parseTargets makes each reference of what was typed, which errors quote.
func parseTargets(references string, tags []string, made func(typed string) string) ([]Target, error) {
	var targets []Target
	for reference := range strings.SplitSeq(references, ",") {
		reference = strings.TrimSpace(reference)
		if reference == "" && strings.Contains(references, ",") {
			return nil, fmt.Errorf("reading image references %q: one of them is empty; take the comma away", references)
		}
		target, err := parseTarget(reference, made(reference), tags)
		if err != nil {
			return nil, err
		}
		same := slices.IndexFunc(targets, func(t Target) bool { return t.Repository == target.Repository })
		if same < 0 {
			targets = append(targets, target)
			continue
		}
		for _, t := range target.Tags {
			if !slices.Contains(targets[same].Tags, t) {
				targets[same].Tags = append(targets[same].Tags, t)
			}
		}
	}
	return targets, nil
}

// Preflight fails when a push to the targets is bound to fail. Before anything is built no digest is known to compare an
// immutable tag with, so that one that exists is let pass; tags that exist with different digests are not, for one image
// cannot equal both. A dry run asks for reads alone: that a token for pushing is given is as much as can be known then.
func (c *Client) Preflight(ctx context.Context, targets []Target, o PushOptions) error {
	puller, err := remote.NewPuller(c.remoteOptions(ctx)...)
	if err != nil {
		return err
	}
	var first name.Tag
	var firstDigest v1.Hash
	for _, target := range targets {
		kept, err := c.preflight(ctx, puller, target, o)
		if err != nil {
			return err
		}
		for _, k := range kept {
			switch {
			case firstDigest == v1.Hash{}:
				first, firstDigest = k.tag, k.digest
			case k.digest != firstDigest:
				return fmt.Errorf("checking the tags: %s means %s and %s means %s, and both stay as they are (--immutable-tags, or a repository whose tags are immutable), so that no image can have both: choose tags that are free",
					first.Name(), firstDigest, k.tag.Name(), k.digest)
			}
		}
	}
	return nil
}

// keptTag is a tag that exists and stays as it is.
type keptTag struct {
	tag    name.Tag
	digest v1.Hash
}

// preflight checks one target, and gives those of its tags that cannot move. Where these are all, a push that succeeds writes
// nothing: the check, which begins an upload, would be the only write.
func (c *Client) preflight(ctx context.Context, puller *remote.Puller, target Target, o PushOptions) (kept []keptTag, err error) {
	if err := c.checkLoopbackPort(ctx, target.Repository); err != nil {
		return nil, fmt.Errorf("checking that %s can be pushed to: %w", target.Repository.Name(), err)
	}
	if err := c.prepare(ctx, target.Repository, o.DryRun); err != nil {
		return nil, err
	}
	staying := slices.ContainsFunc(target.Tags, func(t string) bool { return c.keeps(target.Repository.Tag(t), o.ImmutableTags) != "" })
	if o.DryRun || staying {
		if err := c.checkCredentials(ctx, target); err != nil {
			return nil, err
		}
	}
	for _, t := range target.Tags {
		tag := target.Repository.Tag(t)
		if c.keeps(tag, o.ImmutableTags) == "" {
			continue
		}
		digest, err := meaning(ctx, puller, tag)
		if err != nil {
			return nil, c.failed(ctx, "reading the tag "+tag.Name(), target.Repository, err)
		}
		if digest != (v1.Hash{}) {
			kept = append(kept, keptTag{tag, digest})
		}
	}
	if o.DryRun || len(kept) == len(target.Tags) {
		return kept, nil
	}
	return kept, c.Check(ctx, target)
}

// checkCredentials gets what a push would be authorised by, and writes nothing.
func (c *Client) checkCredentials(ctx context.Context, target Target) error {
	doing := "checking the credentials for " + target.Repository.Name()
	if err := c.checkLoopbackPort(ctx, target.Repository); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	auth, err := authn.Resolve(ctx, keychain{c}, target.Repository)
	if err != nil {
		return c.failed(ctx, doing, target.Repository, err)
	}
	scopes := []string{target.Repository.Scope(transport.PushScope)}
	_, err = transport.NewWithContext(ctx, target.Repository.Registry, auth, c.wire(), scopes)
	return c.failed(ctx, doing, target.Repository, err)
}
