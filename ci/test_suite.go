package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/testresults"
)

// suiteRun is what the attempts of one suite gave.
type suiteRun struct {
	of        dotnet.TestSuite
	suite     *testresults.Suite
	trx, logs map[string]*dagger.File
	coverage  []string
}

func (t *testing) newRun(s dotnet.TestSuite) *suiteRun {
	return &suiteRun{
		of: s, suite: &testresults.Suite{Name: t.name(s), Project: s.Project.Path, Runner: string(s.Runner)},
		trx: map[string]*dagger.File{}, logs: map[string]*dagger.File{},
	}
}

// runSuite runs one suite, and again what failed. An attempt begins where the one before it ended: what a test leaves on disk
// is still there, as on a developer's machine.
func (t *testing) runSuite(ctx context.Context, r *suiteRun) error {
	s := r.of
	container := t.built
	var options dotnet.Options
	if s.Runner == dotnet.TestingPlatform {
		container = container.WithWorkdir(s.Dir())
		said, err := container.WithExec(dotnet.TestHelp(s)).Stdout(ctx)
		if err != nil {
			return toolError("asking "+s.Project.Path+" for its options", err)
		}
		options = dotnet.ParseOptions(said)
	}
	command, err := dotnet.RunTests(t.settings, s, t.run, options)
	if err != nil {
		return err
	}
	container, left, err := t.attempt(ctx, container, s, command)
	if err != nil {
		return err
	}
	r.keep(left, "")
	if err := r.suite.Read(left.Attempt); err != nil {
		return err
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
			return err
		}
		if reason != "" {
			r.suite.Notes = append(r.suite.Notes, "not run again: "+reason)
			break
		}
		if container, left, err = t.attempt(ctx, container, s, command); err != nil {
			return err
		}
		r.keep(left, fmt.Sprintf(".retry-%d", attempt))
		if err := r.suite.ReadAgain(left.Attempt); err != nil {
			return err
		}
	}
	return nil
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
	left.Root, left.Limit, left.LimitBy = t.settings.Dir(), t.run.Timeout, t.limitBy
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
