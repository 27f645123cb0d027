// Package comparison describes what was compared to people and programs: as text, JSON, Markdown and a plot. The names in the
// JSON are a contract; docs/compare.md lists them.
package comparison

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

// Comparison is one of Architectures and Strategies.
type Comparison interface {
	text() string
	markdown() string
	chart() plot.Chart
}

// Formats that Format knows.
var Formats = []string{"text", "json", "markdown", "svg"}

// CheckFormat reports a format that Format does not know.
func CheckFormat(format string) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("format %q does not exist: use one of %s", format, strings.Join(Formats, ", "))
	}
	return nil
}

// Format gives the comparison in one of Formats.
func Format(c Comparison, format string) (string, error) {
	switch format {
	case "json":
		b, err := json.MarshalIndent(c, "", "  ")
		return string(b) + "\n", err
	case "markdown":
		return c.markdown(), nil
	case "svg":
		picture, err := plot.SVG(c.chart())
		return string(picture) + "\n", err
	}
	return c.text(), nil
}

// Read reads what Format gave as JSON.
func Read(text string) (Comparison, error) {
	var kind struct {
		Kind string `json:"comparison"`
	}
	if err := json.Unmarshal([]byte(text), &kind); err != nil {
		return nil, fmt.Errorf("reading the result of a comparison: %w: want the file that --format json gave", err)
	}
	var c Comparison
	switch kind.Kind {
	case architectures:
		c = &Architectures{}
	case strategies:
		c = &Strategies{}
	default:
		return nil, fmt.Errorf("reading the result of a comparison: it is none, want the file that --format json gave")
	}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return nil, fmt.Errorf("reading the result of a comparison: %w", err)
	}
	if panels := c.chart().Panels; len(panels) == 0 || len(panels[0].Categories) == 0 {
		return nil, fmt.Errorf("reading the result of a comparison: it compares nothing, want the file that --format json gave")
	}
	return c, nil
}

// aligned writes rows as columns.
func aligned(rows [][]string) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	return b.String()
}

// table writes rows as a table of Markdown, the first as its head. Columns after the words hold numbers.
func table(rows [][]string, words int) string {
	var b strings.Builder
	for i, row := range rows {
		escaped := make([]string, len(row))
		for k, cell := range row {
			escaped[k] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(escaped, " | "))
		if i == 0 {
			b.WriteString(strings.Repeat("|---", words) + strings.Repeat("|---:", len(row)-words) + "|\n")
		}
	}
	return b.String()
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}
