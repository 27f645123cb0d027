package testresults

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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

// problems gives what is wrong beside tests that fail: of the suites, then of the run.
func (r *Run) problems() []string {
	var problems []string
	for _, s := range r.Suites {
		if s.Problem != "" {
			problems = append(problems, s.Project+": "+s.Problem)
		}
	}
	for _, f := range r.faults() {
		problems = append(problems, f.text)
	}
	return problems
}

// fault is what is wrong with a run as a whole.
type fault struct{ of, text string }

func (r *Run) faults() []fault {
	var faults []fault
	broken := slices.ContainsFunc(r.Suites, func(s *Suite) bool { return s.Problem != "" })
	switch {
	case r.Counts().Total > 0 || broken:
	case r.Filter != "":
		faults = append(faults, fault{"tests", fmt.Sprintf("no test matches --filter %q: correct it, such as FullyQualifiedName~Orders for a part of a test's name, or leave it out to run all", r.Filter)})
	default:
		faults = append(faults, fault{"tests", "the test projects hold no test"})
	}
	switch {
	case r.FailUnder == 0:
	case r.Coverage == nil:
		faults = append(faults, fault{"coverage", fmt.Sprintf("--fail-under %s asks for coverage, and no test project collects it: %s", percent(r.FailUnder), Collectors)})
	case r.Coverage.Percent() < r.FailUnder:
		faults = append(faults, fault{"coverage", fmt.Sprintf("%s of the lines are covered, less than --fail-under %s", percent(r.Coverage.Percent()), percent(r.FailUnder))})
	}
	return faults
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
