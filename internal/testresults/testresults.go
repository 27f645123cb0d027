// Package testresults reads what .NET's test runners wrote down and says what it means: which tests failed and where, which are
// flaky, what is covered, as text, Markdown, JSON, JUnit XML, Cobertura and HTML.
//
// The package runs nothing and reads no file: it is given texts and gives texts.
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

// Run is all that was tested at once.
type Run struct {
	// Platform is what the tests ran on, such as linux/arm64, and How says in what way: natively or emulated.
	Platform, How string
	// Filter is the caller's, "" where all tests were asked for.
	Filter string
	// FailUnder is the least coverage in percent of lines; 0 asks for none.
	FailUnder float64
	Suites    []*Suite
	// Coverage is that of all suites; nil where none collects it.
	Coverage *Coverage
	// Notes are lines that the user should see once.
	Notes []string
}

// Suite is one test project, for one target framework where it has several.
type Suite struct {
	// Name tells it from the other suites; Project is its path in the source.
	Name, Project string
	// Runner is what ran it: VSTest or Microsoft.Testing.Platform.
	Runner string
	Tests  []Test
	// Problem says what went wrong beside tests that fail: a crash, a hang, a runner that does not start. "" is none.
	Problem string
	// Notes say what could not be had of this suite.
	Notes []string
	// Elapsed is how long its tests took together.
	Elapsed time.Duration
}

// Outcome is how a test ended.
type Outcome string

// The outcomes. Unfinished tests had begun when the process ended.
const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	Skipped    Outcome = "skipped"
	Unfinished Outcome = "unfinished"
)

// Test is one test, a row of data being one.
type Test struct {
	// Class is the type's full name, Name what the runner shows: a method with or without its class and arguments.
	Class, Name string
	// Method is the method's name alone; "" where the runner does not say.
	Method  string
	Outcome Outcome
	// Message and Stack say why it failed or was skipped.
	Message, Stack string
	// File is relative to the source where the test lies in it; "" and 0 where nobody said.
	File    string
	Line    int
	Elapsed time.Duration
	// ID is the runner's own name of it; "" outside Microsoft.Testing.Platform.
	ID string
	// Attempts is how often it ran. A test that failed and then passed is flaky.
	Attempts int
}

// FullName is the test's name with its class.
func (t Test) FullName() string {
	if t.Class == "" || strings.HasPrefix(t.Name, t.Class+".") {
		return t.Name
	}
	return t.Class + "." + t.Name
}

// Flaky says whether the test failed first and passed later.
func (t Test) Flaky() bool { return t.Outcome == Passed && t.Attempts > 1 }

// red says whether the test makes the run fail.
func (t Test) red() bool { return t.Outcome == Failed || t.Outcome == Unfinished }

// Place is file:line, the file alone, or "".
func (t Test) Place() string {
	if t.File == "" || t.Line == 0 {
		return t.File
	}
	return t.File + ":" + strconv.Itoa(t.Line)
}

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
		return fmt.Sprintf("it was running when the run was ended after %s (--timeout)", a.Limit)
	}
	return "it was running when the test process ended"
}

// problem says what is wrong with an attempt as a whole; "" where the tests say all.
func (s *Suite) problem(a Attempt, aborted string) string {
	running := ""
	if names := s.unfinished(); len(names) > 0 {
		running = "; running then: " + strings.Join(names, ", ")
	}
	failed := slices.ContainsFunc(s.Tests, func(t Test) bool { return t.Outcome == Failed })
	switch {
	case a.TimedOut && running == "":
		return fmt.Sprintf("ended after %s (--timeout); the runner did not say which test was running", a.Limit)
	case a.TimedOut:
		return fmt.Sprintf("ended after %s (--timeout)%s", a.Limit, running)
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

// Counts are numbers of tests.
type Counts struct {
	Total   int `json:"total"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	// Flaky are among the passed.
	Flaky int `json:"flaky"`
}

// Counts of the suite. An unfinished test is a failed one.
func (s *Suite) Counts() Counts {
	var c Counts
	for _, t := range s.Tests {
		c.Total++
		switch {
		case t.red():
			c.Failed++
		case t.Outcome == Skipped:
			c.Skipped++
		default:
			c.Passed++
		}
		if t.Flaky() {
			c.Flaky++
		}
	}
	return c
}

// Counts of the whole run.
func (r *Run) Counts() Counts {
	var all Counts
	for _, s := range r.Suites {
		c := s.Counts()
		all.Total += c.Total
		all.Passed += c.Passed
		all.Failed += c.Failed
		all.Skipped += c.Skipped
		all.Flaky += c.Flaky
	}
	return all
}

// Named is a test with its suite.
type Named struct {
	Suite *Suite
	Test  Test
}

// Red gives the failed tests, sorted by suite and name.
func (r *Run) Red() []Named { return r.choose(Test.red) }

// Flaky gives the tests that failed and then passed.
func (r *Run) Flaky() []Named { return r.choose(Test.Flaky) }

func (r *Run) choose(wanted func(Test) bool) []Named {
	var chosen []Named
	for _, s := range r.Suites {
		for _, t := range s.Tests {
			if wanted(t) {
				chosen = append(chosen, Named{s, t})
			}
		}
	}
	return chosen
}

// problems gives what is wrong with the run beside tests that fail.
func (r *Run) problems() []string {
	var problems []string
	for _, s := range r.Suites {
		if s.Problem != "" {
			problems = append(problems, s.Project+": "+s.Problem)
		}
	}
	if r.Counts().Total == 0 && len(problems) == 0 {
		if r.Filter != "" {
			problems = append(problems, fmt.Sprintf("no test matches --filter %q", r.Filter))
		} else {
			problems = append(problems, "the test projects hold no test")
		}
	}
	switch {
	case r.FailUnder == 0:
	case r.Coverage == nil:
		problems = append(problems, fmt.Sprintf("--fail-under %s asks for coverage, and no test project collects it: %s", percent(r.FailUnder), Collectors))
	case r.Coverage.Percent() < r.FailUnder:
		problems = append(problems, fmt.Sprintf("%s of the lines are covered, less than --fail-under %s", percent(r.Coverage.Percent()), percent(r.FailUnder)))
	}
	return problems
}

// Collectors says how a project gets coverage.
const Collectors = "reference coverlet.collector (VSTest), or coverlet.MTP or Microsoft.Testing.Extensions.CodeCoverage (Microsoft.Testing.Platform)"

// Green says whether nothing failed.
func (r *Run) Green() bool { return r.Counts().Failed == 0 && len(r.problems()) == 0 }

// Sort puts the suites into the order of their names, whichever ended first.
func (r *Run) Sort() {
	slices.SortFunc(r.Suites, func(a, b *Suite) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Name, b.Name))
	})
}

// percent writes 80 and 66.7 as a person does. It rounds down: 99.96 is not 100.
func percent(p float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(int(p*10))/10, 'f', 1, 64), ".0") + " %"
}

// ParsePercent reads a share from 0 to 100, with a percent sign or without; "" is 0.
func ParsePercent(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	p, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
	if err != nil || !(p >= 0 && p <= 100) { // nor NaN
		return 0, fmt.Errorf("reading --fail-under %q: want a share of lines in percent, such as 80", text)
	}
	return p, nil
}
