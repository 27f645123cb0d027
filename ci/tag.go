package main

import (
	"context"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Tag gives further tags to an image that is in its registry, and builds nothing.
//
// +cache="never"
func (m *DotnetMultiarch) Tag(
	ctx context.Context,

	// The image by digest: HOST/REPOSITORY@sha256:…
	image string,

	// Tags that shall mean it, also where they mean another image until then.
	tag []string,

	// User of the registry.
	//
	// +optional
	username string,

	// Password or token of the registry, such as env://REGISTRY_TOKEN or cmd://"gh auth token".
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
	tagging, err := registry.ParseTagging(image, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, tagging.To, login{username, password})
	if err != nil {
		return "", err
	}
	start := time.Now()
	promoted, err := client.Tag(ctx, tagging)
	if err != nil {
		return "", err
	}
	answer := promotionOf(promoted, tagging.To)
	answer.Seconds = map[string]float64{"tag": time.Since(start).Seconds()}
	return answer.String(format)
}
