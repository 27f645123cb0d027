package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/nuget"
)

func (p *plan) chooseSDK(ctx context.Context, m *DotnetMultiarch) (err error) {
	if err := p.readCredentials(ctx, m); err != nil {
		return err
	}
	if p.sdkImage = m.SdkImage; p.sdkImage == "" {
		text, err := p.tree.Read("global.json")
		if err != nil {
			return err
		}
		tag, err := dotnet.SDKTag(text)
		if err != nil {
			return err
		}
		p.sdkImage = m.sdkReference(tag)
	}
	p.sdk, err = m.sdkContainer(ctx, p.sdkImage, p.credentials)
	return err
}

// changeSDK takes a newer SDK than the default one where the app's framework wants it.
func (p *plan) changeSDK(ctx context.Context, m *DotnetMultiarch) (err error) {
	tag := dotnet.SDKFor(p.app)
	if tag == "" || m.SdkImage != "" || p.sdkImage != m.sdkReference(dotnet.LatestLTS) {
		return nil
	}
	p.sdkImage = m.sdkReference(tag)
	p.sdk, err = m.sdkContainer(ctx, p.sdkImage, p.credentials)
	return err
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

// sdkContainer is the build environment: the SDK image of the host's platform with the MSBuild files of this module.
func (m *DotnetMultiarch) sdkContainer(ctx context.Context, reference string, credentials []nuget.Credential) (*dagger.Container, error) {
	tools := dag.Directory()
	files := dotnet.ToolFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) { // another order would be another key of every step
		tools = tools.WithNewFile(name, files[name])
	}
	sdk, err := m.withLogin(ctx, dag.Container(), reference)
	if err != nil {
		return nil, err
	}
	sdk = sdk.From(reference)
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
		return nil, fmt.Errorf("fetching the SDK image %s: %w: check --base-registry and global.json, or give another with --sdk-image", reference, oneLine(err))
	}
	return sdk, nil
}
