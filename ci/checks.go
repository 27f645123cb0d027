package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/lock"
)

// CheckFormat checks that the source is formatted as its .editorconfig has it.
//
// It is dotnet format that knows. Where the SDK image has none, that is said and the check passes.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckFormat(ctx context.Context) (string, error) {
	p, err := m.projectCheck(ctx)
	if err != nil {
		return "", err
	}
	return passed(p.verifyFormat(ctx))
}

// CheckBuild checks that every app can be built for its platforms.
//
// --project narrows it to an app.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckBuild(
	ctx context.Context,

	// Take every warning for an error: of the compiler, of NuGet and of MSBuild.
	//
	// +optional
	warningsAsErrors bool,
) (string, error) {
	every := m.everyApp()
	how := "built"
	if warningsAsErrors {
		every.Property = dotnet.WithWarningsAsErrors(m.Property)
		how = "built without a warning"
	}
	p, err := every.plan(ctx)
	if err != nil {
		return "", err
	}
	if _, err := p.built(ctx, p.apps, dotnet.PublishDir, false); err != nil {
		return "", err
	}
	return passed(how+": "+strings.Join(pathsOf(p.apps), ", "), nil)
}

// CheckTests checks that the tests pass.
//
// They run as test runs them. A source without tests passes, and that is said.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckTests(
	ctx context.Context,

	// Which tests, as for test.
	//
	// +optional
	filter string,

	// Least share of lines to be covered, in percent.
	//
	// +optional
	failUnder string,

	// How often failed tests are run again.
	//
	// +optional
	retryFailed int,

	// How long the tests of one project may take, such as 90s or 1h.
	//
	// +optional
	// +default="10m"
	timeout string,
) (string, error) {
	done, err := m.tested(ctx, testChoices{filter: filter, failUnder: failUnder, retryFailed: retryFailed, timeout: timeout})
	var none *dotnet.NoTestsError
	if errors.As(err, &none) {
		return passed("nothing was tested: "+none.Reason, nil)
	}
	if err != nil {
		return "", err
	}
	return passed(done.run.Headline(), done.run.Failure())
}

// CheckPipelines checks that the pipeline files are as ci-file makes them.
//
// The head of each says how it was made. Files of another's hand are left alone.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckPipelines(
	ctx context.Context,

	// The root of the repository that has the files. Default: the source, for which a folder without such a file stands; with
	// none at all Dagger would refuse the flag where .env has a default (dagger#11188).
	//
	// +defaultPath="/docs"
	// +ignore=["*", "!.github", "!.gitlab-ci.yml", "!azure-pipelines.yml"]
	repository *dagger.Directory,
) (string, error) {
	entries, err := repository.Entries(ctx)
	if err != nil {
		return "", fmt.Errorf("reading --repository: %w", oneLine(err))
	}
	if len(entries) == 0 {
		repository = m.Source
	}
	return passed(recheck(ctx, repository))
}

// CheckBases checks that there is no newer SDK or base image than in dagger.lock.
//
// Without a lock it passes, since builds take the newest then.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckBases(ctx context.Context) (string, error) {
	text, err := textOf(ctx, m.Source, lock.FileName)
	if err != nil {
		return "", err
	}
	if text == "" {
		return passed("there is no "+lock.FileName+": nothing is pinned, and builds take the newest images", nil)
	}
	return passed(m.everyApp().Lock(ctx, true))
}

// CheckPackages checks that no package is vulnerable or deprecated.
//
// Packages that others bring are included. The sources of packages are asked; where none can tell or one does not answer, that is
// said and the check passes.
//
// +check
// +cache="never"
func (m *DotnetMultiarch) CheckPackages(ctx context.Context) (string, error) {
	p, err := m.projectCheck(ctx)
	if err != nil {
		return "", err
	}
	return passed(p.listDoubts(ctx))
}

// passed says what a check found also on stderr: dagger check shows nothing of what a function returns.
func passed(said string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	said = strings.TrimSpace(said) + "\n"
	fmt.Fprint(os.Stderr, said)
	return said, nil
}

// everyApp means all apps where none is named.
func (m *DotnetMultiarch) everyApp() *DotnetMultiarch {
	every := *m
	every.All = m.All || len(m.requests()) == 0
	return &every
}

// recheck compares every pipeline file with what its own head says that it is.
func recheck(ctx context.Context, repository *dagger.Directory) (string, error) {
	var said []string
	var stale []error
	for _, provider := range cifile.Providers() {
		path, err := cifile.Path(provider)
		if err != nil {
			return "", err
		}
		text, err := textOf(ctx, repository, path)
		if err != nil {
			return "", err
		}
		if text == "" {
			continue
		}
		switch made, err := cifile.Recheck(provider, text); {
		case err != nil:
			stale = append(stale, err)
		case made:
			said = append(said, path+" is up to date")
		default:
			said = append(said, path+" was not made by ci-file: left alone")
		}
	}
	if len(said) == 0 {
		said = []string{"there is no pipeline file"}
	}
	return strings.Join(said, "\n"), errors.Join(stale...)
}
