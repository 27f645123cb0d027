package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// BuildAndPush builds the app for every platform and pushes one multi-platform image. It gives the reference with its
// digest, what each platform weighs, what was sent, and how to run it.
//
// +cache="never"
func (m *DotnetMultiarch) BuildAndPush(
	ctx context.Context,

	// Where to push: HOST/REPOSITORY, with or without a tag; several destinations comma-separated.
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

	// Ports to expose, 8080 or 53/udp, and no other. Default: those of the base, of the project, and of ASPNETCORE_URLS or
	// ASPNETCORE_HTTP_PORTS.
	//
	// +optional
	port []string,

	// Environment variables NAME=VALUE, over the project's and the base's. A value with a comma: '"NAME=one,two"'.
	//
	// +optional
	envVar []string,

	// Labels NAME=VALUE, over the project's and the base's.
	//
	// +optional
	label []string,

	// Annotations NAME=VALUE of the index and of each platform's manifest.
	//
	// +optional
	annotation []string,

	// Program and arguments that the container starts, such as dotnet,/app/App.dll. Default: the project's, else the app.
	//
	// +optional
	entrypoint []string,

	// Arguments that follow the entry point unless the container is started with others. Default: the project's.
	//
	// +optional
	cmd []string,

	// User that the app runs as, with :GROUP or without. Default: the project's, else the base's APP_UID.
	//
	// +optional
	user string,

	// Folder that the app lies and starts in. Default: the project's, else /app.
	//
	// +optional
	workingDir string,

	// Version of the app, said in annotation and label org.opencontainers.image.version. Default: the project's own.
	//
	// +optional
	version string,

	// Commit that the app is built from, said in org.opencontainers.image.revision.
	//
	// +optional
	revision string,

	// URL of the source's repository, said in org.opencontainers.image.source. Default: the project's RepositoryUrl.
	//
	// +optional
	sourceUrl string,

	// Time of the image, such as 2026-01-31T12:00:00Z. Default: none, since each would give another digest.
	//
	// +optional
	created string,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	choices := assembly.Choices{
		Ports: port, Env: envVar, Labels: label, Annotations: annotation, Entrypoint: entrypoint, Cmd: cmd, User: user, WorkingDir: workingDir,
		Version: version, Revision: revision, SourceURL: sourceUrl, Created: created,
	}
	if err := choices.Validate(); err != nil {
		return "", err
	}
	options, err := registry.ParsePushOptions(pushTimeout, immutableTags, dryRun)
	if err != nil {
		return "", err
	}
	targets, err := registry.ParseTargets(image, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, targets[0], username, password)
	if err != nil {
		return "", err
	}
	published, err := m.deliver(ctx, client, targets, options, choices)
	if err != nil {
		return "", err
	}
	return published.String(format)
}
