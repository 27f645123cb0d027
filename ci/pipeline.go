package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/source"
)

// plan is what is known before anything is compiled: which project, for which platforms, in which environment.
type plan struct {
	settings    dotnet.Settings
	sdk         *dagger.Container
	source      *dagger.Directory
	tree        *source.Tree
	projects    []dotnet.Project
	app         dotnet.Project
	platforms   []platform.Platform
	identifiers []string
	// note says what of the project's own platforms was left out.
	note string
	feed bool
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
	p := &plan{settings: settings, feed: m.Feed != nil}
	if err := p.openSource(ctx, m.Source); err != nil {
		return nil, err
	}
	files := p.tree.Find(dotnet.IsProject)
	if len(files) == 0 {
		return nil, fmt.Errorf("looking for projects in the source: there is no .csproj, .fsproj or .vbproj: give the folder of a .NET project or solution with --source")
	}
	if p.sdk, err = m.sdkContainer(ctx, p.tree.GlobalJSON); err != nil {
		return nil, err
	}
	if p.projects, err = p.describe(ctx, withoutFramework(settings), files, false); err != nil {
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

// withoutFramework: the first look is at all projects, and the framework is the app's.
func withoutFramework(s dotnet.Settings) dotnet.Settings {
	s.Framework = ""
	return s
}

func requestedPlatforms(list string) ([]platform.Platform, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	return platform.ParseList(list)
}

// openSource fetches the source into this container, to read it and to pack parts of it for the steps.
func (p *plan) openSource(ctx context.Context, caller *dagger.Directory) error {
	// File times reach the image in the endpoints of static web assets, so they are set to one value for everybody.
	p.source = caller.Filter(dagger.DirectoryFilterOpts{Exclude: dotnet.Ignored()}).WithTimestamps(0)
	root, err := os.MkdirTemp("", "source-*")
	if err != nil {
		return err
	}
	if _, err := p.source.Export(ctx, root); err != nil {
		return fmt.Errorf("fetching the source: %w", oneLine(err))
	}
	p.tree, err = source.Open(root)
	return err
}

// sdkContainer is the build environment: the SDK image of the host's platform with the MSBuild files of this module.
func (m *DotnetMultiarch) sdkContainer(ctx context.Context, globalJSON string) (*dagger.Container, error) {
	reference := m.SdkImage
	if reference == "" {
		tag, err := dotnet.SDKTag(globalJSON)
		if err != nil {
			return nil, err
		}
		reference = path.Join(m.BaseRegistry, dotnet.SDKRepository) + ":" + tag
	}
	tools := dag.Directory()
	files := dotnet.ToolFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) { // another order would be another key of every step
		tools = tools.WithNewFile(name, files[name])
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

func (p *plan) describe(ctx context.Context, settings dotnet.Settings, files []string, strict bool) ([]dotnet.Project, error) {
	described, err := p.step(p.sdk, dotnet.DecidesRestore, dotnet.Describe(settings, files, strict), dagger.ReturnTypeSuccess)
	if err != nil {
		return nil, err
	}
	content, err := described.File(dotnet.FactsFile).Contents(ctx)
	if err != nil {
		return nil, toolError("reading the projects", err)
	}
	return dotnet.ParseFacts(content)
}

// step adds files of the source to the build container and runs a command. The files go in as a constant that depends on
// their content alone: whatever else Dagger is given of a directory, it keys on the whole that it was taken from, and every
// edit of code would restore and compile the libraries again.
func (p *plan) step(from *dagger.Container, wanted func(path string) bool, command []string, expect dagger.ReturnType) (*dagger.Container, error) {
	packed, err := p.tree.Pack(wanted)
	if err != nil {
		return nil, err
	}
	return from.
		WithNewFile(dotnet.InputFile, packed).
		WithExec(dotnet.WithInput(command), dagger.ContainerWithExecOpts{Expect: expect}), nil
}

// chooseFramework describes the app again for one of several target frameworks, since only then MSBuild knows all of it.
func (p *plan) chooseFramework(ctx context.Context) error {
	again, err := p.app.NeedsFramework(p.settings.Framework)
	if err != nil {
		return err
	}
	if !again {
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

func (p *plan) choosePlatforms(requested []platform.Platform) (err error) {
	p.platforms = requested
	if len(p.platforms) == 0 {
		if p.platforms, p.note, err = p.app.Platforms(); err != nil {
			return err
		}
	}
	for _, one := range p.platforms {
		p.identifiers = append(p.identifiers, one.RuntimeIdentifier(platform.Glibc))
	}
	return nil
}

// restored is keyed on project files alone.
func (p *plan) restored() (*dagger.Container, error) {
	restore := dotnet.Restore(p.settings, p.app, p.identifiers, p.feed)
	return p.step(p.sdk, dotnet.DecidesRestore, restore, dagger.ReturnTypeSuccess)
}

// withLibraries is keyed on every file outside the app's folder; the libraries among them are compiled here. The note says
// why this step is left out where the tree's shape forbids it.
func (p *plan) withLibraries(restored *dagger.Container) (container *dagger.Container, note string, err error) {
	folder, reason := dotnet.AppFolder(p.app, p.projects)
	if reason != "" {
		if len(p.app.References()) > 0 {
			note = "libraries are compiled with the app, in one step: " + reason
		}
		return restored, note, nil
	}
	// Should this fail, the publish step compiles everything itself and reports what is wrong.
	compile := dotnet.CompileReferences(p.settings, p.app, p.identifiers)
	container, err = p.step(restored, source.Outside(folder), compile, dagger.ReturnTypeAny)
	return container, "", err
}

func (p *plan) published(libraries *dagger.Container) *dagger.Container {
	return libraries.
		WithDirectory(dotnet.SourceDir, p.source).
		WithExec(dotnet.Publish(p.settings, p.app, p.identifiers))
}
