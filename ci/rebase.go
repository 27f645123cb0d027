package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/rebase"
)

// Rebase moves a published image to the newest base without a build, and pushes it: the base's layers are swapped, the app's
// stay as they are, and what the app set stays set. It gives what build-and-push gives.
//
// +cache="never"
func (m *DotnetMultiarch) Rebase(
	ctx context.Context,

	// The image to move: HOST/REPOSITORY, with a tag or a digest.
	image string,

	// Tags of the moved image. Default: the image's own tag.
	//
	// +optional
	tag []string,

	// Base to move to. Default: the tag that the image was built on, as it is now.
	//
	// +optional
	base string,

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
	request, err := rebase.Parse(image, tag)
	if err != nil {
		return "", err
	}
	request.Base = dotnet.CanonicalName(base, m.BaseRegistry)
	request.Pulled = func(canonical string) string { return dotnet.Mirrored(canonical, m.BaseRegistry) }
	client, err := m.client(ctx, request.Target, login{username, password})
	if err != nil {
		return "", err
	}
	published, err := rebase.Run(ctx, client, request)
	if err != nil {
		return "", err
	}
	return published.String(format)
}
