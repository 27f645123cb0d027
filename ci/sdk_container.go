package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Sdk gives the build environment: the SDK image with the whole source and its packages restored, as the build's steps find them:
// dagger call sdk terminal. What is done there changes nothing elsewhere.
//
// +cache="never"
func (m *DotnetMultiarch) Sdk(ctx context.Context) (*dagger.Container, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.restore(ctx); err != nil {
		return nil, err
	}
	return p.batches[0].restored.
		WithDirectory(p.settings.Dir(), p.source).
		WithoutFile(dotnet.InputFile).
		WithDefaultTerminalCmd([]string{"bash"}), nil
}
