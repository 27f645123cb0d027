package main

import (
	"context"
	"fmt"
	"os"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/lock"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/source"
)

// openSource takes what belongs to the build out of the caller's folder: what .dockerignore leaves in where there is one,
// else what git would know.
func (p *plan) openSource(ctx context.Context, caller *dagger.Directory) error {
	if err := p.readLock(ctx, caller); err != nil {
		return err
	}
	// The lock decides what is built on, and is no part of what is built.
	exclude := append(dotnet.Ignored(), lock.FileName)
	filter := dagger.DirectoryFilterOpts{Exclude: exclude, Gitignore: true}
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
		filter = dagger.DirectoryFilterOpts{Exclude: append(patterns, exclude...)}
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
