package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

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
	built = built.WithEnvVariable("DOTNET_ROLL_FORWARD", "Major").WithEnvVariable("DOTNET_MULTIARCH_RUN", c.run)
	t := testing{testPlan: p, run: dotnet.TestRun{Timeout: limit, Filter: c.filter, Foreign: p.foreign}, retries: c.retryFailed, built: built}
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

// all runs the suites, as many at once as there are processors.
func (t *testing) all(ctx context.Context, done *tested) error {
	ran := make([]*suiteRun, len(t.suites))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, runtime.NumCPU()))
	for i, suite := range t.suites {
		group.Go(func() (err error) {
			ran[i], err = t.suite(ctx, suite)
			return err
		})
	}
	if err := group.Wait(); err != nil {
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

// suiteRun is what the attempts of one suite gave.
type suiteRun struct {
	suite     *testresults.Suite
	trx, logs map[string]*dagger.File
	coverage  []string
}

// suite runs one suite, and again what failed. An attempt begins where the one before it ended: what a test leaves on disk is
// still there, as on a developer's machine.
func (t *testing) suite(ctx context.Context, s dotnet.TestSuite) (*suiteRun, error) {
	r := &suiteRun{
		suite: &testresults.Suite{Name: t.name(s), Project: s.Project.Path, Runner: string(s.Runner)},
		trx:   map[string]*dagger.File{}, logs: map[string]*dagger.File{},
	}
	container := t.built
	var options dotnet.Options
	if s.Runner == dotnet.TestingPlatform {
		container = container.WithWorkdir(s.Dir())
		said, err := output(ctx, container.WithExec(dotnet.TestHelp(s), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}))
		if err != nil {
			return nil, toolError("asking "+s.Project.Path+" for its options", err)
		}
		options = dotnet.ParseOptions(said)
	}
	command, err := dotnet.RunTests(t.settings, s, t.run, options)
	if err != nil {
		return nil, err
	}
	container, left, err := t.attempt(ctx, container, s, command)
	if err != nil {
		return nil, err
	}
	r.keep(left, "")
	if err := r.suite.Read(left.Attempt); err != nil {
		return nil, err
	}
	r.coverage = left.coverage
	r.suite.Notes = t.notesOn(s, options, left)
	for attempt := 1; attempt <= t.retries && r.suite.Problem == ""; attempt++ {
		failed := r.suite.Failed()
		if len(failed) == 0 {
			break
		}
		command, reason, err := dotnet.RerunTests(t.settings, s, t.run, options, namesOf(failed))
		if err != nil {
			return nil, err
		}
		if reason != "" {
			r.suite.Notes = append(r.suite.Notes, "not run again: "+reason)
			break
		}
		if container, left, err = t.attempt(ctx, container, s, command); err != nil {
			return nil, err
		}
		r.keep(left, fmt.Sprintf(".retry-%d", attempt))
		if err := r.suite.ReadAgain(left.Attempt); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// name tells a suite from the others: by its project's name, or its path where two have one name.
func (t *testing) name(s dotnet.TestSuite) string {
	name := s.Project.Name()
	for _, other := range t.suites {
		if other.Project.Path != s.Project.Path && strings.EqualFold(other.Project.Name(), name) {
			name = strings.ReplaceAll(strings.TrimSuffix(s.Project.Path, path.Ext(s.Project.Path)), "/", "-")
			break
		}
	}
	if s.Framework != "" {
		name += "-" + s.Framework
	}
	return name
}

func namesOf(failed []testresults.Test) []dotnet.Failed {
	names := make([]dotnet.Failed, len(failed))
	for i, f := range failed {
		names[i] = dotnet.Failed{Class: f.Class, Method: f.Method, ID: f.ID}
	}
	return names
}

// notesOn says what could not be had of a suite.
func (t *testing) notesOn(s dotnet.TestSuite, options dotnet.Options, left leftBehind) []string {
	const emulated = "on a platform that is emulated: its extension starts a second process"
	has := options
	if t.run.Foreign {
		has = options.WithoutProcesses()
	}
	var notes []string
	switch {
	case s.Collector() == "" && !options.Coverage():
		notes = append(notes, "no coverage: "+testresults.Collectors)
	case s.Collector() == "" && !has.Coverage():
		notes = append(notes, "no coverage "+emulated)
	case len(left.coverage) == 0 && !left.TimedOut:
		notes = append(notes, "no coverage: its collector left no Cobertura report")
	}
	switch {
	case s.Runner == dotnet.VSTest || has.TRX():
	case options.TRX():
		notes = append(notes, "no TRX "+emulated)
	default:
		notes = append(notes, "no TRX: reference Microsoft.Testing.Extensions.TrxReport; the results are from the runner's log")
	}
	return notes
}

// leftBehind is what an attempt left in the results' folder.
type leftBehind struct {
	testresults.Attempt
	coverage []string
	files    *dagger.Directory
}

// attempt runs a command of a suite and fetches what it left.
func (t *testing) attempt(ctx context.Context, from *dagger.Container, s dotnet.TestSuite, command []string) (*dagger.Container, leftBehind, error) {
	doing := "testing " + s.Project.Path
	ran, err := from.WithExec(command).Sync(ctx)
	if err != nil {
		return nil, leftBehind{}, toolError(doing, err)
	}
	left := leftBehind{files: ran.Directory(dotnet.ResultsDir)}
	left.Root, left.Limit = t.settings.Dir(), t.run.Timeout
	folder, err := os.MkdirTemp("", "results-*")
	if err != nil {
		return nil, leftBehind{}, err
	}
	if _, err := left.files.Export(ctx, folder); err != nil {
		return nil, leftBehind{}, fmt.Errorf("fetching the results of %s: %w", s.Project.Path, oneLine(err))
	}
	if err := left.readFolder(folder); err != nil {
		return nil, leftBehind{}, fmt.Errorf("reading the results of %s: %w", s.Project.Path, err)
	}
	return ran, left, os.RemoveAll(folder)
}

// What runners leave, beside the files with fixed names.
var (
	sequenceFile = regexp.MustCompile(`^Sequence.*\.xml$`)
	coverageFile = regexp.MustCompile(`(?i)^coverage.*\.xml$|\.cobertura\.xml$`)
)

// readFolder reads the files of an attempt. VSTest attaches each file twice, once below a folder called In.
func (l *leftBehind) readFolder(folder string) error {
	return filepath.WalkDir(folder, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "In" {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		name := entry.Name()
		if name == "timed-out" {
			l.TimedOut = true
		}
		if entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text := string(content)
		switch {
		case name == "results.trx":
			l.TRX = text
		case name == "output.txt":
			l.Output = text
		case name == "exit-code":
			if l.Code, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				return err
			}
		case sequenceFile.MatchString(name):
			l.Sequence = text
		case path.Ext(name) == ".diag":
			l.Log = text
		case coverageFile.MatchString(name):
			l.coverage = append(l.coverage, text)
		}
		return nil
	})
}

// keep names the runners' own files of an attempt.
func (r *suiteRun) keep(left leftBehind, suffix string) {
	if left.TRX != "" {
		r.trx[r.suite.Name+suffix+".trx"] = left.files.File("results.trx")
	}
	r.logs[r.suite.Name+suffix+".txt"] = left.files.File("output.txt")
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
