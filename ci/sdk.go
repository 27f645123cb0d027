package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/nuget"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

func (p *plan) chooseSDK(ctx context.Context, m *DotnetMultiarch) (err error) {
	if err := p.readCredentials(ctx, m); err != nil {
		return err
	}
	image := m.SdkImage
	if image == "" {
		text, err := p.tree.Read("global.json")
		if err != nil {
			return err
		}
		tag, err := dotnet.SDKTag(text)
		if err != nil {
			return err
		}
		image = m.sdkReference(tag)
	}
	return p.takeSDK(ctx, m, image)
}

// takeSDK builds in an image from here on, by the digest that dagger.lock has of it.
func (p *plan) takeSDK(ctx context.Context, m *DotnetMultiarch, image string) (err error) {
	p.sdkImage = image
	host := "linux/" + runtime.GOARCH
	if p.sdkLocked, err = p.locked(m, image, []string{host}); err != nil {
		return err
	}
	if p.sdkLocked != "" {
		image += "@" + p.sdkLocked
	}
	p.sdk, p.sdkResolved, err = m.sdkContainer(ctx, image, p.credentials, "")
	if err != nil && p.sdkLocked != "" && strings.Contains(err.Error(), "not found") {
		return goneFromLock(fmt.Errorf("fetching the SDK image %s: %w", image, registry.ErrGone))
	}
	return err
}

// changeSDK takes a newer SDK than the default one where the app's framework wants it.
func (p *plan) changeSDK(ctx context.Context, m *DotnetMultiarch) error {
	tag := dotnet.SDKFor(p.app)
	if tag == "" || m.SdkImage != "" || p.sdkImage != m.sdkReference(dotnet.LatestLTS) {
		return nil
	}
	return p.takeSDK(ctx, m, m.sdkReference(tag))
}

func (p *plan) readCredentials(ctx context.Context, m *DotnetMultiarch) error {
	if m.NugetCredentials == nil {
		return nil
	}
	text, err := m.NugetCredentials.Plaintext(ctx)
	if err != nil {
		return fmt.Errorf("reading --nuget-credentials: %w", oneLine(err))
	}
	config, err := p.nugetConfig(ctx, m)
	if err != nil {
		return err
	}
	p.credentials, err = nuget.Parse(text, config)
	return err
}

// nugetConfig is the text of the nuget.config that the restore reads; "" where there is none.
func (p *plan) nugetConfig(ctx context.Context, m *DotnetMultiarch) (string, error) {
	if m.NugetConfig != nil {
		text, err := m.NugetConfig.Plaintext(ctx)
		if err != nil {
			return "", fmt.Errorf("reading --nuget-config: %w", oneLine(err))
		}
		return text, nil
	}
	for _, file := range p.tree.Paths() {
		if strings.EqualFold(file, "nuget.config") {
			return p.tree.Read(file)
		}
	}
	return "", nil
}

func (m *DotnetMultiarch) sdkReference(tag string) string {
	return path.Join(m.BaseRegistry, dotnet.SDKRepository) + ":" + tag
}

// sdkContainer is the build environment: the SDK image of a platform, "" for the host's, with the MSBuild files of this module. It
// gives the image's digest as well, which the tag is resolved to once.
func (m *DotnetMultiarch) sdkContainer(ctx context.Context, reference string, credentials []nuget.Credential, of dagger.Platform) (*dagger.Container, string, error) {
	from, err := m.withLogin(ctx, dag.Container(dagger.ContainerOpts{Platform: of}), reference)
	if err != nil {
		return nil, "", err
	}
	resolved, err := from.From(reference).ImageRef(ctx)
	if err != nil {
		return nil, "", sdkError(reference, err)
	}
	tools := dag.Directory()
	files := dotnet.ToolFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) { // another order would be another key of every step
		tools = tools.WithNewFile(name, files[name])
	}
	sdk := from.From(resolved)
	for _, variable := range dotnet.Env() {
		sdk = sdk.WithEnvVariable(variable[0], variable[1])
	}
	settings := dotnet.Settings{SourceDir: m.SourcePath}
	sdk = sdk.WithDirectory(dotnet.ToolsDir, tools.WithTimestamps(0)).WithWorkdir(settings.Dir())
	if m.Feed != nil {
		sdk = sdk.WithMountedDirectory(dotnet.FeedDir, m.Feed)
		for _, variable := range dotnet.FeedEnv() {
			sdk = sdk.WithEnvVariable(variable[0], variable[1])
		}
	}
	if m.NugetConfig != nil {
		sdk = sdk.WithMountedSecret(dotnet.ConfigFile, m.NugetConfig)
	}
	for _, c := range credentials {
		// The value is no part of a step's key: a token that is new each time does not restore again.
		sdk = sdk.WithSecretVariable(nuget.VariablePrefix+c.Source, dag.SetSecret("nuget-"+c.Source, c.Value))
	}
	if m.Git != nil {
		sdk = sdk.WithMountedDirectory(path.Join(settings.Dir(), ".git"), m.Git)
	}
	if _, err := sdk.Sync(ctx); err != nil {
		return nil, "", sdkError(reference, err)
	}
	_, digest, _ := strings.Cut(resolved, "@")
	return sdk, digest, nil
}

func sdkError(reference string, err error) error {
	return fmt.Errorf("fetching the SDK image %s: %w: check --base-registry and global.json, log in with docker login or --docker-config where it is private, or give another with --sdk-image", reference, oneLine(err))
}
