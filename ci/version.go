package main

import (
	"context"
	"fmt"
	"os"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/gitversion"
)

// versionOf reads what the commit that is checked out in a folder is called.
func versionOf(ctx context.Context, repository *dagger.Directory) (*gitversion.Version, error) {
	folder, err := os.MkdirTemp("", "repository-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the container ends with the call
	if _, err := repository.Export(ctx, folder); err != nil {
		return nil, fmt.Errorf("fetching the repository: %w", oneLine(err))
	}
	return gitversion.Read(folder, dotnet.Ignored())
}

// gitTags gives the tags of --version-from-git, and what is to be said of them; none without it.
func gitTags(ctx context.Context, repository *dagger.Directory) (tags, notes []string, err error) {
	if repository == nil {
		return nil, nil, nil
	}
	v, err := versionOf(ctx, repository)
	if err != nil {
		return nil, nil, err
	}
	return v.Tags(), v.Notes(), nil
}

// stamp takes version and revision from --stamp-from-git where they are not given themselves.
func (m *DotnetMultiarch) stamp(ctx context.Context, choices *assembly.Choices) error {
	if m.StampFromGit == nil {
		return nil
	}
	v, err := versionOf(ctx, m.StampFromGit)
	if err != nil {
		return err
	}
	if choices.Version == "" {
		choices.Version = v.Version()
	}
	if choices.Revision == "" {
		choices.Revision = v.Revision()
	}
	return nil
}
