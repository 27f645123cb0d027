package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/lock"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/nuget"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/source"
)

// plan is what is known before anything is compiled: which project, for which platforms, in which environment.
type plan struct {
	settings dotnet.Settings
	// lock is the source's dagger.lock; where unpinned it is not heeded.
	lock     *lock.File
	unpinned bool
	sdkImage string
	// sdkLocked and baseLocked are what the lock has of the images, "" where it has nothing; sdkResolved is the SDK image's
	// digest in any case.
	sdkLocked, sdkResolved, baseLocked string
	sdk                                *dagger.Container
	source                             *dagger.Directory
	credentials                        []nuget.Credential
	tree                               *source.Tree
	inputs                             func(file string) bool
	projects                           []dotnet.Project
	app                                dotnet.Project
	base                               dotnet.BaseImage
	platforms                          []platform.Platform
	identifiers                        []string
	// outside are folders whose files have no part in the app.
	outside []string
	// unread is what MSBuild said of projects that it cannot read.
	unread []string
	// notes are for the user: what was left out, and what supports it no more.
	notes []string
}

// plan asks MSBuild about the projects. Only files that decide a restore are shown to it, so an edit of code asks nothing.
func (m *DotnetMultiarch) plan(ctx context.Context) (*plan, error) {
	return m.complete(ctx, &plan{})
}

func (m *DotnetMultiarch) complete(ctx context.Context, p *plan) (*plan, error) {
	requested, err := requestedPlatforms(m.Platforms)
	if err != nil {
		return nil, err
	}
	if err := m.prepare(ctx, p); err != nil {
		return nil, err
	}
	if err := p.chooseProject(ctx, m.Project); err != nil {
		return nil, err
	}
	if err := p.chooseFramework(ctx); err != nil {
		return nil, err
	}
	if err := p.changeSDK(ctx, m); err != nil {
		return nil, err
	}
	if p.base, err = dotnet.ChooseBase(p.app, p.projects, m.BaseRegistry, m.RuntimeImage, m.BaseFlavor); err != nil {
		return nil, err
	}
	p.base.Canonical = registry.Canonical(p.base.Canonical)
	p.choosePlatforms(requested)
	if p.baseLocked, err = p.locked(m, p.base.Reference, platformNames(p.platforms)); err != nil {
		return nil, err
	}
	p.notes = append(p.notes, p.app.Missing(p.projects, p.tree.Paths())...)
	if warning := dotnet.SupportWarning(p.app, time.Now()); warning != "" {
		p.notes = append(p.notes, warning)
	}
	p.outside, err = dotnet.Outsiders(p.app, p.projects, p.tree.Paths(), p.tree.Read)
	return p, err
}

// prepare reads the caller's choices, takes the source and the SDK image.
func (m *DotnetMultiarch) prepare(ctx context.Context, p *plan) error {
	p.settings = dotnet.Settings{
		Configuration: m.Configuration, Framework: m.Framework, Mode: dotnet.Mode(m.Publish), Property: m.Property,
		SourceDir: m.SourcePath, Processors: runtime.NumCPU(), Feed: m.Feed != nil, ConfigFile: m.NugetConfig != nil,
		LockedMode: m.LockedMode, History: m.Git != nil,
	}
	if err := p.settings.Validate(); err != nil {
		return err
	}
	if err := m.withoutSchemes(); err != nil {
		return err
	}
	if err := p.openSource(ctx, m.Source); err != nil {
		return err
	}
	return p.chooseSDK(ctx, m)
}

// withoutSchemes refuses an image or registry that is written like a web page's address.
func (m *DotnetMultiarch) withoutSchemes() error {
	for _, a := range [][2]string{{"--base-registry", m.BaseRegistry}, {"--sdk-image", m.SdkImage}, {"--runtime-image", m.RuntimeImage}} {
		if strings.Contains(a[1], "://") {
			return fmt.Errorf("reading %s %q: leave out the scheme", a[0], a[1])
		}
	}
	return nil
}

func requestedPlatforms(list string) ([]platform.Platform, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	return platform.ParseList(list)
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
