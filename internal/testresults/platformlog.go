package testresults

import (
	"regexp"
	"strconv"
	"strings"
)

// What Microsoft.Testing.Platform's own log has of each change of a test's state, at level Trace. The format is no contract:
// what does not match is passed over, and all that depends on it is a name or a place more.
var (
	nodeUpdate   = regexp.MustCompile(`^ ?\{.*?Uid = TestNodeUid \{ Value = (.*?) \}, DisplayName = (.*?), Properties = \[`)
	nodeFile     = regexp.MustCompile(`TestFileLocationProperty \{ FilePath = (.*?), LineSpan = LinePositionSpan \{ Start = LinePosition \{ Line = (\d+)`)
	nodeMethod   = regexp.MustCompile(`TestMethodIdentifierProperty \{ AssemblyFullName = .*?, Namespace = (.*?), TypeName = (.*?), MethodName = (.*?), MethodArity`)
	nodeDuration = regexp.MustCompile(`TimingProperty \{ GlobalTiming = TimingInfo \{ .*?Duration = ([0-9:.]+) \}`)
	nodeState    = regexp.MustCompile(`(?s)(\w+)TestNodeStateProperty \{ Explanation = (.*?)(?:, Exception = (.*?))?(?:, Timeout = [^}]*)? \} \] \} \}`)
	// nextEntry begins the log's next line.
	nextEntry = regexp.MustCompile(`\n(?:\d{4}-\d\d-\d\dT|\[\d\d:\d\d:)`)
)

// readPlatformLog gives the tests of a diagnostic log in the state that they had last.
func readPlatformLog(log string) []Test {
	var tests []Test
	known := map[string]int{}
	entries := strings.Split(log, "\nTestNodeUpdateMessage")
	for _, entry := range entries[1:] {
		if end := nextEntry.FindStringIndex(entry); end != nil {
			entry = entry[:end[0]]
		}
		head := nodeUpdate.FindStringSubmatch(entry)
		state := nodeState.FindStringSubmatch(entry)
		if head == nil || state == nil {
			continue
		}
		outcome, counts := platformOutcome(state[1])
		if !counts {
			continue
		}
		t := Test{ID: head[1], Name: head[2], Outcome: outcome}
		if m := nodeFile.FindStringSubmatch(entry); m != nil {
			t.File = m[1]
			t.Line, _ = strconv.Atoi(m[2]) // digits
		}
		if m := nodeMethod.FindStringSubmatch(entry); m != nil {
			t.Class, t.Method = strings.TrimPrefix(m[1]+"."+m[2], "."), m[3]
		}
		if m := nodeDuration.FindStringSubmatch(entry); m != nil {
			t.Elapsed = trxDuration(m[1])
		}
		t.Message = strings.TrimSpace(state[2])
		if state[3] != "" {
			message, stack, _ := strings.Cut(state[3], "\n   at ")
			// "Name.Space.Exception: what it says"
			if kind, text, found := strings.Cut(message, ": "); found && !strings.ContainsAny(kind, " \n") {
				message = text
			}
			t.Message = strings.TrimSpace(message)
			if stack != "" {
				t.Stack = "   at " + stack
			}
		}
		if i, found := known[t.ID]; found {
			tests[i] = t
			continue
		}
		known[t.ID] = len(tests)
		tests = append(tests, t)
	}
	return tests
}

// platformOutcome gives the outcome that a state stands for; false for a state that is none, such as a discovered test's.
func platformOutcome(state string) (Outcome, bool) {
	switch state {
	case "Passed":
		return Passed, true
	case "Skipped":
		return Skipped, true
	case "Failed", "Error", "Timeout", "Cancelled":
		return Failed, true
	case "InProgress":
		return Unfinished, true
	}
	return "", false
}
