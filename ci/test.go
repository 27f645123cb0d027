package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/testresults"
)

// Test runs the tests of the source and says how they went; a failed test, a crash, a hang, or coverage below --fail-under is
// an error. --project narrows it to a test project, a folder, a solution, or the tests that refer to an app.
//
// Equal sources and flags are tested once: the results are kept, and test-results reads the same ones. --run makes it run again.
//
//	dagger call --source . test
//
// +cache="never"
func (m *DotnetMultiarch) Test(
	ctx context.Context,

	// Which tests, as the runner writes it: VSTest's language, such as "Category!=Slow", or a path of xunit's or TUnit's query
	// language, which begins with a slash.
	//
	// +optional
	filter string,

	// Least share of lines to be covered, in percent, such as 80.
	//
	// +optional
	failUnder string,

	// How often failed tests are run again. One that passes then is flaky: named, and no failure.
	//
	// +optional
	retryFailed int,

	// How long the tests of one project may take, such as 90s or 1h.
	//
	// +optional
	// +default="10m"
	timeout string,

	// Platform that the tests run on, such as linux/arm64. Default: the engine's own; another is emulated.
	//
	// +optional
	platform string,

	// Name of the run, such as a CI job's id. The same name is the same run, another name runs the tests again. Default: none.
	//
	// +optional
	run string,

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := testresults.CheckFormat(format); err != nil {
		return "", err
	}
	done, err := m.tested(ctx, testChoices{filter: filter, failUnder: failUnder, retryFailed: retryFailed, timeout: timeout, platform: platform, run: run})
	if err != nil {
		return "", err
	}
	if err := done.run.Failure(); err != nil {
		return "", err
	}
	return done.run.String(format)
}

// TestResults runs the tests like test and gives what they left, also where they fail: summary.md and summary.json, junit.xml,
// the runners' trx and logs, and where coverage is collected cobertura.xml and coverage/index.html. Only what keeps the tests
// from running is an error, such as code that does not compile.
//
//	dagger call --source . test-results export --path results
//
// +cache="never"
func (m *DotnetMultiarch) TestResults(
	ctx context.Context,

	// Which tests, as for test.
	//
	// +optional
	filter string,

	// Least share of lines to be covered, in percent; summary.md says whether it is.
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

	// Platform that the tests run on, such as linux/arm64. Default: the engine's own; another is emulated.
	//
	// +optional
	platform string,

	// Name of the run, such as a CI job's id: the same as for test.
	//
	// +optional
	run string,
) (*dagger.Directory, error) {
	done, err := m.tested(ctx, testChoices{filter: filter, failUnder: failUnder, retryFailed: retryFailed, timeout: timeout, platform: platform, run: run})
	if err != nil {
		return nil, err
	}
	return done.results()
}

// runTests tests with the defaults, and says in one line how it went where every test passed.
func (m *DotnetMultiarch) runTests(ctx context.Context) ([]string, error) {
	done, err := m.tested(ctx, testChoices{timeout: defaultTestTimeout, limitBy: "the limit of a required check; for another call test --timeout before the push"})
	if err != nil {
		return nil, err
	}
	return []string{done.run.Headline()}, done.run.Failure()
}
