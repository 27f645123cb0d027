package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// BuildAndPush builds the app for every platform and pushes one multi-platform image. It gives the reference with its
// digest, what each platform weighs, what was sent, and how to run it. Of several apps each has an image of its own, and the
// tags are written when all images are there.
//
// +cache="never"
func (m *DotnetMultiarch) BuildAndPush(
	ctx context.Context,

	// Where to push: HOST/REPOSITORY, with or without a tag; several destinations comma-separated. {project} stands for the
	// app's name in lower case: registry.example.com/team/{project}.
	image string,

	// Tags besides the reference's own. Default: latest, where neither gives one.
	//
	// +optional
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

	// Leave a tag that exists as it is: the same image is success, another an error before anything is sent.
	//
	// +optional
	immutableTags bool,

	// Compute the digest and say what would be sent, and send nothing.
	//
	// +optional
	dryRun bool,

	// How long the push may take in all, such as 90s or 1h.
	//
	// +optional
	// +default="30m"
	pushTimeout string,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	options, err := registry.ParsePushOptions(pushTimeout, immutableTags, dryRun)
	if err != nil {
		return "", err
	}
	naming, err := registry.ParseNaming(image, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, naming.Any[0], login{username, password})
	if err != nil {
		return "", err
	}
	published, err := m.deliver(ctx, &release{client: client, naming: &naming, options: options})
	if err != nil {
		return "", err
	}
	return published.String(format)
}
