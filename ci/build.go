package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Build publishes the app for every platform and gives the files, one folder a platform, such as linux/arm64.
func (m *DotnetMultiarch) Build(ctx context.Context) (*dagger.Directory, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	restored, err := p.restored()
	if err != nil {
		return nil, err
	}
	libraries, _, err := p.withLibraries(restored)
	if err != nil {
		return nil, err
	}
	published, err := p.published(libraries).Directory(dotnet.PublishDir).Sync(ctx)
	if err != nil {
		return nil, toolError("publishing "+p.app.Path, err)
	}
	files := dag.Directory()
	for i, one := range p.platforms {
		files = files.WithDirectory(one.String(), published.Directory(p.identifiers[i]))
	}
	return files, nil
}
