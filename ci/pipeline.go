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
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/nuget"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/source"
)

// plan is what is known before anything is compiled: which project, for which platforms, in which environment.
type plan struct {
	settings    dotnet.Settings
	sdkImage    string
	sdk         *dagger.Container
	source      *dagger.Directory
	credentials []nuget.Credential
	tree        *source.Tree
	inputs      func(file string) bool
	projects    []dotnet.Project
	app         dotnet.Project
	base        dotnet.BaseImage
	platforms   []platform.Platform
	identifiers []string
	// outside are folders whose files have no part in the app.
	outside []string
	// unread is what MSBuild said of projects that it cannot read.
	unread []string
	// notes are for the user: what was left out, and what supports it no more.
	notes []string
}

// plan asks MSBuild about the projects. Only files that decide a restore are shown to it, so an edit of code asks nothing.
func (m *DotnetMultiarch) plan(ctx context.Context) (*plan, error) {
	settings := dotnet.Settings{
		Configuration: m.Configuration, Framework: m.Framework, Mode: dotnet.Mode(m.Publish), Property: m.Property,
		SourceDir: m.SourcePath, Processors: runtime.NumCPU(), Feed: m.Feed != nil, ConfigFile: m.NugetConfig != nil,
		LockedMode: m.LockedMode, History: m.Git != nil,
	}
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	requested, err := requestedPlatforms(m.Platforms)
	if err != nil {
		return nil, err
	}
	p := &plan{settings: settings}
	if err := p.openSource(ctx, m.Source); err != nil {
		return nil, err
	}
	if err := p.chooseSDK(ctx, m); err != nil {
		return nil, err
	}
	if err := p.chooseProject(ctx, m.Project); err != nil {
		return nil, err
	}
	if err := p.chooseFramework(ctx); err != nil {
		return nil, err
	}
	if tag := dotnet.SDKFor(p.app); tag != "" && m.SdkImage == "" && p.sdkImage == m.sdkReference(dotnet.LatestLTS) {
		if p.sdk, err = m.sdkContainer(ctx, m.sdkReference(tag), p.credentials); err != nil {
			return nil, err
		}
	}
	if p.base, err = dotnet.ChooseBase(p.app, p.projects, m.BaseRegistry, m.RuntimeImage, m.BaseFlavor); err != nil {
		return nil, err
	}
	p.choosePlatforms(requested)
	if warning := dotnet.SupportWarning(p.app, time.Now()); warning != "" {
		p.notes = append(p.notes, warning)
	}
	p.outside, err = dotnet.Outsiders(p.app, p.projects, p.tree.Paths(), p.tree.Read)
	return p, err
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

// openSource takes what belongs to the build out of the caller's folder: what .dockerignore leaves in where there is one,
// else what git would know.
func (p *plan) openSource(ctx context.Context, caller *dagger.Directory) error {
	filter := dagger.DirectoryFilterOpts{Exclude: dotnet.Ignored(), Gitignore: true}
	found, err := caller.Glob(ctx, dockerignore)
	if err != nil {
		return fmt.Errorf("fetching the source: %w", oneLine(err))
	}
	if len(found) > 0 {
		text, err := caller.File(dockerignore).Contents(ctx)
		if err != nil {
			return fmt.Errorf("fetching the source: %w", oneLine(err))
		}
		patterns, err := source.Ignored(text)
		if err != nil {
			return err
		}
		filter = dagger.DirectoryFilterOpts{Exclude: append(patterns, dotnet.Ignored()...)}
	}
	return p.take(ctx, caller.Filter(filter))
}

const dockerignore = ".dockerignore"

// take fetches the source into this container, to read it and to pack parts of it for the steps.
func (p *plan) take(ctx context.Context, files *dagger.Directory) error {
	// File times reach the image in the endpoints of static web assets, so they are set to one value for everybody.
	p.source = files.WithTimestamps(0)
	root, err := os.MkdirTemp("", "source-*")
	if err != nil {
		return err
	}
	if _, err := p.source.Export(ctx, root); err != nil {
		return fmt.Errorf("fetching the source: %w", oneLine(err))
	}
	if p.tree, err = source.Open(root); err != nil {
		return err
	}
	p.inputs, err = dotnet.RestoreInputs(p.tree.Paths(), p.tree.Read)
	return err
}

func (p *plan) chooseSDK(ctx context.Context, m *DotnetMultiarch) (err error) {
	if err := p.readCredentials(ctx, m.NugetCredentials); err != nil {
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

func (p *plan) readCredentials(ctx context.Context, secret *dagger.Secret) error {
	if secret == nil {
		return nil
	}
	text, err := secret.Plaintext(ctx)
	if err != nil {
		return fmt.Errorf("reading --nuget-credentials: %w", oneLine(err))
	}
	var config string
	for _, file := range p.tree.Paths() {
		if strings.EqualFold(file, "nuget.config") {
			if config, err = p.tree.Read(file); err != nil {
				return err
			}
		}
	}
	p.credentials, err = nuget.Parse(text, config)
	return err
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
	sdk := dag.Container().From(reference)
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

// chooseProject finds the app: the caller's project, the one of a solution, or a file without a project.
func (p *plan) chooseProject(ctx context.Context, request string) error {
	file, err := dotnet.FileBasedApp(request, p.tree.Paths(), p.tree.Read)
	if err != nil {
		return err
	}
	if file != "" {
		if request, err = p.convert(ctx, file); err != nil {
			return err
		}
	}
	files := p.tree.Find(dotnet.IsProject)
	if len(files) == 0 {
		return fmt.Errorf("looking for projects in the source: there is no .csproj, .fsproj or .vbproj (what .dockerignore or .gitignore leaves out does not count): give the folder of a .NET project or solution with --source")
	}
	if p.projects, err = p.describe(ctx, withoutFramework(p.settings), files, false); err != nil {
		return err
	}
	if dotnet.IsSolution(request) {
		return p.chooseFromSolution(ctx, path.Clean(strings.ReplaceAll(request, `\`, "/")))
	}
	if p.app, err = dotnet.Choose(p.projects, request); err == nil {
		return nil
	}
	if len(p.unread) > 0 {
		err = fmt.Errorf("%w\nMSBuild cannot read every project:\n%s", err, strings.Join(p.unread, "\n"))
	}
	if request != "" {
		return err
	}
	// The whole tree has no one app: the solution at its root may.
	if solution := dotnet.RootSolution(p.tree.Paths()); solution != "" && p.chooseFromSolution(ctx, solution) == nil {
		return nil
	}
	return err
}

func (p *plan) chooseFromSolution(ctx context.Context, solution string) error {
	packed, err := p.tree.Pack(dotnet.DecidesRestore)
	if err != nil {
		return err
	}
	if !slices.Contains(p.tree.Paths(), solution) {
		return fmt.Errorf("choosing the project to publish: the source has no %s", solution)
	}
	output, err := p.step(p.sdk, packed, dotnet.SolutionList(p.settings, solution), dagger.ReturnTypeSuccess).Stdout(ctx)
	if err != nil {
		return toolError("reading "+solution, err)
	}
	listed := dotnet.ParseSolutionList(output, solution)
	for _, one := range listed {
		if !slices.Contains(p.tree.Paths(), one) {
			// The .NET tool says it in its own words.
			_, err := p.step(p.sdk, packed, dotnet.SolutionRestore(p.settings, solution), dagger.ReturnTypeSuccess).Sync(ctx)
			if err == nil {
				err = fmt.Errorf("it names %s, which is not in the source", one)
			}
			return toolError("reading "+solution, err)
		}
	}
	p.app, err = dotnet.Choose(dotnet.Of(p.projects, listed), "")
	return err
}

// convert makes a project of an app without one, by the SDK's own command, and goes on with that.
func (p *plan) convert(ctx context.Context, file string) (project string, err error) {
	packed, err := p.tree.Pack(func(string) bool { return true })
	if err != nil {
		return "", err
	}
	command, project := dotnet.Convert(file)
	// Always at one path: the SDK makes an identifier of it, which reaches the assembly.
	fixed := &plan{settings: p.settings}
	fixed.settings.SourceDir = ""
	converted, err := fixed.step(p.sdk.WithWorkdir(fixed.settings.Dir()), packed, command, dagger.ReturnTypeSuccess).Sync(ctx)
	if err != nil {
		return "", toolError("making a project of "+file, err)
	}
	return project, p.take(ctx, converted.Directory(fixed.settings.Dir()).Filter(dagger.DirectoryFilterOpts{Exclude: dotnet.Ignored()}))
}

func (p *plan) describe(ctx context.Context, settings dotnet.Settings, files []string, strict bool) ([]dotnet.Project, error) {
	// Other files are there by name, so that wildcards find what a project takes from outside its folder.
	packed, err := p.tree.PackWithNames(p.inputs)
	if err != nil {
		return nil, err
	}
	described := p.step(p.sdk, packed, dotnet.Describe(settings, files, strict), dagger.ReturnTypeAny)
	output, err := described.Stdout(ctx)
	if err != nil {
		return nil, toolError("reading the projects", err)
	}
	p.unread = dotnet.ErrorLines(output)
	if strict && len(p.unread) > 0 {
		return nil, fmt.Errorf("reading the projects failed:\n%s", strings.Join(p.unread, "\n"))
	}
	content, err := described.File(dotnet.FactsFile).Contents(ctx)
	if err != nil {
		// MSBuild did not get as far as the projects.
		_, err := p.step(p.sdk, packed, dotnet.Describe(settings, files, strict), dagger.ReturnTypeSuccess).Sync(ctx)
		return nil, toolError("reading the projects", err)
	}
	return dotnet.ParseFacts(content, settings.Dir())
}

// step adds files of the source to the build container and runs a command. The files go in as a constant that depends on
// their content alone: whatever else Dagger is given of a directory, it keys on the whole that it was taken from, and every
// edit of code would restore and compile the libraries again.
func (p *plan) step(from *dagger.Container, packed string, command []string, expect dagger.ReturnType) *dagger.Container {
	return from.
		WithNewFile(dotnet.InputFile, packed).
		WithExec(dotnet.WithInput(p.settings, command), dagger.ContainerWithExecOpts{Expect: expect})
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

func (p *plan) choosePlatforms(requested []platform.Platform) {
	p.platforms = requested
	if len(p.platforms) == 0 {
		var note string
		if p.platforms, note = p.app.Platforms(p.base.Libc); note != "" {
			p.notes = append(p.notes, note)
		}
	}
	for _, one := range p.platforms {
		p.identifiers = append(p.identifiers, one.RuntimeIdentifier(p.base.Libc))
	}
}

// restored is keyed on what decides a restore alone. Before it comes the linker of Native AOT, where that is the mode.
func (p *plan) restored() (*dagger.Container, error) {
	packed, err := p.tree.Pack(p.inputs)
	if err != nil {
		return nil, err
	}
	sdk := p.sdk
	if p.app.NeedsToolchain() {
		sdk = sdk.WithExec(dotnet.Toolchain(p.identifiers))
	}
	return p.step(sdk, packed, dotnet.Restore(p.settings, p.app, p.identifiers), dagger.ReturnTypeSuccess), nil
}

// withLibraries is keyed on the files outside the app's folder; the libraries among them are compiled here. The note says
// why this step is left out where the tree's shape forbids it.
func (p *plan) withLibraries(restored *dagger.Container) (container *dagger.Container, note string, err error) {
	inputs, reason := dotnet.LibraryInputs(p.app, p.projects)
	libraries := func(file string) bool { return inputs(file) && !dotnet.Within(file, p.outside...) }
	if reason == "" && p.tree.Size(libraries) > largestConstant {
		reason = fmt.Sprintf("their folders hold more than %d MB", largestConstant>>20)
	}
	if reason != "" {
		if len(p.app.References()) > 0 {
			note = "libraries are compiled with the app, in one step: " + reason
		}
		return restored, note, nil
	}
	packed, err := p.tree.Pack(libraries)
	if err != nil {
		return nil, "", err
	}
	// Should this fail, the publish step compiles everything itself and reports what is wrong.
	compile := dotnet.CompileReferences(p.settings, p.app, p.identifiers)
	return p.step(restored, packed, compile, dagger.ReturnTypeAny), "", nil
}

// largestConstant is how many bytes of source a step takes as a constant: it travels as text, in memory. A larger source
// goes in as the directory it is, and an edit of any of its files publishes again.
const largestConstant = 64 << 20

func (p *plan) published(libraries *dagger.Container) (*dagger.Container, error) {
	publish := dotnet.Publish(p.settings, p.app, p.identifiers)
	wanted := func(file string) bool { return !dotnet.Within(file, p.outside...) }
	if p.tree.Size(wanted) > largestConstant {
		return libraries.WithDirectory(p.settings.Dir(), p.source).WithExec(publish), nil
	}
	packed, err := p.tree.Pack(wanted)
	if err != nil {
		return nil, err
	}
	return p.step(libraries, packed, publish, dagger.ReturnTypeSuccess), nil
}
