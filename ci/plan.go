package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/lock"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/nuget"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/source"
)

// plan is what is known of a source before anything is compiled: its projects, the apps among them that are asked for, and
// where they are built.
type plan struct {
	settings dotnet.Settings
	// images logs the engine in where it pulls the SDK image; nil for the logins of --docker-config.
	images *registry.Client
	// lock is the source's dagger.lock; where unpinned it is not heeded.
	lock     *lock.File
	unpinned bool
	// sdk is where the projects are described, and built unless they want a newer one.
	sdk         *environment
	source      *dagger.Directory
	credentials []nuget.Credential
	tree        *source.Tree
	inputs      func(file string) bool
	projects    []dotnet.Project
	// apps in the order in which they are named, or of their paths; there is one at least.
	apps []*app
	// batches are the apps by what is restored together; the restore makes them.
	batches []*batch
	// unread is what MSBuild said of projects that it cannot read.
	unread []string
	// notes are for the user, of the source as a whole.
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
	if err := p.chooseProjects(ctx, m.requests(), m.All); err != nil {
		return nil, err
	}
	if err := p.chooseFrameworks(ctx); err != nil {
		return nil, err
	}
	if err := p.changeSDKs(ctx, m); err != nil {
		return nil, err
	}
	for _, a := range p.apps {
		if err := a.complete(p, m, requested); err != nil {
			return nil, err
		}
	}
	return p, nil
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
