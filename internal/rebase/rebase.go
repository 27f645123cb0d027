// Package rebase moves a published image to the newest base without a build: the base's layers are swapped by digest, the
// app's stay where they are, and neither are read.
package rebase

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Request says what to move and where to.
type Request struct {
	// Image is the reference of the published index, with a tag or a digest.
	Image string
	// Target is where the moved index goes: the same repository.
	Target registry.Target
	// Base is the canonical reference of the new base. Default: for every manifest the tag that it was built on.
	Base string
	// Pulled gives the reference that an image is pulled by, where a mirror serves it.
	Pulled func(canonical string) string
}

// Parse reads what to move. The tags are those that the moved image gets; without any it takes over the image's own.
func Parse(reference string, tags []string) (Request, error) {
	repository, digest, pinned := strings.Cut(reference, "@")
	if pinned && len(tags) == 0 {
		return Request{}, fmt.Errorf("reading image reference %q: say with --tag what to call the moved image, since a digest cannot move", reference)
	}
	target, err := registry.ParseTarget(repository, nil)
	if err != nil {
		return Request{}, err
	}
	r := Request{Image: target.Repository.Tag(target.Tags[0]).Name(), Target: target}
	if pinned {
		if _, err := v1.NewHash(digest); err != nil {
			return Request{}, fmt.Errorf("reading image reference %q: %q is no digest", reference, digest)
		}
		r.Image = target.Repository.Digest(digest).Name()
	}
	if len(tags) > 0 {
		r.Target, err = registry.ParseTarget(target.Repository.Name(), tags)
	}
	return r, err
}

// move is one manifest on its way.
type move struct {
	descriptor v1.Descriptor
	platform   platform.Platform
	image      v1.Image
	from, to   image.Base
}

// Run moves the image and pushes it, blobs, manifests, index, then the tags. Where the base has not changed, nothing is
// written. It refuses an image whose base layers cannot be known for sure.
func Run(ctx context.Context, client *registry.Client, r Request) (*publication.Publication, error) {
	doing := "rebasing " + r.Image
	p := &publication.Publication{Tags: r.Target.Tags, Seconds: map[string]float64{}}
	start := time.Now()
	step := func(name string) {
		p.Seconds[name] = time.Since(start).Seconds()
		start = time.Now()
	}
	if err := client.Preflight(ctx, []registry.Target{r.Target}, registry.PushOptions{}); err != nil {
		return nil, err
	}
	old, digest, err := client.Index(ctx, r.Image)
	if err != nil {
		return nil, err
	}
	moves, notes, err := read(ctx, client, r, old)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	if err := resolve(ctx, client, r, moves); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	p.Notes = notes
	describeBase(p, moves)
	step("preflight")

	index, changed, err := assemble(old, moves)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	step("assemble")

	if err := unmoved(ctx, client, r, digest); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	pushed, sent, err := client.Push(ctx, index, r.Target) // where nothing changed, at most tags
	if err != nil {
		return nil, err
	}
	p.Blobs = publication.Blobs{Sent: sent.Uploaded, Mounted: sent.Mounted, Present: sent.Present}
	p.BytesSent = sent.Bytes
	step("push")
	switch {
	case changed:
		p.RebasedFrom = r.Target.Repository.Digest(digest.String()).Name()
	case sent.Bytes == 0:
		p.Notes = append(p.Notes, "the image is on the newest base already: nothing was written")
	default:
		p.Notes = append(p.Notes, "the image is on the newest base already: it got the tags and nothing else")
	}
	if p.Ports, err = image.Ports(index); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	p.Digest, p.Reference = pushed.String(), r.Target.Repository.Digest(pushed.String()).Name()
	return p, weigh(p, moves)
}

// read finds the manifests and the bases that they are on.
func read(ctx context.Context, client *registry.Client, r Request, old v1.ImageIndex) (moves []move, notes []string, err error) {
	manifest, err := old.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	for _, d := range manifest.Manifests {
		if d.Platform != nil && d.Platform.OS == "unknown" {
			notes = []string{"attestations of the image are left out: they speak of the image as it was"}
			continue
		}
		if !d.MediaType.IsImage() {
			return nil, nil, fmt.Errorf("it holds %s, which is no image", d.MediaType)
		}
		img, err := old.Image(d.Digest)
		if err != nil {
			return nil, nil, err
		}
		m := move{descriptor: d, image: img}
		if m.platform, err = platformOf(d, img); err != nil {
			return nil, nil, err
		}
		if m.from, err = baseOf(ctx, client, r, m); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", m.platform, err)
		}
		moves = append(moves, m)
	}
	if len(moves) == 0 {
		return nil, nil, errors.New("it holds no image")
	}
	return moves, notes, nil
}

func platformOf(d v1.Descriptor, img v1.Image) (platform.Platform, error) {
	of := d.Platform
	if of == nil {
		config, err := img.ConfigFile()
		if err != nil {
			return platform.Platform{}, err
		}
		of = &v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	}
	text := of.OS + "/" + of.Architecture
	if of.Variant != "" {
		text += "/" + of.Variant
	}
	return platform.Parse(text)
}

// baseOf finds the base that a manifest says it was built on.
func baseOf(ctx context.Context, client *registry.Client, r Request, m move) (image.Base, error) {
	said, digest, err := image.BaseOf(m.image)
	if errors.Is(err, image.ErrNoBase) {
		err = fmt.Errorf("%w: build it again, with build-and-push", err)
	}
	if err != nil {
		return image.Base{}, err
	}
	ref, err := name.ParseReference(r.Pulled(said))
	if err != nil {
		return image.Base{}, fmt.Errorf("it names the base %q, which is no reference: build it again, with build-and-push", said)
	}
	bases, err := client.Bases(ctx, ref.Context().Digest(digest.String()).Name(), said, []platform.Platform{m.platform})
	if errors.Is(err, registry.ErrGone) {
		return image.Base{}, fmt.Errorf("its base %s@%s is gone from %s, so what the app set cannot be told from what the base set: name a registry that keeps it with --base-registry, or build the image again", said, digest, ref.Context().RegistryStr())
	}
	if err != nil {
		return image.Base{}, err
	}
	return bases[0], nil
}

// resolve finds the new bases, each reference once, so that a tag that moves meanwhile does not part the platforms.
func resolve(ctx context.Context, client *registry.Client, r Request, moves []move) error {
	var names []string
	byName := map[string][]int{}
	for i, m := range moves {
		canonical := r.Base
		if canonical == "" {
			canonical = m.from.Name
			if strings.Contains(canonical, "@") {
				return fmt.Errorf("%s: it was built on %s, a digest that never moves: say with --base where to", m.platform, canonical)
			}
		}
		if byName[canonical] == nil {
			names = append(names, canonical)
		}
		byName[canonical] = append(byName[canonical], i)
	}
	for _, canonical := range names {
		var platforms []platform.Platform
		for _, i := range byName[canonical] {
			platforms = append(platforms, moves[i].platform)
		}
		bases, err := client.Bases(ctx, r.Pulled(canonical), canonical, platforms)
		var missing *registry.MissingPlatformError
		if errors.As(err, &missing) {
			return fmt.Errorf("the base %s has no %s, only %s: give another with --base", canonical, missing.Wanted, strings.Join(missing.Has, ", "))
		}
		if err != nil {
			return err
		}
		for n, i := range byName[canonical] {
			moves[i].to = bases[n]
		}
	}
	return nil
}

// stays says whether a manifest is on its new base already.
func (m move) stays() bool { return m.from.Digest == m.to.Digest && m.from.Name == m.to.Name }

// assemble gives the moved index; the old one where every manifest stays.
func assemble(old v1.ImageIndex, moves []move) (v1.ImageIndex, bool, error) {
	if !slices.ContainsFunc(moves, func(m move) bool { return !m.stays() }) {
		return old, false, nil
	}
	var manifests []image.Rebased
	shared := &moves[0].to
	for i, m := range moves {
		if !m.stays() {
			moved, err := image.Rebase(m.image, m.from, m.to)
			if err != nil {
				return nil, false, fmt.Errorf("%s: %w: build the image again, with build-and-push", m.platform, err)
			}
			moves[i].image = moved
		}
		manifests = append(manifests, image.Rebased{Descriptor: m.descriptor, Image: moves[i].image})
		if m.to.Name != moves[0].to.Name {
			shared = nil
		}
	}
	index, err := image.RebasedIndex(old, manifests, shared)
	return index, true, err
}

// unmoved refuses to tag over an image that somebody pushed since it was read: that one is newer than what was moved.
func unmoved(ctx context.Context, client *registry.Client, r Request, digest v1.Hash) error {
	tag, err := name.NewTag(r.Image)
	if err != nil || !slices.Contains(r.Target.Tags, tag.TagStr()) {
		return nil //nolint:nilerr // an image named by digest has no tag that could move
	}
	_, now, err := client.Index(ctx, r.Image)
	if err == nil && now != digest {
		err = fmt.Errorf("another image was pushed there meanwhile, %s: run the command again", now)
	}
	return err
}

func describeBase(p *publication.Publication, moves []move) {
	var names, digests []string
	for _, m := range moves {
		names, digests = append(names, m.to.Name), append(digests, m.to.Resolved.String())
	}
	p.Base = strings.Join(slices.Compact(names), ", ")
	if digests = slices.Compact(digests); len(digests) == 1 {
		p.BaseDigest = digests[0]
	}
}

func weigh(p *publication.Publication, moves []move) error {
	for _, m := range moves {
		below, err := m.to.Image.Layers()
		if err != nil {
			return err
		}
		layers, err := m.image.Layers()
		if err != nil {
			return err
		}
		w, err := image.Weigh(m.image, len(layers)-len(below))
		if err != nil {
			return err
		}
		p.Platforms = append(p.Platforms, publication.Platform{Platform: m.platform.String(), Digest: w.Digest.String(), Size: w.Total, App: w.App})
	}
	return nil
}
