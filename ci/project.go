package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

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
	if p.projects, err = p.describe(ctx, withoutFramework(p.settings), files); err != nil {
		return err
	}
	solution, err := dotnet.NamedSolution(request, p.tree.Paths())
	if err != nil {
		return err
	}
	if solution != "" {
		return p.chooseFromSolution(ctx, solution)
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
	listed, err := p.listed(ctx, solution)
	if err != nil {
		return err
	}
	p.app, err = dotnet.Choose(dotnet.Of(p.projects, listed), "")
	return err
}

// listed gives the projects of a solution. One that the source lacks is an error.
func (p *plan) listed(ctx context.Context, solution string) ([]string, error) {
	packed, err := p.tree.Pack(dotnet.DecidesRestore)
	if err != nil {
		return nil, err
	}
	output, err := p.step(p.sdk, packed, dotnet.SolutionList(p.settings, solution), dagger.ReturnTypeSuccess).Stdout(ctx)
	if err != nil {
		return nil, toolError("reading "+solution, err)
	}
	listed := dotnet.ParseSolutionList(output, solution)
	for _, one := range listed {
		if !slices.Contains(p.tree.Paths(), one) {
			// The .NET tool says it in its own words.
			_, err := p.step(p.sdk, packed, dotnet.SolutionRestore(p.settings, solution), dagger.ReturnTypeSuccess).Sync(ctx)
			if err == nil {
				err = fmt.Errorf("it names %s, which is not in the source", one)
			}
			return nil, toolError("reading "+solution, err)
		}
	}
	return listed, nil
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

func (p *plan) describe(ctx context.Context, settings dotnet.Settings, files []string) ([]dotnet.Project, error) {
	// Other files are there by name, so that wildcards find what a project takes from outside its folder.
	packed, err := p.tree.PackWithNames(p.inputs)
	if err != nil {
		return nil, err
	}
	described := p.step(p.sdk, packed, dotnet.Describe(settings, files), dagger.ReturnTypeAny)
	said, err := output(ctx, described)
	if err != nil {
		return nil, toolError("reading the projects", err)
	}
	p.unread = dotnet.ErrorLines(said)
	content, err := described.File(dotnet.FactsFile).Contents(ctx)
	if err != nil { // MSBuild did not get as far as the projects
		return nil, failure("reading the projects", said)
	}
	return dotnet.ParseFacts(content, settings.Dir())
}

// withoutFramework: the first look is at all projects, and the framework is the app's.
func withoutFramework(s dotnet.Settings) dotnet.Settings {
	s.Framework = ""
	return s
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
	described, err := p.describe(ctx, p.settings, []string{p.app.Path})
	if err != nil {
		return err
	}
	if len(p.unread) > 0 || len(described) == 0 {
		return fmt.Errorf("reading %s failed:\n%s", p.app.Path, strings.Join(p.unread, "\n"))
	}
	p.app = described[0]
	return nil
}
