package inspection

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
)

// String gives the inspection in the format: text, json or markdown.
func (i Inspection) String(format string) (string, error) {
	switch format {
	case "json":
		b, err := json.MarshalIndent(i, "", "  ")
		return string(b) + "\n", err
	case "markdown":
		return i.markdown(), nil
	}
	return i.text(), nil
}

func (i Inspection) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", i.Reference)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "type\t%s\n", i.MediaType)
	fmt.Fprintf(table, "platforms\t%s\n", strings.Join(i.names(), ", "))
	pairs(table, "annotation", i.Annotations)
	for _, o := range i.Others {
		of := ""
		if o.Of != "" {
			of = " of " + i.platformOf(o.Of)
		}
		fmt.Fprintf(table, "beside\t%s%s  %s  %s\n", o.Kind, of, o.Digest, amount(o.Size))
	}
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, p := range i.Platforms {
		fmt.Fprintf(&b, "\n%s  %s  %s\n", p.Platform, p.Digest, p.weight())
		p.table(&b)
	}
	b.WriteString("\n")
	if len(i.Findings) == 0 {
		fmt.Fprintf(&b, "native files: each fits its platform%s\n", i.unjudged())
	}
	for _, f := range i.Findings {
		fmt.Fprintf(&b, "%s: %s\n", mark(f), f)
	}
	for _, n := range i.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

// unjudged says what "fits" leaves out.
func (i Inspection) unjudged() string {
	for _, p := range i.Platforms {
		switch {
		case p.unjudged && p.Base == nil:
			return " (C library not judged: no base is named)"
		case p.unjudged:
			return " (C library not judged: that of the base is not known)"
		}
	}
	return ""
}

func mark(f native.Finding) string {
	if f.Maybe {
		return "doubtful"
	}
	return "wrong"
}

func (p Platform) table(b *strings.Builder) {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  base\t%s\n", p.Base.text())
	for _, line := range p.runs() {
		fmt.Fprintf(table, "  %s\t%s\n", line[0], line[1])
	}
	pairs(table, "  label", p.Labels)
	pairs(table, "  annotation", p.Annotations)
	fmt.Fprintf(table, "  native\t%s\n", p.natives())
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	table = tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for n, l := range p.Layers {
		fmt.Fprintf(table, "  layer %d\t%s\t%s\t%s\t%s\t%s\n", n+1, l.Digest[:min(len(l.Digest), 19)], amount(l.Size), cmp.Or(l.Of, "-"), l.count(), short(l.What))
	}
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
}

// runs is how the image runs, by what the lines are called; what it does not say is left out.
func (p Platform) runs() [][2]string {
	var lines [][2]string
	for _, line := range [][2]string{
		{"user", cmp.Or(p.User, "root (the image names none)")}, {"entrypoint", words(p.Entrypoint)}, {"cmd", words(p.Cmd)}, {"folder", p.WorkingDir},
		{"ports", strings.Join(p.Ports, ", ")}, {"volumes", strings.Join(p.Volumes, ", ")}, {"stop signal", p.StopSignal},
		{"environment", strings.Join(p.Env, "  ")}, {"created", p.Created},
	} {
		if line[1] != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func words(command []string) string {
	quoted := make([]string, len(command))
	for i, w := range command {
		if quoted[i] = w; w == "" || strings.ContainsAny(w, " \t\n'\"") {
			quoted[i] = fmt.Sprintf("%q", w)
		}
	}
	return strings.Join(quoted, " ")
}

func pairs(table *tabwriter.Writer, name string, of map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(table, "%s\t%s=%s\n", name, key, short(of[key]))
	}
}

func (b *Base) text() string {
	switch {
	case b == nil:
		return "not known: no annotation names it"
	case b.Newer:
		return fmt.Sprintf("%s@%s; a newer one exists: %s", b.Name, b.Digest, b.Newest)
	case b.Newest != "":
		return fmt.Sprintf("%s@%s, the newest", b.Name, b.Digest)
	case strings.Contains(b.Name, "@"):
		return b.Name
	}
	return b.Name + "@" + b.Digest
}

// natives says in one line what the native files are for.
func (p Platform) natives() string {
	if len(p.Native) == 0 {
		return "none in the layers that were read"
	}
	count := map[string]int{}
	for _, f := range p.Native {
		name := f.Architecture
		if f.Libc != "" {
			name += " " + string(f.Libc)
		}
		count[name]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d for %s", count[name], name))
	}
	return strings.Join(parts, ", ")
}

func (p Platform) weight() string {
	if p.App == 0 {
		return amount(p.Size)
	}
	return fmt.Sprintf("%s, of which the app %s", amount(p.Size), amount(p.App))
}

func (l Layer) count() string {
	if l.Files < 0 {
		return "not read"
	}
	if l.Files == 1 {
		return "1 file, " + amount(l.Unpacked)
	}
	return fmt.Sprintf("%d files, %s", l.Files, amount(l.Unpacked))
}

// short bounds a line of history.
func short(line string) string {
	const most = 120
	if runes := []rune(line); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return line
}

// Summary tells each platform in one line.
func (i Inspection) Summary() []string {
	lines := make([]string, len(i.Platforms))
	for n, p := range i.Platforms {
		lines[n] = fmt.Sprintf("%s native files: %s", p.Platform, p.natives())
	}
	return lines
}

func (i Inspection) names() []string {
	var names []string
	for _, p := range i.Platforms {
		names = append(names, p.Platform)
	}
	return names
}

func (i Inspection) platformOf(digest string) string {
	for _, p := range i.Platforms {
		if p.Digest == digest {
			return p.Platform
		}
	}
	return digest
}

func (i Inspection) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Image\n\n`%s`\n\n| platform | digest | size | app | base | native files |\n|---|---|---:|---:|---|---|\n", i.Reference)
	for _, p := range i.Platforms {
		app := "-"
		if p.App > 0 {
			app = amount(p.App)
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", p.Platform, p.Digest, amount(p.Size), app, p.Base.text(), p.natives())
	}
	for _, p := range i.Platforms {
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n| | |\n|---|---|\n", p.Platform)
		for _, line := range p.runs() {
			fmt.Fprintf(&b, "| %s | `%s` |\n", line[0], strings.ReplaceAll(line[1], "|", `\|`))
		}
		b.WriteString("\n| layer | size | of | files | what |\n|---|---:|---|---|---|\n")
		for _, l := range p.Layers {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", l.Digest[:min(len(l.Digest), 19)], amount(l.Size), cmp.Or(l.Of, "-"), l.count(), strings.ReplaceAll(short(l.What), "|", `\|`))
		}
		b.WriteString("\n</details>\n")
	}
	for _, f := range i.Findings {
		fmt.Fprintf(&b, "\n> %s: %s\n", mark(f), f)
	}
	for _, n := range i.Notes {
		fmt.Fprintf(&b, "\n> %s\n", n)
	}
	return b.String()
}

// amount gives decimal units, as registries show them.
func amount(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
