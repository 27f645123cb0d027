package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// CiFile gives the pipeline file that builds, tests and pushes the app at a CI provider, with the same command on each. --project,
// --all and --platforms are taken over into it; a value with $NAME stands for the pipeline's variable NAME.
//
//	dagger call ci-file --provider github --image ghcr.io/me/app -o .github/workflows/build-and-push.yml
//
// +cache="never"
func (m *DotnetMultiarch) CiFile(
	ctx context.Context,

	// github, gitlab or azure.
	provider string,

	// Where the pipeline shall push: HOST/REPOSITORY.
	image string,

	// AWS role that the pipeline shall push with, by an identity token of the provider. Default: none, a name and a password.
	//
	// +optional
	role string,

	// Checks that must pass before a tag is written, comma-separated: test, smoke, inspect.
	//
	// +optional
	// +default="test,smoke,inspect"
	require string,

	// More of what describes the app, as it stands after dagger call, such as "--publish native-aot --port 8080".
	//
	// +optional
	arguments string,

	// More of what build-and-push takes, as it stands after it, such as "--smoke-path /ready --immutable-tags".
	//
	// +optional
	pushArguments string,

	// Folder of the solution in the repository: the pipeline's --source.
	//
	// +optional
	// +default="."
	folder string,

	// The module that the pipeline shall call, with its version, such as github.com/dotnet-multiarch/dotnet-multiarch@v1.2.3.
	// "" where the repository is the module.
	//
	// +optional
	// +default="github.com/dotnet-multiarch/dotnet-multiarch"
	module string,

	// Compare only: fail where the committed file is another, and name the first line that differs.
	//
	// +optional
	check bool,

	// The root of the repository that has the committed file. Default: the source.
	//
	// +optional
	// +ignore=["*", "!.github", "!.gitlab-ci.yml", "!azure-pipelines.yml"]
	repository *dagger.Directory,
) (string, error) {
	if !strings.Contains(image, "$") {
		if _, err := registry.ParseNaming(image, nil); err != nil {
			return "", err
		}
	}
	text, err := cifile.Render(provider, cifile.App{
		Image: image, Module: module, Source: folder, Projects: m.requests(), All: m.All, Platforms: m.Platforms, Arguments: arguments, PushArguments: pushArguments, Role: role,
		Require: strings.FieldsFunc(require, func(r rune) bool { return r == ',' || r == ' ' }),
	})
	if err != nil || !check {
		return text, err
	}
	if repository == nil {
		repository = m.Source
	}
	return checkFile(ctx, provider, repository, text)
}

func checkFile(ctx context.Context, provider string, repository *dagger.Directory, wanted string) (string, error) {
	path, err := cifile.Path(provider)
	if err != nil {
		return "", err
	}
	committed, err := textOf(ctx, repository, path)
	if err != nil {
		return "", err
	}
	if err := cifile.Compare(provider, committed, wanted); err != nil {
		return "", err
	}
	return path + " is up to date\n", nil
}

// textOf is a file's text; "" where there is none.
func textOf(ctx context.Context, repository *dagger.Directory, path string) (string, error) {
	found, err := repository.Glob(ctx, path)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, oneLine(err))
	}
	if len(found) == 0 {
		return "", nil
	}
	text, err := repository.File(path).Contents(ctx)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, oneLine(err))
	}
	return text, nil
}
