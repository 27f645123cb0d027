package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/testresults"
)

// defaultTestTimeout is that of the argument.
const defaultTestTimeout = "10m"

// testChoices are the caller's, as typed.
type testChoices struct {
	filter, failUnder string
	retryFailed       int
	timeout, platform string
	run               string
	// limitBy says what sets the timeout; "" is the flag --timeout.
	limitBy string
}

// tested is a run of tests and what it left.
type tested struct {
	run *testresults.Run
	// trx and logs are the runners' own files by name.
	trx, logs map[string]*dagger.File
	read      func(file string) (string, error)
}

// testing runs the suites of a plan.
type testing struct {
	*testPlan
	run     dotnet.TestRun
	limitBy string
	retries int
	// built has everything compiled.
	built *dagger.Container
}

// tested restores, compiles and runs the tests. The steps before the run are keyed on content like those of a publish; so is
// the run, and on its name.
func (m *DotnetMultiarch) tested(ctx context.Context, c testChoices) (*tested, error) {
	limit, err := parseTestTimeout(c.timeout)
	if err != nil {
		return nil, err
	}
	failUnder, err := testresults.ParsePercent(c.failUnder)
	if err != nil {
		return nil, err
	}
	if c.retryFailed < 0 || c.retryFailed > 10 {
		return nil, fmt.Errorf("reading --retry-failed %d: want how often failed tests are run again, from 0 to 10", c.retryFailed)
	}
	p, err := m.testPlan(ctx, c.platform)
	if err != nil {
		return nil, err
	}
	built, err := p.compiled(ctx)
	if err != nil {
		return nil, err
	}
	built, err = p.withForeign(ctx, m, built)
	if err != nil {
		return nil, err
	}
	// A test of an older framework runs on the SDK image's runtime where that has no other.
	built = built.WithEnvVariable("DOTNET_ROLL_FORWARD", "Major").WithEnvVariable(runVariable, c.run)
	if p.foreign {
		built = built.WithEnvVariable("VSTEST_CONNECTION_TIMEOUT", "600") // seconds; an emulated test host takes its time to start
	}
	t := testing{testPlan: p, run: dotnet.TestRun{Timeout: limit, Filter: c.filter, Foreign: p.foreign}, limitBy: c.limitBy, retries: c.retryFailed, built: built}
	done := &tested{
		run:  &testresults.Run{Platform: p.platform.String(), How: p.how(), Filter: c.filter, FailUnder: failUnder, Notes: p.notes},
		trx:  map[string]*dagger.File{},
		logs: map[string]*dagger.File{},
		read: p.tree.Read,
	}
	return done, t.all(ctx, done)
}

func parseTestTimeout(text string) (time.Duration, error) {
	limit, err := time.ParseDuration(text)
	if err != nil || limit < time.Second {
		return 0, fmt.Errorf("reading --timeout %q: want a time of a second at least, such as 90s or 1h", text)
	}
	return limit, nil
}

// all runs the suites, side by side.
func (t *testing) all(ctx context.Context, done *tested) error {
	ran := make([]*suiteRun, len(t.suites))
	for i, suite := range t.suites {
		ran[i] = t.newRun(suite)
	}
	if err := sideBySide(ctx, ran, t.runSuite); err != nil {
		return err
	}
	var coverage testresults.Coverage
	for _, r := range ran {
		done.run.Suites = append(done.run.Suites, r.suite)
		maps.Copy(done.trx, r.trx)
		maps.Copy(done.logs, r.logs)
		for _, report := range r.coverage {
			has := func(file string) bool { return slices.Contains(t.tree.Paths(), file) }
			if err := coverage.Merge(report, t.settings.Dir(), has); err != nil {
				return err
			}
			done.run.Coverage = &coverage
		}
	}
	done.run.Sort()
	return nil
}

// results lays all that a run left into one folder.
func (d *tested) results() (*dagger.Directory, error) {
	files := map[string]string{"summary.md": d.run.Markdown()}
	var err error
	if files["summary.json"], err = d.run.String("json"); err != nil {
		return nil, err
	}
	if files["junit.xml"], err = d.run.JUnit(); err != nil {
		return nil, err
	}
	if d.run.Coverage != nil {
		if files["cobertura.xml"], err = d.run.Coverage.Cobertura(); err != nil {
			return nil, err
		}
		pages, err := d.run.Coverage.HTML(d.read)
		if err != nil {
			return nil, err
		}
		for name, page := range pages {
			files["coverage/"+name] = page
		}
	}
	all := dag.Directory()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all = all.WithNewFile(name, files[name])
	}
	for folder, kept := range map[string]map[string]*dagger.File{"trx": d.trx, "logs": d.logs} {
		for name, file := range kept {
			all = all.WithFile(path.Join(folder, name), file)
		}
	}
	return all, nil
}
