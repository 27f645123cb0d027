package main

import (
	"context"
	"fmt"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Build publishes the app for every platform and gives the files, one folder a platform, such as linux/arm64. Of several apps
// each has a folder, which is called as {project} would be: api/linux/arm64.
func (m *DotnetMultiarch) Build(ctx context.Context) (*dagger.Directory, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	return p.built(ctx, p.apps, dotnet.PublishDir, m.several())
}

// Symbols gives what a debugger needs and the image leaves out: the .dbg files of native AOT apps, in folders as build has them.
func (m *DotnetMultiarch) Symbols(ctx context.Context) (*dagger.Directory, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range p.apps {
		if a.Mode() != dotnet.NativeAOT {
			return nil, fmt.Errorf("looking for symbols: %s is published %s, which has its .pdb files in the image; only native-aot has symbols apart", a.Path, a.Mode())
		}
	}
	return p.built(ctx, p.apps, dotnet.SymbolsDir, m.several())
}

// built publishes apps and gives what lies in a folder of the build container, by identifier there and by platform here; in a
// folder for each app where they are several.
func (p *plan) built(ctx context.Context, apps []*app, folder string, several bool) (*dagger.Directory, error) {
	if several {
		if err := dotnet.CheckNames(projectsOf(apps)); err != nil {
			return nil, err
		}
	}
	if err := p.restore(ctx); err != nil {
		return nil, err
	}
	if err := p.compileLibraries(ctx); err != nil {
		return nil, err
	}
	type made struct {
		*app
		files *dagger.Directory
	}
	all := make([]*made, len(apps))
	for i, a := range apps {
		all[i] = &made{app: a}
	}
	err := sideBySide(ctx, all, func(ctx context.Context, one *made) error {
		published, err := p.publish(ctx, one.app)
		if err == nil {
			one.files, err = published.Directory(folder).Sync(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	files := dag.Directory()
	for _, one := range all {
		own := dag.Directory()
		for i, of := range one.platforms {
			own = own.WithDirectory(of.String(), one.files.Directory(one.identifiers[i]))
		}
		if !several {
			return own, nil
		}
		files = files.WithDirectory(one.ImageName(), own)
	}
	return files, nil
}
