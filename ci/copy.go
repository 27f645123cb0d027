package main

import (
	"context"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Copy promotes an image from one repository or registry to another, with all its manifests and the same digest, and
// builds nothing. It gives the reference with its digest, what it holds and what was sent.
//
// +cache="never"
func (m *DotnetMultiarch) Copy(
	ctx context.Context,

	// What to copy: HOST/REPOSITORY@sha256:… or HOST/REPOSITORY:TAG.
	from string,

	// Where to: HOST/REPOSITORY, with or without a tag.
	to string,

	// Tags besides that of --to. Default: the tag of --from, where neither gives one, or latest.
	//
	// +optional
	tag []string,

	// User of the registry of --to. For that of --from there is --docker-config.
	//
	// +optional
	username string,

	// Password or token of the registry of --to, such as env://REGISTRY_TOKEN or cmd://"gh auth token".
	//
	// +optional
	password *dagger.Secret,

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	promotion, err := registry.ParsePromotion(from, to, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, promotion.To, login{username, password})
	if err != nil {
		return "", err
	}
	start := time.Now()
	promoted, err := client.Copy(ctx, promotion)
	if err != nil {
		return "", err
	}
	answer := promotionOf(promoted, promotion.To)
	answer.From = promotion.From.Context().Digest(promoted.Digest.String()).Name()
	answer.Seconds = map[string]float64{"copy": time.Since(start).Seconds()}
	return answer.String(format)
}

func promotionOf(p registry.Promoted, to registry.Target) publication.Promotion {
	answer := publication.Promotion{
		Reference: to.Repository.Digest(p.Digest.String()).Name(), Digest: p.Digest.String(), Tags: to.Tags, Manifests: p.Manifests, Platforms: []publication.PromotedPlatform{},
		Blobs: publication.Blobs{Sent: p.Sent.Uploaded, Mounted: p.Sent.Mounted, Present: p.Sent.Present}, BytesSent: p.Sent.Bytes,
	}
	for _, c := range p.Contents {
		answer.Platforms = append(answer.Platforms, publication.PromotedPlatform{Platform: c.Platform, Digest: c.Digest.String(), Size: c.Size})
	}
	return answer
}
