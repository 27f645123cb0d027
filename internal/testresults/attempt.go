package testresults

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Attempt is what one run of a suite left behind.
type Attempt struct {
	// Root is the folder of the source in the container where it ran; File names of tests become relative to it.
	Root string
	// TRX is the runner's report, "" where it wrote none.
	TRX string
	// Sequence is the list of begun tests that VSTest's blame collector leaves after an abort.
	Sequence string
	// Log is the diagnostic log of Microsoft.Testing.Platform.
	Log string
	// Output is what the runner printed.
	Output string
	// Code is its exit code.
	Code int
	// TimedOut says that it was ended after Limit.
	TimedOut bool
	Limit    time.Duration
	// LimitBy says what sets the limit; "" is the flag --timeout.
	LimitBy string
}

// Exit codes of Microsoft.Testing.Platform,
// https://learn.microsoft.com/dotnet/core/testing/microsoft-testing-platform-troubleshooting#exit-codes
const (
	codeFailed  = 2
	codeNoTests = 8
)

// Read takes the first attempt of a suite.
func (s *Suite) Read(a Attempt) error {
	tests, aborted, err := a.tests()
	if err != nil {
		return fmt.Errorf("reading the results of %s: %w", s.Project, err)
	}
	s.Tests = tests
	for _, t := range tests {
		s.Elapsed += t.Elapsed
	}
	s.Problem = s.problem(a, aborted)
	return nil
}

// tests gives the tests of an attempt, sorted by name, and why the run was aborted, "" where it was not.
func (a Attempt) tests() ([]Test, string, error) {
	var report trx
	var err error
	if a.TRX != "" {
		// A runner that was killed may leave half a report.
		if report, err = readTRX(a.TRX); err != nil && a.Code == 0 {
			return nil, "", err
		}
	}
	tests := report.tests
	known := map[string]int{}
	for i, t := range tests {
		known[t.FullName()] = i
	}
	for _, t := range readPlatformLog(a.Log) {
		i, found := known[t.FullName()]
		if !found {
			known[t.FullName()] = len(tests)
			tests = append(tests, t)
			continue
		}
		tests[i].ID, tests[i].File, tests[i].Line = t.ID, t.File, t.Line
	}
	begun, err := readSequence(a.Sequence)
	if err != nil {
		return nil, "", err
	}
	for _, t := range begun {
		if _, found := known[t.FullName()]; !found {
			tests = append(tests, t)
		}
	}
	for i := range tests {
		tests[i].Attempts = 1
		tests[i].locate(a.Root)
		if tests[i].Outcome == Unfinished {
			tests[i].Message = a.ended()
		}
	}
	slices.SortStableFunc(tests, func(x, y Test) int { return strings.Compare(x.FullName(), y.FullName()) })
	return tests, report.aborted, nil
}

// ended says of a test that had begun what became of it.
func (a Attempt) ended() string {
	if a.TimedOut {
		return fmt.Sprintf("it was running when the run was ended after %s (%s)", a.Limit, a.limitBy())
	}
	return "it was running when the test process ended"
}

func (a Attempt) limitBy() string { return cmp.Or(a.LimitBy, "--timeout") }

// problem says what is wrong with an attempt as a whole; "" where the tests say all.
func (s *Suite) problem(a Attempt, aborted string) string {
	running := ""
	if names := s.unfinished(); len(names) > 0 {
		running = "; running then: " + strings.Join(names, ", ")
	}
	failed := slices.ContainsFunc(s.Tests, func(t Test) bool { return t.Outcome == Failed })
	switch {
	case a.TimedOut && running == "":
		return fmt.Sprintf("ended after %s (%s); the runner did not say which test was running", a.Limit, a.limitBy())
	case a.TimedOut:
		return fmt.Sprintf("ended after %s (%s)%s", a.Limit, a.limitBy(), running)
	case aborted != "":
		return aborted + running
	case running != "":
		return fmt.Sprintf("the test process ended with code %d%s", a.Code, running)
	case a.Code == 0 || failed && (a.Code == 1 || a.Code == codeFailed):
		return ""
	case a.Code == codeNoTests && len(s.Tests) == 0:
		return ""
	case len(s.Tests) == 0 && noMatch.MatchString(a.Output):
		return ""
	}
	return fmt.Sprintf("the runner ended with code %d: %s", a.Code, strings.Join(lastLines(a.Output, a.Root, 8), "\n"))
}

// noMatch is what VSTest says of a project without tests, or without one that a filter matches.
var noMatch = regexp.MustCompile(`No test matches the given testcase filter|No test is available in`)

func (s *Suite) unfinished() []string {
	var names []string
	for _, t := range s.Tests {
		if t.Outcome == Unfinished {
			names = append(names, t.FullName())
		}
	}
	return names
}

// Failed gives the tests that a rerun would be for: those that failed, not those that were cut off.
func (s *Suite) Failed() []Test {
	var failed []Test
	for _, t := range s.Tests {
		if t.Outcome == Failed {
			failed = append(failed, t)
		}
	}
	return failed
}

// ReadAgain takes a rerun of failed tests. A test whose name the rerun has is what it says, where it passed each time that it
// ran; other tests that the filter reached count for nothing.
func (s *Suite) ReadAgain(a Attempt) error {
	tests, _, err := a.tests()
	if err != nil {
		return fmt.Errorf("reading the results of %s: %w", s.Project, err)
	}
	rerun := map[string]Test{}
	for _, t := range tests {
		if before, seen := rerun[t.FullName()]; !seen || !before.red() {
			rerun[t.FullName()] = t
		}
	}
	for i, t := range s.Tests {
		again, ran := rerun[t.FullName()]
		if t.Outcome != Failed || !ran {
			continue
		}
		s.Tests[i].Attempts++
		if again.Outcome == Passed {
			s.Tests[i].Outcome = Passed
		}
	}
	return nil
}

// frame is a line of a .NET stack trace that has a place.
var frame = regexp.MustCompile(`(?m)^\s*at .* in (.+):line (\d+)\s*$`)

// locate finds the place of a failure: the first frame of its stack that lies in the source, else where the test is.
func (t *Test) locate(root string) {
	for _, m := range frame.FindAllStringSubmatch(t.Stack, -1) {
		if file, inside := strings.CutPrefix(m[1], root+"/"); inside {
			t.File = file
			t.Line, _ = strconv.Atoi(m[2]) // digits
			return
		}
	}
	t.File = relative(t.File, root)
}

func relative(file, root string) string {
	if file == "" {
		return ""
	}
	return strings.TrimPrefix(path.Clean(file), root+"/")
}

// lastLines gives the last lines that say something, with the paths of the source relative to it.
func lastLines(output, root string, n int) []string {
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, strings.ReplaceAll(line, root+"/", ""))
		}
	}
	return lines[max(0, len(lines)-n):]
}
