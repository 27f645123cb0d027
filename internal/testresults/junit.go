package testresults

import (
	"encoding/xml"
	"strconv"
	"strings"
	"time"
)

// JUnit's XML as GitLab, Jenkins and the like read it, https://github.com/testmoapp/junitxml
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitCounts
		Suites []junitSuite `xml:"testsuite"`
	}
	junitCounts struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Seconds  string `xml:"time,attr"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Cases []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		File    string       `xml:"file,attr,omitempty"`
		Line    int          `xml:"line,attr,omitempty"`
		Seconds string       `xml:"time,attr"`
		Failure *junitReason `xml:"failure"`
		Error   *junitReason `xml:"error"`
		Skipped *junitReason `xml:"skipped"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitReason struct {
		Message string `xml:"message,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// faultsSuite is the suite of what is wrong with the run as a whole.
const faultsSuite = "the run"

// JUnit gives all suites as one JUnit file. What is wrong with a suite as a whole is an error of a case named after it, and what
// is wrong with the run a failure in a suite of its own, so that a report without a failed test is not shown as a green one.
func (r *Run) JUnit() (string, error) {
	var out junitSuites
	var elapsed time.Duration
	for _, s := range r.Suites {
		suite := junitSuite{Name: s.Name}
		for _, t := range s.Tests {
			suite.Cases = append(suite.Cases, junitOf(t))
		}
		if s.Problem != "" {
			head, _, _ := strings.Cut(s.Problem, "\n")
			suite.Cases = append(suite.Cases, junitCase{Class: s.Name, Name: s.Project, File: s.Project, Seconds: seconds(0), Error: &junitReason{clean(head), clean(s.Problem)}})
		}
		suite.Seconds = seconds(s.Elapsed)
		out.add(suite)
		elapsed += s.Elapsed
	}
	if faults := r.faults(); len(faults) > 0 {
		suite := junitSuite{Name: faultsSuite, junitCounts: junitCounts{Seconds: seconds(0)}}
		for _, f := range faults {
			suite.Cases = append(suite.Cases, junitCase{Class: faultsSuite, Name: f.of, Seconds: seconds(0), Failure: &junitReason{clean(f.text), clean(f.text)}})
		}
		out.add(suite)
	}
	out.Seconds = seconds(elapsed)
	text, err := xml.MarshalIndent(out, "", "  ")
	return xml.Header + string(text) + "\n", err
}

// add counts the cases of a suite.
func (out *junitSuites) add(suite junitSuite) {
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Error != nil:
			suite.Errors++
		case c.Failure != nil:
			suite.Failures++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	out.Suites = append(out.Suites, suite)
	out.Tests += suite.Tests
	out.Failures += suite.Failures
	out.Errors += suite.Errors
	out.Skipped += suite.Skipped
}

func junitOf(t Test) junitCase {
	c := junitCase{
		Class: t.Class, Name: clean(strings.TrimPrefix(t.Name, t.Class+".")), File: t.File, Line: t.Line, Seconds: seconds(t.Elapsed),
	}
	head, _, _ := strings.Cut(t.Message, "\n")
	reason := &junitReason{clean(head), clean(strings.TrimSpace(t.Message + "\n" + t.Stack))}
	switch t.Outcome {
	case Failed:
		c.Failure = reason
	case Unfinished:
		c.Error = reason
	case Skipped:
		c.Skipped = &junitReason{Message: clean(t.Message)}
	case Passed:
		if t.Flaky() {
			c.Out = clean("flaky: passed at attempt " + strconv.Itoa(t.Attempts) + ". Before that:\n" + t.Message + "\n" + t.Stack)
		}
	}
	return c
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// clean leaves out what XML 1.0 cannot hold, such as the escape of a colour; encoding/xml would put U+FFFD in its place.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, text)
}
