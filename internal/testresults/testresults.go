// Package testresults reads what .NET's test runners wrote down and says what it means: which tests failed and where, which are
// flaky, what is covered, as text, Markdown, JSON, JUnit XML, Cobertura and HTML.
//
// The package runs nothing and reads no file: it is given texts and gives texts.
package testresults

import (
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
