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

// environment is where apps are built: an SDK image with the MSBuild files of this module.
type environment struct {
	// image is the reference that was asked for; resolved its digest, locked that of dagger.lock, "" where that has none.
	image, resolved, locked string
	container               *dagger.Container
}

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
	p.sdk, err = p.environment(ctx, m, image)
	return err
}

// environment builds in an image, by the digest that dagger.lock has of it.
func (p *plan) environment(ctx context.Context, m *DotnetMultiarch, image string) (*environment, error) {
	e := &environment{image: image}
	var err error
	if e.locked, err = p.locked(m, image, []string{"linux/" + runtime.GOARCH}); err != nil {
		return nil, err
	}
	if e.locked != "" {
		image += "@" + e.locked
	}
	e.container, e.resolved, err = m.sdkContainer(ctx, image, p.images, p.credentials, "")
	if err != nil && e.locked != "" && strings.Contains(err.Error(), "not found") {
		err = goneFromLock(fmt.Errorf("fetching the SDK image %s: %w", image, registry.ErrGone))
	}
	return e, err
}

// changeSDKs takes a newer SDK than the default one for apps whose framework wants it. The others keep theirs: what an app is
// built with does not depend on who else is built.
func (p *plan) changeSDKs(ctx context.Context, m *DotnetMultiarch) error {
	if m.SdkImage != "" || p.sdk.image != m.sdkReference(dotnet.LatestLTS) {
		return nil
	}
	newer := map[string]*environment{}
	for _, a := range p.apps {
		tag := dotnet.SDKFor(a.Project)
		if tag == "" {
			continue
		}
		if newer[tag] == nil {
			var err error
			if newer[tag], err = p.environment(ctx, m, m.sdkReference(tag)); err != nil {
				return err
			}
		}
		a.sdk = newer[tag]
	}
	return nil
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
func (m *DotnetMultiarch) sdkContainer(ctx context.Context, reference string, images *registry.Client, credentials []nuget.Credential, of dagger.Platform) (*dagger.Container, string, error) {
	from, err := m.withLogin(ctx, dag.Container(dagger.ContainerOpts{Platform: of}), reference, images)
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
