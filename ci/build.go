package main

import (
	"context"
	"fmt"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Build publishes the app for every platform and gives the files, one folder a platform, such as linux/arm64.
func (m *DotnetMultiarch) Build(ctx context.Context) (*dagger.Directory, error) {
	return m.built(ctx, dotnet.PublishDir)
}

// Symbols gives what a debugger needs and the image leaves out: the .dbg files of a native AOT app, one folder a platform.
func (m *DotnetMultiarch) Symbols(ctx context.Context) (*dagger.Directory, error) {
	return m.built(ctx, dotnet.SymbolsDir)
}

// built publishes the app and gives what lies in a folder of the build container, by identifier there and by platform here.
func (m *DotnetMultiarch) built(ctx context.Context, folder string) (*dagger.Directory, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	if folder == dotnet.SymbolsDir && p.app.Mode() != dotnet.NativeAOT {
		return nil, fmt.Errorf("looking for symbols: %s is published %s, which has its .pdb files in the image; only native-aot has symbols apart", p.app.Path, p.app.Mode())
	}
	restored, err := p.withPackages(ctx)
	if err != nil {
		return nil, err
	}
	libraries, err := p.withLibraries(ctx, restored)
	if err != nil {
		return nil, err
	}
	published, err := p.published(libraries)
	if err != nil {
		return nil, err
	}
	made, err := published.Directory(folder).Sync(ctx)
	if err != nil {
		return nil, toolError("publishing "+p.app.Path, err)
	}
	files := dag.Directory()
	for i, one := range p.platforms {
		files = files.WithDirectory(one.String(), made.Directory(p.identifiers[i]))
	}
	return files, nil
}
