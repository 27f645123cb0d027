package testresults

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Formats that a run is printed in.
var Formats = []string{"text", "json", "markdown"}

// CheckFormat reports a format that does not exist.
func CheckFormat(format string) error {
	if slices.Contains(Formats, format) {
		return nil
	}
	return fmt.Errorf("format %q does not exist: use one of %s", format, strings.Join(Formats, ", "))
}

// String gives the run in one of Formats.
func (r *Run) String(format string) (string, error) {
	switch format {
	case "json":
		text, err := json.MarshalIndent(r.summary(), "", "  ")
		return string(text) + "\n", err
	case "markdown":
		return r.Markdown(), nil
	}
	return r.text(), nil
}

// Failure is nil for a green run, else an error that has every failed test with its place and message, failed tests first.
func (r *Run) Failure() error {
	if r.Green() {
		return nil
	}
	return errors.New(strings.TrimSuffix("testing: "+r.headline()+"\n"+r.details(), "\n"))
}

// Headline is the run in one line, with where it was.
func (r *Run) Headline() string { return fmt.Sprintf("%s on %s (%s)", r.headline(), r.Platform, r.How) }

// headline is the run in one line. Where no test failed and the run did, it is what is wrong.
func (r *Run) headline() string {
	c := r.Counts()
	if problems := r.problems(); len(problems) > 0 && c.Failed == 0 {
		head, _, _ := strings.Cut(problems[0], "\n")
		if c.Total > 0 {
			head += " (" + c.line() + ")"
		}
		return head
	}
	return c.line()
}

// line is the counts as a person reads them.
func (c Counts) line() string {
	line := fmt.Sprintf("%d of %d tests failed", c.Failed, c.Total)
	if c.Failed == 0 {
		line = fmt.Sprintf("%d tests passed", c.Passed)
	}
	for _, more := range []struct {
		n    int
		word string
	}{{c.Skipped, "skipped"}, {c.Flaky, "flaky"}} {
		if more.n > 0 {
			line += fmt.Sprintf(", %d %s", more.n, more.word)
		}
	}
	return line
}

// besides are the problems that the headline does not tell, or not to their end.
func (r *Run) besides() []string {
	problems := r.problems()
	if len(problems) > 0 && r.Counts().Failed == 0 && !strings.Contains(problems[0], "\n") {
		return problems[1:]
	}
	return problems
}

// maxShown is how many failed tests a person is shown in a terminal; the files have all.
const maxShown = 30

// details are the failed tests, what else is wrong, the flaky ones and the notes.
func (r *Run) details() string {
	var b strings.Builder
	red := r.Red()
	for _, n := range red[:min(len(red), maxShown)] {
		fmt.Fprintf(&b, "failed  %s  %s\n", n.Test.FullName(), n.place())
		for line := range strings.SplitSeq(n.Test.Message, "\n") {
			fmt.Fprintf(&b, "        %s\n", strings.TrimRight(line, " \r"))
		}
	}
	if left := len(red) - maxShown; left > 0 {
		fmt.Fprintf(&b, "and %d more failed tests\n", left)
	}
	for _, p := range r.besides() {
		fmt.Fprintf(&b, "failed  %s\n", strings.ReplaceAll(p, "\n", "\n        "))
	}
	for _, n := range r.Flaky() {
		fmt.Fprintf(&b, "flaky   %s  passed at attempt %d  %s\n", n.Test.FullName(), n.Test.Attempts, n.place())
	}
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "note    %s\n", note)
	}
	return b.String()
}

func (n Named) place() string {
	if place := n.Test.Place(); place != "" {
		return place
	}
	return n.Suite.Project
}

// notes are the run's and the suites'. The same note of several suites is said once, with their names.
func (r *Run) notes() []string {
	notes := slices.Clone(r.Notes)
	var order []string
	of := map[string][]string{}
	for _, s := range r.Suites {
		for _, note := range s.Notes {
			if of[note] == nil {
				order = append(order, note)
			}
			of[note] = append(of[note], s.Name)
		}
	}
	for _, note := range order {
		notes = append(notes, strings.Join(of[note], ", ")+": "+note)
	}
	return notes
}

func (r *Run) text() string {
	var b strings.Builder
	b.WriteString(r.Headline() + "\n")
	if r.Coverage != nil {
		s := r.Coverage.Share()
		fmt.Fprintf(&b, "%s of the lines are covered: %d of %d\n", percent(s.Percent()), s.Covered, s.Lines)
	}
	b.WriteString("\n")
	if details := r.details(); details != "" {
		b.WriteString(details + "\n")
	}
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "project\trunner\tpassed\tfailed\tskipped\tseconds")
	for _, s := range r.Suites {
		c := s.Counts()
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%.1f\n", s.Name, s.Runner, c.Passed, c.Failed, c.Skipped, s.Elapsed.Seconds())
	}
	_ = table.Flush() // a strings.Builder takes all
	return b.String()
}

// Markdown gives the summary for a CI job: failed tests first, with message and place.
func (r *Run) Markdown() string {
	var b strings.Builder
	sign := "✅"
	if !r.Green() {
		sign = "❌"
	}
	fmt.Fprintf(&b, "## %s Tests: %s\n\n", sign, r.headline())
	for _, n := range r.Red() {
		fmt.Fprintf(&b, "### ❌ %s\n\n`%s`\n\n%s\n", inline(n.Test.FullName()), n.place(), fenced(strings.TrimSpace(n.Test.Message+"\n"+n.Test.Stack)))
	}
	for _, p := range r.besides() {
		head, rest, more := strings.Cut(p, "\n")
		fmt.Fprintf(&b, "❌ %s\n\n", inline(head))
		if more {
			b.WriteString(fenced(rest) + "\n")
		}
	}
	if flaky := r.Flaky(); len(flaky) > 0 {
		b.WriteString("### Flaky tests\n\n")
		for _, n := range flaky {
			fmt.Fprintf(&b, "- %s passed at attempt %d (`%s`)\n", inline(n.Test.FullName()), n.Test.Attempts, n.place())
		}
		b.WriteString("\n")
	}
	if r.Coverage != nil {
		s := r.Coverage.Share()
		fmt.Fprintf(&b, "Coverage: **%s** of the lines (%d of %d), %d of %d branches.\n\n", percent(s.Percent()), s.Covered, s.Lines, s.Taken, s.Branches)
	}
	b.WriteString("| project | runner | passed | failed | skipped | seconds |\n|---|---|---:|---:|---:|---:|\n")
	for _, s := range r.Suites {
		c := s.Counts()
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %.1f |\n", inline(s.Name), s.Runner, c.Passed, c.Failed, c.Skipped, s.Elapsed.Seconds())
	}
	fmt.Fprintf(&b, "\nOn %s, %s.\n", r.Platform, r.How)
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\nNote: %s\n", inline(note))
	}
	return b.String()
}

// inline keeps Markdown from reading a name as markup.
var inline = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "|", "\\|", "#", "\\#", "\n", " ").Replace

// fenced is a block of code whose fence is longer than any in the text.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}

// The names in the JSON are a contract; docs/test.md lists them.
type (
	summary struct {
		Green    bool            `json:"green"`
		Platform string          `json:"platform"`
		How      string          `json:"how"`
		Counts   Counts          `json:"counts"`
		Failed   []summaryTest   `json:"failed"`
		Flaky    []summaryTest   `json:"flaky"`
		Problems []string        `json:"problems"`
		Coverage *summaryCovered `json:"coverage,omitempty"`
		Projects []summarySuite  `json:"projects"`
		Notes    []string        `json:"notes,omitempty"`
	}
	summaryTest struct {
		Name     string `json:"name"`
		Project  string `json:"project"`
		File     string `json:"file,omitempty"`
		Line     int    `json:"line,omitempty"`
		Message  string `json:"message"`
		Attempts int    `json:"attempts"`
	}
	summaryCovered struct {
		Percent  float64 `json:"percent"`
		Lines    int     `json:"lines"`
		Covered  int     `json:"covered"`
		Branches int     `json:"branches"`
		Taken    int     `json:"taken"`
	}
	summarySuite struct {
		Name    string  `json:"name"`
		Project string  `json:"project"`
		Runner  string  `json:"runner"`
		Counts  Counts  `json:"counts"`
		Seconds float64 `json:"seconds"`
	}
)

func (r *Run) summary() summary {
	s := summary{
		Green: r.Green(), Platform: r.Platform, How: r.How, Counts: r.Counts(), Failed: summaryTests(r.Red()), Flaky: summaryTests(r.Flaky()),
		Problems: append([]string{}, r.problems()...), Projects: []summarySuite{}, Notes: r.notes(),
	}
	if r.Coverage != nil {
		c := r.Coverage.Share()
		s.Coverage = &summaryCovered{float64(int(c.Percent()*100)) / 100, c.Lines, c.Covered, c.Branches, c.Taken}
	}
	for _, suite := range r.Suites {
		s.Projects = append(s.Projects, summarySuite{suite.Name, suite.Project, suite.Runner, suite.Counts(), suite.Elapsed.Seconds()})
	}
	return s
}

func summaryTests(named []Named) []summaryTest {
	tests := []summaryTest{}
	for _, n := range named {
		t := n.Test
		tests = append(tests, summaryTest{t.FullName(), n.Suite.Project, t.File, t.Line, t.Message, t.Attempts})
	}
	return tests
}
