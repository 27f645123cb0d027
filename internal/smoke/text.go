package smoke

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// SpeedNote is said wherever code was emulated.
const SpeedNote = "speed and memory under emulation say nothing about the real machine"

// Tested is what smoke gives.
type Tested struct {
	// Reference is what was started; "" for a build that was not pushed.
	Reference string   `json:"reference,omitempty"`
	Platforms []Result `json:"platforms"`
	Notes     []string `json:"notes,omitempty"`
}

// NewTested adds what has to be said of the results.
func NewTested(reference string, results []Result) Tested {
	t := Tested{Reference: reference, Platforms: results}
	for _, r := range results {
		if r.Emulation != "" {
			t.Notes = []string{SpeedNote}
		}
	}
	return t
}

// String gives the answer in the format: text, json or markdown.
func (t Tested) String(format string) (string, error) {
	switch format {
	case "json":
		b, err := json.MarshalIndent(t, "", "  ")
		return string(b) + "\n", err
	case "markdown":
		return t.markdown(), nil
	}
	var b strings.Builder
	if t.Reference != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Reference)
	}
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range t.Platforms {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.name(), r.Digest, r.Line())
	}
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String(), nil
}

func (t Tested) markdown() string {
	var b strings.Builder
	b.WriteString("### Smoke test\n\n")
	if t.Reference != "" {
		fmt.Fprintf(&b, "`%s`\n\n", t.Reference)
	}
	b.WriteString("| platform | digest | |\n|---|---|---|\n")
	for _, r := range t.Platforms {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.name(), r.Digest, r.Line())
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	return b.String()
}

func (r Result) name() string { return strings.TrimSpace(r.Project + " " + r.Platform) }

// Line tells what came of it in one line.
func (r Result) Line() string {
	if !r.Healthy {
		return r.Problem
	}
	var parts []string
	if r.Status != 0 {
		parts = append(parts, fmt.Sprintf("answered %d after %.1f s", r.Status, r.Seconds))
	} else {
		parts = append(parts, fmt.Sprintf("ended with code 0 after %.1f s", r.Seconds))
	}
	if r.Architecture != "" {
		parts = append(parts, fmt.Sprintf("process %s (%d native files)", r.Architecture, r.NativeFiles))
	}
	parts = append(parts, fmt.Sprintf("peak memory %.1f MB", float64(r.PeakBytes)/1e6))
	if r.Emulation != "" {
		parts = append(parts, "emulated by "+r.Emulation)
	}
	return strings.Join(parts, ", ")
}
