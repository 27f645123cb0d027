package testresults

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// trx is what is read of a TRX report, whose schema is vstst.xsd of Visual Studio,
// https://github.com/microsoft/vstest/blob/main/docs/report.md
type trx struct {
	tests []Test
	// aborted is why the run ended before its time; "" where it did not.
	aborted string
}

type trxFile struct {
	Results []struct {
		ID       string `xml:"testId,attr"`
		Name     string `xml:"testName,attr"`
		Outcome  string `xml:"outcome,attr"`
		Duration string `xml:"duration,attr"`
		Message  string `xml:"Output>ErrorInfo>Message"`
		Stack    string `xml:"Output>ErrorInfo>StackTrace"`
		Output   string `xml:"Output>StdOut"`
	} `xml:"Results>UnitTestResult"`
	Definitions []struct {
		ID     string `xml:"id,attr"`
		Method struct {
			Class string `xml:"className,attr"`
			Name  string `xml:"name,attr"`
		} `xml:"TestMethod"`
	} `xml:"TestDefinitions>UnitTest"`
	RunInfos []struct {
		Outcome string `xml:"outcome,attr"`
		Text    string `xml:"Text"`
	} `xml:"ResultSummary>RunInfos>RunInfo"`
}

// aborts begin what VSTest writes of a run that it gave up.
var aborts = []string{"The active test run was aborted. Reason: ", "Testhost process for source(s) "}

func readTRX(text string) (trx, error) {
	var file trxFile
	if err := xml.Unmarshal([]byte(text), &file); err != nil {
		return trx{}, fmt.Errorf("the TRX report is not whole: %w", err)
	}
	methods := map[string]int{}
	for i, d := range file.Definitions {
		methods[d.ID] = i
	}
	var report trx
	for _, r := range file.Results {
		t := Test{Name: r.Name, Message: strings.TrimSpace(r.Message), Stack: strings.Trim(r.Stack, "\r\n"), Elapsed: trxDuration(r.Duration)}
		if i, found := methods[r.ID]; found {
			m := file.Definitions[i].Method
			// MSTest writes the class with its assembly: "Name.Space.Class, Assembly, …".
			t.Class, _, _ = strings.Cut(m.Class, ",")
			t.Method, _, _ = strings.Cut(strings.TrimPrefix(m.Name, t.Class+"."), "(")
		}
		switch r.Outcome {
		case "Passed", "PassedButRunAborted", "Warning", "Completed":
			t.Outcome = Passed
		case "NotExecuted", "NotRunnable", "Inconclusive", "Pending":
			t.Outcome = Skipped
			if t.Message == "" {
				t.Message = strings.TrimSpace(r.Output)
			}
		default: // Failed, Error, Timeout, Aborted, Disconnected, InProgress
			t.Outcome = Failed
		}
		report.tests = append(report.tests, t)
	}
	for _, info := range file.RunInfos {
		for _, begin := range aborts {
			if info.Outcome == "Error" && strings.HasPrefix(info.Text, begin) {
				report.aborted = abortReason(info.Text)
			}
		}
	}
	return report, nil
}

// abortReason shortens VSTest's text: of a crash it gives the whole stack.
func abortReason(text string) string {
	text = strings.TrimSpace(strings.TrimPrefix(text, aborts[0]))
	head, stack, found := strings.Cut(text, "\n   at ")
	if !found {
		return text
	}
	lines := strings.SplitN("   at "+stack, "\n", 9)
	return head + "\n" + strings.Join(lines[:min(len(lines), 8)], "\n")
}

// trxDuration reads "00:00:01.2345678", with days and a point before it where there are some; 0 where it is none.
func trxDuration(text string) time.Duration {
	var days, seconds float64
	clock := text
	if whole, rest, found := strings.Cut(text, "."); found && strings.Contains(rest, ":") {
		n, err := strconv.ParseFloat(whole, 64)
		if err != nil {
			return 0
		}
		days, clock = n, rest
	}
	for part := range strings.SplitSeq(clock, ":") {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return 0
		}
		seconds = seconds*60 + n
	}
	return time.Duration((days*24*60*60 + seconds) * float64(time.Second))
}

// readSequence gives the tests that VSTest's blame collector saw begin and not end.
func readSequence(text string) ([]Test, error) {
	if text == "" {
		return nil, nil
	}
	var file struct {
		Tests []struct {
			Name      string `xml:"Name,attr"`
			Display   string `xml:"DisplayName,attr"`
			Completed string `xml:"Completed,attr"`
		} `xml:"Test"`
	}
	if err := xml.Unmarshal([]byte(text), &file); err != nil {
		return nil, fmt.Errorf("the blame collector's list is not whole: %w", err)
	}
	var begun []Test
	for _, t := range file.Tests {
		if strings.EqualFold(t.Completed, "True") {
			continue
		}
		method, _, _ := strings.Cut(t.Name, "(")
		dot := strings.LastIndex(method, ".")
		test := Test{Name: t.Display, Outcome: Unfinished}
		if dot > 0 {
			test.Class, test.Method = method[:dot], method[dot+1:]
		}
		if test.Name == "" {
			test.Name = t.Name
		}
		begun = append(begun, test)
	}
	return begun, nil
}
