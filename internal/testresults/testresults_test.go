package testresults

import (
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// suite reads one attempt.
func suite(t *testing.T, a Attempt) *Suite {
	t.Helper()
	if a.Root == "" {
		a.Root = "/src"
	}
	s := &Suite{Name: "Red", Project: "tests/Red/Red.csproj", Runner: "VSTest"}
	if err := s.Read(a); err != nil {
		t.Fatal(err)
	}
	return s
}

func find(t *testing.T, s *Suite, name string) Test {
	t.Helper()
	for _, test := range s.Tests {
		if test.FullName() == name {
			return test
		}
	}
	t.Fatalf("no test %s among %+v", name, s.Tests)
	return Test{}
}

func TestFailedTestHasMessageAndPlace(t *testing.T) {
	s := suite(t, Attempt{TRX: read(t, "failing.trx"), Code: 1})
	failed := find(t, s, "Failing.FailingTests.FailsAlways")
	if failed.Outcome != Failed || failed.Place() != "red/Failing/FailingTests.cs:15" || failed.Method != "FailsAlways" ||
		!strings.HasPrefix(failed.Message, "Assert.Equal() Failure: Strings differ\n") || failed.Elapsed != 5864*time.Microsecond {
		t.Errorf("%+v", failed)
	}
	if skipped := find(t, s, "Failing.FailingTests.Skipped"); skipped.Outcome != Skipped || skipped.Message != "not today" {
		t.Errorf("%+v", skipped)
	}
	if s.Problem != "" || s.Counts() != (Counts{Total: 3, Passed: 1, Failed: 1, Skipped: 1}) {
		t.Errorf("%q, %+v", s.Problem, s.Counts())
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:00:01.5000000": 1500 * time.Millisecond, "01:02:03": time.Hour + 2*time.Minute + 3*time.Second,
		"1.00:00:00": 24 * time.Hour, "2.01:00:00.5": 49*time.Hour + 500*time.Millisecond, "": 0, "soon": 0,
	} {
		if got := trxDuration(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestHangNamesWhatWasRunning(t *testing.T) {
	aborted := `<TestRun><ResultSummary outcome="Failed"><RunInfos><RunInfo outcome="Error"><Text>The active test run was aborted. Reason: Test host process crashed</Text></RunInfo></RunInfos></ResultSummary></TestRun>`
	for name, c := range map[string]struct {
		attempt Attempt
		says    string
		tests   int
	}{
		"VSTest":       {Attempt{TRX: aborted, Sequence: read(t, "sequence.xml"), Code: 1, TimedOut: true, Limit: time.Minute}, "ended after 1m0s (--timeout); running then: Hanging.HangingTests.NeverEnds(row: 1)", 1},
		"platform":     {Attempt{Log: read(t, "hanging.diag"), Code: 124, TimedOut: true, Limit: time.Minute}, "ended after 1m0s (--timeout); running then: HangingPlatform.HangingTests.NeverEnds", 1},
		"of a push":    {Attempt{Code: 137, TimedOut: true, Limit: time.Minute, LimitBy: "of the check"}, "ended after 1m0s (of the check); the runner did not say which test was running", 0},
		"nobody knows": {Attempt{Code: 137, TimedOut: true, Limit: time.Minute}, "ended after 1m0s (--timeout); the runner did not say which test was running", 0},
	} {
		s := suite(t, c.attempt)
		if s.Problem != c.says || len(s.Tests) != c.tests || s.Counts().Failed != c.tests {
			t.Errorf("%s: %q, %+v", name, s.Problem, s.Tests)
		}
		if len(s.Failed()) != 0 {
			t.Errorf("%s: a test that hangs would be run again", name)
		}
	}
}

func TestCrash(t *testing.T) {
	aborted := func(reason string) string {
		return `<TestRun><ResultSummary><RunInfos><RunInfo outcome="Error"><Text>The active test run was aborted. Reason: ` + reason + `</Text></RunInfo></RunInfos></ResultSummary></TestRun>`
	}
	for name, c := range map[string]struct {
		attempt Attempt
		says    string
	}{
		"VSTest without a name":        {Attempt{TRX: aborted("Test host process crashed"), Code: 1}, "Test host process crashed"},
		"VSTest with one":              {Attempt{TRX: aborted("Test host process crashed"), Sequence: read(t, "sequence.xml"), Code: 1}, "Test host process crashed; running then: Hanging.HangingTests.NeverEnds(row: 1)"},
		"VSTest with a stack":          {Attempt{TRX: aborted("Test host process crashed : Process terminated.\noh\n   at A.B()" + strings.Repeat("\n   at C.D()", 40)), Code: 1}, "Test host process crashed : Process terminated.\noh\n   at A.B()" + strings.Repeat("\n   at C.D()", 7)},
		"platform":                     {Attempt{Log: read(t, "hanging.diag"), Code: 7}, "the test process ended with code 7; running then: HangingPlatform.HangingTests.NeverEnds"},
		"a runner that does not start": {Attempt{Code: 150, Output: "You must install or update .NET\n\nin /src/bin\n"}, "the runner ended with code 150: You must install or update .NET\nin bin"},
		"a report that is cut off":     {Attempt{TRX: "<TestRun><Results>", Code: 137, Output: "Killed"}, "the runner ended with code 137: Killed"},
	} {
		if s := suite(t, c.attempt); s.Problem != c.says {
			t.Errorf("%s: %q", name, s.Problem)
		}
	}
}

func TestReportThatIsCutOffOfAGreenRunIsAnError(t *testing.T) {
	err := (&Suite{Project: "a.csproj"}).Read(Attempt{TRX: "<TestRun><Results>"})
	if err == nil || !strings.Contains(err.Error(), "reading the results of a.csproj") {
		t.Error(err)
	}
}

func TestPlatformLogStandsInForAReport(t *testing.T) {
	s := suite(t, Attempt{Log: read(t, "flaky.diag"), Code: 2})
	failed := find(t, s, "FlakyPlatform.FlakyTests.PassesTheSecondTime")
	if failed.Outcome != Failed || failed.Message != "this is the first time" || failed.Place() != "red/FlakyPlatform/FlakyTests.cs:13" ||
		failed.ID != "c8fc1561c0df7cdf1b364aceffb8fba35174111dd6f061d3b51da4aedd5f06d7" || failed.Elapsed != 14*time.Millisecond || failed.Method != "PassesTheSecondTime" {
		t.Errorf("%+v", failed)
	}
	if passed := find(t, s, "FlakyPlatform.FlakyTests.Passes"); passed.Outcome != Passed || passed.Place() != "red/FlakyPlatform/FlakyTests.cs:16" {
		t.Errorf("%+v", passed)
	}
	if len(s.Tests) != 2 || s.Problem != "" {
		t.Errorf("%q, %+v", s.Problem, s.Tests)
	}
}

func TestRerun(t *testing.T) {
	first := Attempt{Root: "/src", TRX: read(t, "failing.trx"), Code: 1}
	passes := strings.ReplaceAll(first.TRX, `outcome="Failed"`, `outcome="Passed"`)
	for name, c := range map[string]struct {
		again Attempt
		flaky bool
	}{
		"passes":                   {Attempt{Root: "/src", TRX: passes}, true},
		"fails again":              {first, false},
		"does not run":             {Attempt{Root: "/src", Code: 1}, false},
		"one of two rows fails":    {Attempt{Root: "/src", TRX: strings.Replace(passes, "</Results>", `<UnitTestResult testId="1" testName="Failing.FailingTests.FailsAlways" outcome="Failed" /></Results>`, 1)}, false},
		"reaches another one, too": {Attempt{Root: "/src", TRX: strings.Replace(passes, "</Results>", `<UnitTestResult testId="2" testName="Other" outcome="Failed" /></Results>`, 1), Code: 1}, true},
	} {
		s := suite(t, first)
		if err := s.ReadAgain(c.again); err != nil {
			t.Fatal(err)
		}
		run := &Run{Suites: []*Suite{s}}
		if run.Green() != c.flaky || (len(run.Flaky()) == 1) != c.flaky || len(run.Red()) == 1 == c.flaky || s.Counts().Total != 3 {
			t.Errorf("%s: green %v, flaky %v", name, run.Green(), run.Flaky())
		}
	}
}

func TestNoTestAtAllIsAFailure(t *testing.T) {
	empty := suite(t, Attempt{Output: "No test matches the given testcase filter `X` in /src/a.dll", Code: 0})
	if err := (&Run{Filter: "X", Suites: []*Suite{empty}}).Failure(); err == nil || !strings.Contains(err.Error(), `no test matches --filter "X"`) {
		t.Error(err)
	}
	if err := (&Run{Suites: []*Suite{suite(t, Attempt{Code: codeNoTests})}}).Failure(); err == nil || !strings.Contains(err.Error(), "hold no test") {
		t.Error(err)
	}
}

// TestTheProblemIsTheHeadline: where no test failed, the first line says why the run is red all the same, and says it once.
func TestTheProblemIsTheHeadline(t *testing.T) {
	passed := func() *Suite {
		return suite(t, Attempt{TRX: `<TestRun><Results><UnitTestResult testId="1" testName="A.B" outcome="Passed" /></Results></TestRun>`})
	}
	broken := suite(t, Attempt{Code: 3, Output: "no runtime\nnone at all"})
	for want, run := range map[string]*Run{
		"testing: no test matches --filter \"X\": correct it, such as FullyQualifiedName~Orders for a part of a test's name, or leave it out to run all": {
			Filter: "X", Suites: []*Suite{suite(t, Attempt{Code: codeNoTests})},
		},
		"testing: --fail-under 50 % asks for coverage, and no test project collects it: " + Collectors + " (1 tests passed)": {FailUnder: 50, Suites: []*Suite{passed()}},
		"testing: tests/Red/Red.csproj: the runner ended with code 3: no runtime (1 tests passed)\n" +
			"failed  tests/Red/Red.csproj: the runner ended with code 3: no runtime\n        none at all": {Suites: []*Suite{passed(), broken}},
	} {
		if err := run.Failure(); err == nil || err.Error() != want {
			t.Errorf("%v\nwant\n%s", err, want)
		}
		if head, _, _ := strings.Cut(strings.TrimPrefix(want, "testing: "), "\n"); !strings.HasPrefix(run.Markdown(), "## ❌ Tests: "+head+"\n") {
			t.Error(run.Markdown())
		}
	}
}

// TestAJUnitFileOfARedRunIsRed: a CI system that reads the file alone must not show a red run as a green one.
func TestAJUnitFileOfARedRunIsRed(t *testing.T) {
	passed := suite(t, Attempt{TRX: `<TestRun><Results><UnitTestResult testId="1" testName="A.B" outcome="Passed" /></Results></TestRun>`})
	for name, c := range map[string]struct {
		run  *Run
		says string
	}{
		"no test matches": {&Run{Filter: "X", Suites: []*Suite{suite(t, Attempt{Code: codeNoTests})}}, `<testcase classname="the run" name="tests" time="0.000">`},
		"no test":         {&Run{Suites: []*Suite{suite(t, Attempt{Code: codeNoTests})}}, `<testcase classname="the run" name="tests" time="0.000">`},
		"no coverage":     {&Run{FailUnder: 80, Suites: []*Suite{passed}}, `<testcase classname="the run" name="coverage" time="0.000">`},
	} {
		text, err := c.run.JUnit()
		if err != nil || !strings.Contains(text, c.says) || strings.Count(text, ` failures="1"`) != 2 || !strings.Contains(text, `<failure message="`) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if text, err := (&Run{Suites: []*Suite{passed}}).JUnit(); err != nil || strings.Contains(text, faultsSuite) {
		t.Errorf("a green run: %v\n%s", err, text)
	}
}

func TestFailUnder(t *testing.T) {
	s := suite(t, Attempt{TRX: `<TestRun><Results><UnitTestResult testId="1" testName="A.B" outcome="Passed" /></Results></TestRun>`})
	half := &Coverage{}
	if err := half.Merge(cobertura("/", "src/a.cs", `<line number="1" hits="1"/><line number="2" hits="0"/>`), "/src", anything); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text     string
		coverage *Coverage
		says     string
	}{
		{"", nil, ""}, {"0", nil, ""}, {"50", half, ""}, {"50%", half, ""},
		{"50.1", half, "50 % of the lines are covered, less than --fail-under 50.1 %"},
		{"1", nil, "no test project collects it"},
	} {
		under, err := ParsePercent(c.text)
		if err != nil {
			t.Fatal(err)
		}
		err = (&Run{Suites: []*Suite{s}, Coverage: c.coverage, FailUnder: under}).Failure()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	for _, bad := range []string{"-1", "101", "much", "%", "NaN"} {
		if _, err := ParsePercent(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestFailureNamesEachFailedTestFirst(t *testing.T) {
	s := suite(t, Attempt{TRX: read(t, "failing.trx"), Code: 1})
	s.Notes = []string{"no coverage"}
	err := (&Run{Suites: []*Suite{s}}).Failure()
	want := `testing: 1 of 3 tests failed, 1 skipped
failed  Failing.FailingTests.FailsAlways  red/Failing/FailingTests.cs:15
        Assert.Equal() Failure: Strings differ
                   ↓ (pos 0)
        Expected: "tea"
        Actual:   "coffee"
                   ↑ (pos 0)
note    Red: no coverage`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestMarkdownAndJSON(t *testing.T) {
	s := suite(t, Attempt{TRX: read(t, "failing.trx"), Code: 1})
	run := &Run{Suites: []*Suite{s}, Platform: "linux/amd64", How: "natively"}
	markdown, _ := run.String("markdown")
	head := "## ❌ Tests: 1 of 3 tests failed, 1 skipped\n\n### ❌ Failing.FailingTests.FailsAlways\n\n`red/Failing/FailingTests.cs:15`\n\n```\nAssert.Equal() Failure"
	if !strings.HasPrefix(markdown, head) || !strings.Contains(markdown, "| Red | VSTest | 1 | 1 | 1 | 0.0 |") {
		t.Error(markdown)
	}
	text, err := run.String("json")
	if err != nil || !strings.Contains(text, `"file": "red/Failing/FailingTests.cs"`) || !strings.Contains(text, `"green": false`) {
		t.Errorf("%v\n%s", err, text)
	}
	if err := CheckFormat("yaml"); err == nil || err.Error() != `format "yaml" does not exist: use one of text, json, markdown` {
		t.Errorf("yaml: %v", err)
	}
	if fenced("```") != "````\n```\n````\n" {
		t.Error("a fence in the text ends the block")
	}
}

func TestJUnit(t *testing.T) {
	s := suite(t, Attempt{TRX: read(t, "failing.trx"), Code: 1})
	s.Tests[0].Message = "\x1b[31mred\x1b[0m & <more>"
	broken := suite(t, Attempt{Code: 3, Output: "no runtime"})
	text, err := (&Run{Suites: []*Suite{s, broken}}).JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Class   string `xml:"classname,attr"`
			Name    string `xml:"name,attr"`
			File    string `xml:"file,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
			Error *struct {
				Text string `xml:",chardata"`
			} `xml:"error"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.Tests != 4 || got.Failures != 1 || got.Errors != 1 || got.Skipped != 1 {
		t.Errorf("%+v", got)
	}
	first, last := got.Cases[0], got.Cases[3]
	if first.Name != "FailsAlways" || first.Class != "Failing.FailingTests" || first.File != "red/Failing/FailingTests.cs" || first.Failure == nil || first.Failure.Message != "[31mred[0m & <more>" {
		t.Errorf("%+v", first)
	}
	if last.Error == nil || last.Error.Text != "the runner ended with code 3: no runtime" {
		t.Errorf("%+v", last)
	}
}

var errRead = errors.New("cannot read")
