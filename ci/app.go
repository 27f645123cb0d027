package main

import (
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// app is one of a plan's: what is known of it before it is compiled.
type app struct {
	dotnet.Project
	// settings are the plan's, with this app's framework.
	settings dotnet.Settings
	sdk      *environment
	base     dotnet.BaseImage
	// baseLocked is what the lock has of the base, "" where it has nothing.
	baseLocked  string
	platforms   []platform.Platform
	identifiers []string
	// outside are folders whose files have no part in the app.
	outside []string
	// libraries is the build container that the app is published in, once its libraries are compiled.
	libraries *libraries
	// notes are for the user: what was left out, and what supports it no more.
	notes []string
}

// complete says what follows from the project.
func (a *app) complete(p *plan, m *DotnetMultiarch, requested []platform.Platform) (err error) {
	if a.base, err = dotnet.ChooseBase(a.Project, p.projects, m.BaseRegistry, m.RuntimeImage, m.BaseFlavor); err != nil {
		return err
	}
	a.base.Canonical = registry.Canonical(a.base.Canonical)
	a.choosePlatforms(requested)
	if a.baseLocked, err = p.locked(m, a.base.Reference, platformNames(a.platforms)); err != nil {
		return err
	}
	a.notes = append(a.notes, a.Missing(p.projects, p.tree.Paths())...)
	if warning := dotnet.SupportWarning(a.Project, time.Now()); warning != "" {
		a.notes = append(a.notes, warning)
	}
	a.outside, err = dotnet.Outsiders(a.Project, p.projects, p.tree.Paths(), p.tree.Read)
	return err
}

func (a *app) choosePlatforms(requested []platform.Platform) {
	a.platforms = requested
	if len(a.platforms) == 0 {
		var note string
		if a.platforms, note = a.Platforms(a.base.Libc); note != "" {
			a.notes = append(a.notes, note)
		}
	}
	for _, one := range a.platforms {
		a.identifiers = append(a.identifiers, one.RuntimeIdentifier(a.base.Libc))
	}
}

// related says whether a file may have a part in the app.
func (a *app) related(file string) bool { return !dotnet.Within(file, a.outside...) }

func projectsOf(apps []*app) []dotnet.Project {
	projects := make([]dotnet.Project, len(apps))
	for i, a := range apps {
		projects[i] = a.Project
	}
	return projects
}

func pathsOf(apps []*app) []string {
	paths := make([]string, len(apps))
	for i, a := range apps {
		paths[i] = a.Path
	}
	return paths
}

func imageNames(apps []*app) []string {
	names := make([]string, len(apps))
	for i, a := range apps {
		names[i] = a.ImageName()
	}
	return names
}
