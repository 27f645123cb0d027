package main

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// plan is what is known before anything is compiled: which project, for which platforms, in which environment.
type plan struct {
	settings    dotnet.Settings
	sdk         *dagger.Container
	sources     *dagger.Directory
	projects    []dotnet.Project
	app         dotnet.Project
	platforms   []platform.Platform
	identifiers []string
	feed        bool
}

// plan asks MSBuild about the projects. Only files that decide a restore are shown to it, so an edit of code asks nothing.
func (m *DotnetMultiarch) plan(ctx context.Context) (*plan, error) {
	settings := dotnet.Settings{
		Configuration: m.Configuration, Framework: m.Framework, Mode: dotnet.Mode(m.Publish), Property: m.Property,
		Processors: runtime.NumCPU(),
	}
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	requested, err := requestedPlatforms(m.Platforms)
	if err != nil {
		return nil, err
	}
	// File times reach the image in the endpoints of static web assets, so they are set to one value for everybody.
	sources := m.Source.Filter(dagger.DirectoryFilterOpts{Exclude: dotnet.Ignored()}).WithTimestamps(0)
	p := &plan{settings: settings, sources: sources, feed: m.Feed != nil}
	files, err := projectFiles(ctx, p.sources)
	if err != nil {
		return nil, err
	}
	if p.sdk, err = m.sdkContainer(ctx, p.sources); err != nil {
		return nil, err
	}
	if p.projects, err = p.describe(ctx, settings, files, false); err != nil {
		return nil, err
	}
	if p.app, err = dotnet.Choose(p.projects, m.Project); err != nil {
		return nil, err
	}
	if err := p.chooseFramework(ctx); err != nil {
		return nil, err
	}
	return p, p.choosePlatforms(requested)
}

func requestedPlatforms(list string) ([]platform.Platform, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	return platform.ParseList(list)
}

func projectFiles(ctx context.Context, source *dagger.Directory) ([]string, error) {
	var files []string
	for _, extension := range dotnet.ProjectExtensions {
		found, err := source.Glob(ctx, "**/*"+extension)
		if err != nil {
			return nil, fmt.Errorf("looking for projects in the source: %w", err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("looking for projects in the source: there is no .csproj, .fsproj or .vbproj: give the folder of a .NET project or solution with --source")
	}
	return files, nil
}

// sdkContainer is the build environment: the SDK image of the host's platform with the MSBuild files of this module.
func (m *DotnetMultiarch) sdkContainer(ctx context.Context, source *dagger.Directory) (*dagger.Container, error) {
	reference := m.SdkImage
	if reference == "" {
		globalJSON, err := optionalFile(ctx, source, "global.json")
		if err != nil {
			return nil, err
		}
		tag, err := dotnet.SDKTag(globalJSON)
		if err != nil {
			return nil, err
		}
		reference = path.Join(m.BaseRegistry, dotnet.SDKRepository) + ":" + tag
	}
	tools := dag.Directory()
	for name, content := range dotnet.ToolFiles() {
		tools = tools.WithNewFile(name, content)
	}
	sdk := dag.Container().From(reference)
	for _, variable := range dotnet.Env() {
		sdk = sdk.WithEnvVariable(variable[0], variable[1])
	}
	sdk = sdk.WithDirectory(dotnet.ToolsDir, tools.WithTimestamps(0)).WithWorkdir(dotnet.SourceDir)
	if m.Feed != nil {
		sdk = sdk.WithMountedDirectory(dotnet.FeedDir, m.Feed)
	}
	if _, err := sdk.Sync(ctx); err != nil {
		return nil, fmt.Errorf("fetching the SDK image %s: %w", reference, oneLine(err))
	}
	return sdk, nil
}

func optionalFile(ctx context.Context, source *dagger.Directory, name string) (string, error) {
	found, err := source.Glob(ctx, name)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return source.File(name).Contents(ctx)
}

func (p *plan) describe(ctx context.Context, settings dotnet.Settings, files []string, strict bool) ([]dotnet.Project, error) {
	described := p.withProjectFiles().WithExec(dotnet.Describe(settings, files, strict))
	content, err := described.File(dotnet.FactsFile).Contents(ctx)
	if err != nil {
		return nil, toolError("reading the projects", err)
	}
	return dotnet.ParseFacts(content)
}

func (p *plan) withProjectFiles() *dagger.Container {
	return p.sdk.WithDirectory(dotnet.SourceDir, p.sources.Filter(dagger.DirectoryFilterOpts{Include: dotnet.RestorePatterns()}))
}

// chooseFramework describes the app again for one of several target frameworks, since only then MSBuild knows all of it.
func (p *plan) chooseFramework(ctx context.Context) error {
	if p.settings.Framework == "" || len(p.app.Frameworks()) == 0 {
		p.settings.Framework = ""
		return nil
	}
	described, err := p.describe(ctx, p.settings, []string{p.app.Path}, true)
	if err != nil {
		return err
	}
	p.app = described[0]
	return nil
}

func (p *plan) choosePlatforms(requested []platform.Platform) error {
	p.platforms = requested
	if len(p.platforms) == 0 {
		for _, rid := range p.app.RuntimeIdentifiers() {
			if own, _, err := platform.FromRuntimeIdentifier(rid); err == nil {
				p.platforms = append(p.platforms, own)
			}
		}
	}
	if len(p.platforms) == 0 {
		p.platforms = platform.Default()
	}
	for _, one := range p.platforms {
		p.identifiers = append(p.identifiers, one.RuntimeIdentifier(platform.Glibc))
	}
	return nil
}

// restored is keyed on project files alone.
func (p *plan) restored() *dagger.Container {
	return p.withProjectFiles().WithExec(dotnet.Restore(p.settings, p.app, p.identifiers, p.feed))
}

// withLibraries is keyed on the sources of every project but the app, which are compiled here; the note says why this
// step is left out where the tree's shape forbids it.
func (p *plan) withLibraries(restored *dagger.Container) (container *dagger.Container, note string) {
	exclude, reason := dotnet.ReferencePatterns(p.app, p.projects)
	if reason != "" {
		if len(p.app.References()) > 0 {
			note = "libraries are compiled with the app, in one step: " + reason
		}
		return restored, note
	}
	libraries := p.sources.Filter(dagger.DirectoryFilterOpts{Exclude: exclude})
	// Should this fail, the publish step compiles everything itself and reports what is wrong.
	return restored.
		WithDirectory(dotnet.SourceDir, libraries).
		WithExec(dotnet.CompileReferences(p.settings, p.app, p.identifiers), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}), ""
}

func (p *plan) published(libraries *dagger.Container) *dagger.Container {
	return libraries.WithDirectory(dotnet.SourceDir, p.sources).WithExec(dotnet.Publish(p.settings, p.app, p.identifiers))
}
