package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// BuildAndPush builds the app for every platform and pushes one multi-platform image. It gives the reference with its
// digest, what each platform weighs, what was sent, and how to run it.
//
// +cache="never"
func (m *DotnetMultiarch) BuildAndPush(
	ctx context.Context,

	// Where to push: HOST/REPOSITORY, with or without a tag.
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
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	target, err := registry.ParseTarget(image, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, target, username, password)
	if err != nil {
		return "", err
	}
	published, err := m.deliver(ctx, client, target)
	if err != nil {
		return "", err
	}
	return published.String(format)
}

// client reaches the target's registry and the base images'.
func (m *DotnetMultiarch) client(ctx context.Context, target registry.Target, username string, password *dagger.Secret) (*registry.Client, error) {
	options := registry.Options{Host: target.Repository.RegistryStr(), Username: username}
	var err error
	if password != nil {
		if options.Password, err = password.Plaintext(ctx); err != nil {
			return nil, err
		}
	}
	if m.Registry != nil && (registry.IsLoopback(options.Host) || registry.IsLoopback(registry.HostOf(m.BaseRegistry)) || registry.IsLoopback(registry.HostOf(m.RuntimeImage)) || registry.IsLoopback(registry.HostOf(m.SdkImage))) {
		if options.Loopback, options.LoopbackPort, err = endpoint(ctx, m.Registry); err != nil {
			return nil, err
		}
	}
	return registry.New(options), nil
}
