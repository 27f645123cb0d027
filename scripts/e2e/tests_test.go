//go:build e2e

package e2e

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testSummary is what `test --format json` and summary.json promise, docs/test.md.
type testSummary struct {
	Green         bool
	Platform, How string
	Counts        testCounts
	Failed, Flaky []struct {
		Name, Project, File, Message string
		Line, Attempts               int
	}
	Problems []string
	Coverage *struct{ Percent float64 }
	Projects []struct {
		Name, Runner string
		Counts       testCounts
	}
	Notes []string
}

type testCounts struct{ Total, Passed, Failed, Skipped, Flaky int }

// tests is the source with the tests that these tests run.
const tests = "scripts/e2e/testdata/tests"

// exportTests runs `test-results` and reads what it exports.
func exportTests(t *testing.T, to string, arguments ...string) (testSummary, result) {
	t.Helper()
	args := append([]string{"--progress=plain", "call"}, arguments...)
	r := dagger(t, append(args, "export", "--path", to)...)
	if r.code != 0 {
		t.Fatalf("dagger %q: code %d\n%s", args, r.code, tail(r.stderr))
	}
	text, err := os.ReadFile(filepath.Join(to, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	return readSummary(t, string(text)), r
}

func readSummary(t *testing.T, text string) testSummary {
	t.Helper()
	var s testSummary
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return s
}

// tested says whether tests really ran: a cached run shows none of the runners' lines.
func (r result) tested() bool {
	return strings.Contains(r.stderr, "Test run for /src/") || strings.Contains(r.stderr, "Test run summary: ")
}

func (s testSummary) names() (failed, flaky []string) {
	for _, f := range s.Failed {
		failed = append(failed, f.Name)
	}
	for _, f := range s.Flaky {
		flaky = append(flaky, f.Name)
	}
	return failed, flaky
}

// TestSampleTests: what the README's first command tests.
func TestSampleTests(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	r := dagger(t, "--progress=plain", "call", "test", "--format", "json")
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	if s := readSummary(t, r.stdout); !s.Green || s.Counts != (testCounts{Total: 30, Passed: 30}) || s.How != "natively" || s.Coverage == nil || s.Coverage.Percent < 90 {
		t.Errorf("%+v", s)
	}
}

// TestEveryTestStack runs xunit 2 and 3, NUnit and MSTest at once, by both runners.
func TestEveryTestStack(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	to := t.TempDir()
	s, r := exportTests(t, to, "--source", tests, "--project", "green", "test-results", "--run", nonce)
	if !r.tested() {
		t.Error("nothing ran")
	}
	if !s.Green || s.Counts != (testCounts{Total: 16, Passed: 14, Skipped: 2}) || s.Platform != "linux/amd64" || s.How != "natively" || s.Coverage == nil || s.Coverage.Percent != 100 {
		t.Errorf("%+v", s)
	}
	var ran []string
	for _, p := range s.Projects {
		ran = append(ran, p.Name+" "+p.Runner)
		if _, err := os.Stat(filepath.Join(to, "trx", p.Name+".trx")); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"MstestFour Microsoft.Testing.Platform", "NunitFive VSTest", "XunitThree Microsoft.Testing.Platform", "XunitTwo VSTest"}; !slices.Equal(ran, want) {
		t.Errorf("ran %q", ran)
	}
	if len(s.Notes) != 1 || !strings.HasPrefix(s.Notes[0], "MstestFour, XunitThree: no coverage: reference ") {
		t.Errorf("notes %q", s.Notes)
	}
	for file, has := range map[string]string{
		"cobertura.xml": `filename="src/Calc/Calculator.cs"`, "coverage/index.html": "100 % of the lines", "coverage/src_Calc_Calculator.cs.html": `<tr class="hit"><td class="number">7<td class="number">2<td>`,
		"summary.md": "Tests: 14 tests passed, 2 skipped", "junit.xml": `tests="16" failures="0" errors="0" skipped="2"`, "logs/XunitTwo.txt": "Passed!",
		"trx/XunitTwo.trx": "ran on X64",
	} {
		if text, err := os.ReadFile(filepath.Join(to, file)); err != nil || !strings.Contains(string(text), has) {
			t.Errorf("%s: %v, no %q in\n%s", file, err, has, text)
		}
	}
	t.Run("the second command reads the same run", func(t *testing.T) {
		r := dagger(t, "--progress=plain", "call", "--source", tests, "--project", "green", "test", "--run", nonce, "--format", "json")
		if r.code != 0 || r.tested() || !readSummary(t, r.stdout).Green {
			t.Errorf("code %d, tests ran again: %v\n%s", r.code, r.tested(), tail(r.stderr))
		}
	})
	t.Run("an edit of a test restores nothing, and coverage is asked for", func(t *testing.T) {
		source := filepath.Join(t.TempDir(), "tests")
		if err := os.CopyFS(source, os.DirFS(filepath.Join(root(t), tests))); err != nil {
			t.Fatal(err)
		}
		edit(t, filepath.Join(source, "green", "XunitTwo", "CalculatorTests.cs"), "Assert.Equal(5,", "Assert.Equal(2 + 3,")
		r := dagger(t, "--progress=plain", "call", "--source", source, "--project", "green", "test", "--run", nonce, "--filter", "FullyQualifiedName~AddsTwoNumbers", "--fail-under", "90")
		message := finalError(r.stderr)
		if r.code == 0 || r.restored() || !r.tested() || !strings.Contains(message, "testing: 25 % of the lines are covered, less than --fail-under 90 % (4 tests passed)") {
			t.Errorf("code %d, restored %v\n%s", r.code, r.restored(), message)
		}
	})
	t.Run("on another platform", func(t *testing.T) {
		to := t.TempDir()
		s, _ := exportTests(t, to, "--source", tests, "--project", "green", "test-results", "--run", nonce, "--platform", "linux/arm64")
		if !s.Green || s.Counts != (testCounts{Total: 16, Passed: 14, Skipped: 2}) || s.Platform != "linux/arm64" || !strings.HasPrefix(s.How, "emulated by QEMU") || s.Coverage == nil || s.Coverage.Percent != 100 {
			t.Errorf("%+v", s)
		}
		if !slices.Contains(s.Notes, "MstestFour: no TRX on a platform that is emulated: its extension starts a second process") {
			t.Errorf("notes %q", s.Notes)
		}
		for _, name := range []string{"XunitTwo", "XunitThree"} {
			if text, err := os.ReadFile(filepath.Join(to, "trx", name+".trx")); err != nil || !strings.Contains(string(text), "ran on Arm64") {
				t.Errorf("%s: %v\n%s", name, err, text)
			}
		}
	})
}

// TestRedTests has everything that goes wrong in one run: a failure, a crash, a hang, a flaky test, by both runners.
func TestRedTests(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	to := t.TempDir()
	choices := []string{"--retry-failed", "1", "--timeout", "60s", "--run", nonce}
	s, _ := exportTests(t, to, append([]string{"--source", tests, "--project", "red", "test-results"}, choices...)...)
	failed, flaky := s.names()
	if want := []string{
		"CrashingPlatform.CrashingTests.EndsTheProcess", "Failing.FailingTests.FailsAlways",
		"Hanging.HangingTests.NeverEnds", "HangingPlatform.HangingTests.NeverEnds",
	}; !slices.Equal(failed, want) {
		t.Errorf("failed: %q", failed)
	}
	if want := []string{"Flaky.FlakyTests.PassesTheSecondTime", "FlakyPlatform.FlakyTests.PassesTheSecondTime"}; !slices.Equal(flaky, want) {
		t.Errorf("flaky: %q", flaky)
	}
	if want := []string{
		"red/Crashing/Crashing.csproj: Test host process crashed",
		"red/CrashingPlatform/CrashingPlatform.csproj: the test process ended with code 7; running then: CrashingPlatform.CrashingTests.EndsTheProcess",
		"red/Hanging/Hanging.csproj: ended after 1m0s (--timeout); running then: Hanging.HangingTests.NeverEnds",
		"red/HangingPlatform/HangingPlatform.csproj: ended after 1m0s (--timeout); running then: HangingPlatform.HangingTests.NeverEnds",
	}; !slices.Equal(s.Problems, want) {
		t.Errorf("problems:\n%s", strings.Join(s.Problems, "\n"))
	}
	for _, f := range s.Failed {
		if f.Name == "Failing.FailingTests.FailsAlways" && (f.File != "red/Failing/FailingTests.cs" || f.Line != 15 || f.Attempts != 2 || !strings.HasPrefix(f.Message, "Assert.Equal() Failure")) {
			t.Errorf("%+v", f)
		}
	}
	var junit struct {
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
	}
	text, err := os.ReadFile(filepath.Join(to, "junit.xml"))
	if err == nil {
		err = xml.Unmarshal(text, &junit)
	}
	// Three tests that had begun, and four projects with a problem.
	if err != nil || junit.Failures != 1 || junit.Errors != 7 {
		t.Errorf("%v: %+v", err, junit)
	}
	for _, file := range []string{"trx/Failing.trx", "trx/Failing.retry-1.trx", "trx/FlakyPlatform.retry-1.trx", "logs/Crashing.txt"} {
		if _, err := os.Stat(filepath.Join(to, file)); err != nil {
			t.Error(err)
		}
	}
	summary, err := os.ReadFile(filepath.Join(to, "summary.md"))
	if err != nil || !strings.HasPrefix(string(summary), "## ❌ Tests: 4 of 9 tests failed, 2 flaky\n\n### ❌ ") {
		t.Errorf("%v\n%s", err, summary)
	}

	// The second command agrees, also on the flaky tests, and its code tells.
	r := dagger(t, append([]string{"--progress=plain", "call", "--source", tests, "--project", "red", "test"}, choices...)...)
	message := finalError(r.stderr)
	if r.code == 0 || r.tested() || !strings.Contains(message, "testing: 4 of 9 tests failed, 2 flaky") || !strings.Contains(message, "failed  Failing.FailingTests.FailsAlways  red/Failing/FailingTests.cs:15") {
		t.Errorf("code %d, ran again %v\n%s", r.code, r.tested(), message)
	}
}

// TestRequiredTests: a failed test leaves no tag, and nothing else in the registry.
func TestRequiredTests(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	source, image := sample(t, "required"), repository(t)
	edit(t, filepath.Join(source, "tests", "SampleApp.Tests", "PrimeSieveTests.cs"), "InlineData(10, 4, 7)", "InlineData(10, 4, 9)")
	r := dagger(t, "--progress=plain", "call", "--source", source, "--platforms", "linux/amd64", "build-and-push", "--image", image, "--require", "test")
	message := finalError(r.stderr)
	for _, says := range []string{"the required check test failed", "nothing was pushed", "testing: 1 of 30 tests failed", "tests/SampleApp.Tests/PrimeSieveTests.cs:23"} {
		if !strings.Contains(message, says) {
			t.Errorf("the error does not say %q:\n%s", says, message)
		}
	}
	if r.code == 0 || tagged(t, image+":latest") {
		t.Errorf("code %d, tagged %v", r.code, tagged(t, image+":latest"))
	}
}

// TestBadTestInput: what keeps tests from running is an error of one line, or the compiler's own, also where results are asked for.
func TestBadTestInput(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	broken := filepath.Join(t.TempDir(), "tests")
	if err := os.CopyFS(broken, os.DirFS(filepath.Join(root(t), tests))); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(broken, "red", "Failing", "FailingTests.cs"), `"coffee"`, "coffee")
	for _, c := range []struct {
		name      string
		arguments []string
		says      []string
	}{
		{"no test project", []string{"--source", "scripts/e2e/testdata/modes", "test"}, []string{"none of the source's projects is a test project: Modes.csproj"}},
		{"no project", []string{"--source", "docs", "test"}, []string{"looking for tests in the source", "--source"}},
		{"a test that does not compile", []string{"--source", broken, "--project", "red/Failing", "test-results", "entries"}, []string{"compiling the tests failed", "red/Failing/FailingTests.cs(15,29): error CS0103"}},
		{"an unknown project", []string{"--source", tests, "--project", "Nope", "test"}, []string{`"Nope"`, "green/XunitTwo/XunitTwo.csproj"}},
		{"a time that is none", []string{"test", "--timeout", "soon"}, []string{"--timeout", "90s"}},
		{"a share that is none", []string{"test", "--fail-under", "much"}, []string{"--fail-under", "80"}},
		{"a platform that does not exist", []string{"test", "--platform", "linux/arm65"}, []string{"linux/arm64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := dagger(t, append([]string{"--progress=plain", "call"}, c.arguments...)...)
			message := finalError(r.stderr)
			if r.code == 0 || strings.Contains(message, "goroutine ") {
				t.Errorf("code %d\n%s", r.code, message)
			}
			for _, s := range c.says {
				if !strings.Contains(message, s) {
					t.Errorf("the error does not say %q:\n%s", s, message)
				}
			}
		})
	}
}
