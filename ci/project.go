package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// requests are what --project and --projects name.
func (m *DotnetMultiarch) requests() []string {
	var requests []string
	for _, list := range [][]string{m.Project, strings.Split(m.Projects, ",")} {
		for _, one := range list {
			if one = strings.TrimSpace(one); one != "" {
				requests = append(requests, one)
			}
		}
	}
	return requests
}

// several says whether apps are asked for in the plural: the answer is a list then, however many there are.
func (m *DotnetMultiarch) several() bool { return m.All || len(m.requests()) > 1 }

// chooseProjects finds the apps: those of the caller's projects and solutions, one of each unless all are asked for. A file
// without a project is made one.
func (p *plan) chooseProjects(ctx context.Context, requests []string, all bool) error {
	if len(requests) == 0 {
		requests = []string{""}
	}
	for i, request := range requests {
		file, err := dotnet.FileBasedApp(request, p.tree.Paths(), p.tree.Read)
		if err != nil {
			return err
		}
		if file != "" {
			if requests[i], err = p.convert(ctx, file); err != nil {
				return err
			}
		}
	}
	files := p.tree.Find(dotnet.IsProject)
	if len(files) == 0 {
		return fmt.Errorf("looking for projects in the source: there is no .csproj, .fsproj or .vbproj (what .dockerignore or .gitignore leaves out does not count): give the folder of a .NET project or solution with --source")
	}
	var err error
	if p.projects, err = p.describe(ctx, withoutFramework(p.settings), files); err != nil {
		return err
	}
	for _, request := range requests {
		chosen, err := p.choose(ctx, request, all)
		if err != nil {
			return err
		}
		for _, project := range chosen {
			if !slices.ContainsFunc(p.apps, func(a *app) bool { return a.Path == project.Path }) {
				p.apps = append(p.apps, &app{Project: project, settings: p.settings, sdk: p.sdk})
			}
		}
	}
	return nil
}

// choose finds what one request means: an app, or with all every app of what it names.
func (p *plan) choose(ctx context.Context, request string, all bool) ([]dotnet.Project, error) {
	solution, err := dotnet.NamedSolution(request, p.tree.Paths())
	if err != nil {
		return nil, err
	}
	scope := p.projects
	if solution != "" {
		if scope, err = p.listed(ctx, solution); err != nil {
			return nil, err
		}
		request = ""
	}
	if all {
		apps, note, err := dotnet.Apps(scope, request)
		if note != "" {
			p.notes = append(p.notes, note)
		}
		return apps, p.withUnread(err)
	}
	app, err := dotnet.Choose(scope, request)
	if err == nil || solution != "" {
		return []dotnet.Project{app}, err
	}
	err = p.withUnread(err)
	if request != "" {
		return nil, err
	}
	// The whole tree has no one app: the solution at its root may.
	if solution := dotnet.RootSolution(p.tree.Paths()); solution != "" {
		if listed, problem := p.listed(ctx, solution); problem == nil {
			if app, problem = dotnet.Choose(listed, ""); problem == nil {
				return []dotnet.Project{app}, nil
			}
		}
	}
	return nil, err
}

// withUnread adds what MSBuild said of projects that it cannot read, of which one may be the app; nil stays nil.
func (p *plan) withUnread(err error) error {
	if err != nil && len(p.unread) > 0 {
		return fmt.Errorf("%w\nMSBuild cannot read every project:\n%s", err, strings.Join(p.unread, "\n"))
	}
	return err
}

// listed gives the projects of a solution.
func (p *plan) listed(ctx context.Context, solution string) ([]dotnet.Project, error) {
	packed, err := p.tree.Pack(dotnet.DecidesRestore)
	if err != nil {
		return nil, err
	}
	output, err := p.step(p.sdk.container, packed, dotnet.SolutionList(p.settings, solution), dagger.ReturnTypeSuccess).Stdout(ctx)
	if err != nil {
		return nil, toolError("reading "+solution, err)
	}
	listed := dotnet.ParseSolutionList(output, solution)
	for _, one := range listed {
		if !slices.Contains(p.tree.Paths(), one) {
			// The .NET tool says it in its own words.
			_, err := p.step(p.sdk.container, packed, dotnet.SolutionRestore(p.settings, solution), dagger.ReturnTypeSuccess).Sync(ctx)
			if err == nil {
				err = fmt.Errorf("it names %s, which is not in the source", one)
			}
			return nil, toolError("reading "+solution, err)
		}
	}
	return dotnet.Of(p.projects, listed), nil
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
	converted, err := fixed.step(p.sdk.container.WithWorkdir(fixed.settings.Dir()), packed, command, dagger.ReturnTypeSuccess).Sync(ctx)
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
	described := p.step(p.sdk.container, packed, dotnet.Describe(settings, files), dagger.ReturnTypeAny)
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

// withoutFramework: the first look is at all projects, and the framework is the apps'.
func withoutFramework(s dotnet.Settings) dotnet.Settings {
	s.Framework = ""
	return s
}

// chooseFrameworks describes apps again for one of several target frameworks, since only then MSBuild knows all of them.
func (p *plan) chooseFrameworks(ctx context.Context) error {
	var again []string
	for _, a := range p.apps {
		needed, err := a.NeedsFramework(p.settings.Framework)
		if err != nil {
			return err
		}
		if !needed {
			a.settings.Framework = ""
			continue
		}
		again = append(again, a.Path)
	}
	if len(again) == 0 {
		return nil
	}
	described, err := p.describe(ctx, p.settings, again)
	if err != nil {
		return err
	}
	if len(p.unread) > 0 || len(described) < len(again) {
		return fmt.Errorf("reading %s failed:\n%s", strings.Join(again, ", "), strings.Join(p.unread, "\n"))
	}
	for _, a := range p.apps {
		if i := slices.IndexFunc(described, func(d dotnet.Project) bool { return d.Path == a.Path }); i >= 0 {
			a.Project = described[i]
		}
	}
	return nil
}
