package publication

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Release is what a push of several apps gave. The names in its JSON are a contract, as those of a Publication are.
type Release struct {
	// DryRun says that nothing was sent, and that the figures are of what would be.
	DryRun bool `json:"dryRun,omitempty"`
	// Apps in the order in which they were named, or by their projects' paths. Their seconds are those of their own steps.
	Apps []Publication `json:"apps"`
	// Sent counts the apps of which something was sent; all of the others was already there.
	Sent int `json:"sent"`
	// Blobs and BytesSent are those of all apps.
	Blobs     Blobs `json:"blobs"`
	BytesSent int64 `json:"bytesSent"`
	// Seconds by step, in the order of Steps, for all apps; some are built side by side.
	Seconds map[string]float64 `json:"seconds"`
	// Notes are of the call; those of an app are with it.
	Notes []string `json:"notes,omitempty"`
}

// NewRelease sums up what the apps' pushes gave.
func NewRelease(apps []Publication, seconds map[string]float64, notes []string) Release {
	r := Release{Apps: apps, Seconds: seconds, Notes: notes}
	for _, p := range apps {
		r.DryRun = r.DryRun || p.DryRun
		if p.BytesSent > 0 {
			r.Sent++
		}
		r.BytesSent += p.BytesSent
		r.Blobs.Sent += p.Blobs.Sent
		r.Blobs.Mounted += p.Blobs.Mounted
		r.Blobs.Present += p.Blobs.Present
	}
	return r
}

// String gives the release in the format: text, json or markdown.
func (r Release) String(format string) (string, error) {
	return inFormat(format, r, r.text, r.markdown)
}

func (r Release) text() string {
	var b strings.Builder
	for _, p := range r.Apps {
		for _, reference := range p.references() {
			fmt.Fprintf(&b, "%s\n", reference)
		}
	}
	fmt.Fprintf(&b, "\n%s\n\n", r.summary())
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, p := range r.Apps {
		fmt.Fprintf(table, "%s\t%s\t%s\n", p.Project, strings.Join(p.allTags(), ", "), p.push(p.Blobs, p.BytesSent))
	}
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	b.WriteString("\n")
	table = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	r.each(Publication.base, func(base string) { fmt.Fprintf(table, "base\t%s\n", base) })
	r.each(func(p Publication) string { return p.SDK }, func(sdk string) { fmt.Fprintf(table, "sdk\t%s\n", sdk) })
	if names := passed(r.Apps); names != "" {
		fmt.Fprintf(table, "passed\t%s\n", names)
	}
	fmt.Fprintf(table, "seconds\t%s\n", seconds(r.Seconds))
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

func (r Release) markdown() string {
	var b strings.Builder
	title := "Published images"
	if r.DryRun {
		title = "Images of a dry run: none of it was sent"
	}
	fmt.Fprintf(&b, "### %s\n\n%s\n\n| project | image | tags | push |\n|---|---|---|---|\n", title, r.summary())
	for _, p := range r.Apps {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", p.Project, strings.Join(quoted(p.references()), "<br>"), code(p.allTags()), p.push(p.Blobs, p.BytesSent))
	}
	b.WriteString("\n")
	r.each(Publication.base, func(base string) { fmt.Fprintf(&b, "Base: `%s`. ", base) })
	r.each(func(p Publication) string { return p.SDK }, func(sdk string) { fmt.Fprintf(&b, "SDK: `%s`. ", sdk) })
	if names := passed(r.Apps); names != "" {
		fmt.Fprintf(&b, "Passed: %s. ", names)
	}
	fmt.Fprintf(&b, "Seconds: %s.\n", seconds(r.Seconds))
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	return b.String()
}

// summary is one line: how many apps, and what had to be sent.
func (r Release) summary() string {
	there := len(r.Apps) - r.Sent
	apps := fmt.Sprintf("%d apps", len(r.Apps))
	if len(r.Apps) == 1 {
		apps = "1 app"
	}
	switch {
	case r.DryRun:
		return fmt.Sprintf("%s: %d would be sent (%s), %d already there (a dry run: none of it was sent)", apps, r.Sent, bytes(r.BytesSent), there)
	case r.Sent == 0:
		return apps + ": all of it was already there, nothing sent"
	}
	return fmt.Sprintf("%s: %d sent (%s), %d already there", apps, r.Sent, bytes(r.BytesSent), there)
}

// each calls for every value that the apps have, once and in their order; "" is none.
func (r Release) each(of func(Publication) string, call func(string)) {
	var seen []string
	for _, p := range r.Apps {
		value := of(p)
		if value != "" && !slices.Contains(seen, value) {
			seen = append(seen, value)
			call(value)
		}
	}
}

// notes are those of the call and of the apps, each once.
func (r Release) notes() []string {
	var notes []string
	add := func(list []string) {
		for _, note := range list {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	add(r.Notes)
	for _, p := range r.Apps {
		add(p.Notes)
	}
	return notes
}

// references are those of every destination.
func (p Publication) references() []string {
	references := []string{p.Reference}
	for _, d := range p.others() {
		references = append(references, d.Reference)
	}
	return references
}

// allTags are those of every destination, each once.
func (p Publication) allTags() []string {
	tags := slices.Clone(p.Tags)
	for _, d := range p.others() {
		for _, tag := range d.Tags {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
