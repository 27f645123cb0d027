// Package publication describes a push to people and programs: as text, JSON and Markdown. The names in the JSON are a
// contract; docs/publication.md lists them.
package publication

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Publication is what a push gave.
type Publication struct {
	// Project is the path of the app's project in the source, where several apps are published in one call; absent for one.
	Project string `json:"project,omitempty"`
	// DryRun says that nothing was sent, and that the figures are of what would be.
	DryRun bool `json:"dryRun,omitempty"`
	// Reference is the repository with the index's digest: what to deploy. With several destinations it is the first's, as
	// Tags are; Blobs and BytesSent are those of all.
	Reference string     `json:"reference"`
	Digest    string     `json:"digest"`
	Tags      []string   `json:"tags"`
	Platforms []Platform `json:"platforms"`
	Blobs     Blobs      `json:"blobs"`
	// BytesSent counts request bodies: blobs and manifests.
	BytesSent int64 `json:"bytesSent"`
	// Seconds by step, in the order of Steps; a cached step takes next to none.
	Seconds map[string]float64 `json:"seconds"`
	// Base is the base image's canonical reference.
	Base string `json:"base"`
	// BaseDigest is what the reference stood for: the index that was built on.
	BaseDigest string `json:"baseDigest"`
	// SDK is the image that was built in, with its digest; absent where nothing was built.
	SDK string `json:"sdk,omitempty"`
	// RebasedFrom is the reference with digest of the image that was moved to another base; absent where one was built.
	RebasedFrom string `json:"rebasedFrom,omitempty"`
	// Ports that the image exposes, such as 8080/tcp.
	Ports []string `json:"ports,omitempty"`
	// Checks are those that were required before any tag was written, all of them passed; in the order in which they ran.
	Checks []Check `json:"checks,omitempty"`
	// Notes are lines that the user should see once: a fall-back, an end of support.
	Notes []string `json:"notes,omitempty"`
	// Destinations in the order given, where there are several.
	Destinations []Destination `json:"destinations,omitempty"`
}

// Destination is one repository that the image was pushed to.
type Destination struct {
	Reference string   `json:"reference"`
	Tags      []string `json:"tags"`
	Blobs     Blobs    `json:"blobs"`
	BytesSent int64    `json:"bytesSent"`
}

// Pushed sets what the destinations, of which there is one at least, got.
func (p *Publication) Pushed(destinations []Destination) {
	p.Reference, p.Tags, p.Blobs, p.BytesSent = destinations[0].Reference, destinations[0].Tags, Blobs{}, 0
	for _, d := range destinations {
		p.Blobs.Sent += d.Blobs.Sent
		p.Blobs.Mounted += d.Blobs.Mounted
		p.Blobs.Present += d.Blobs.Present
		p.BytesSent += d.BytesSent
	}
	p.Destinations = nil
	if len(destinations) > 1 {
		p.Destinations = destinations
	}
}

// Platform is one manifest of the index.
type Platform struct {
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	// Size in bytes of manifest, config and compressed layers, base included.
	Size int64 `json:"size"`
	// App is the part of Size that lies on top of the base.
	App int64 `json:"appSize"`
}

// Blobs counts the index's blobs by what the push did with them.
type Blobs struct {
	Sent    int `json:"sent"`
	Mounted int `json:"mounted"`
	Present int `json:"present"`
}

// Steps in the order in which they happen.
var Steps = []string{"preflight", "restore", "libraries", "publish", "assemble", "push"}

// Formats that String knows.
var Formats = []string{"text", "json", "markdown"}

// CheckFormat reports a format that String does not know.
func CheckFormat(format string) error {
	if slices.Contains(Formats, format) {
		return nil
	}
	return fmt.Errorf("format %q does not exist: use one of %s", format, strings.Join(Formats, ", "))
}

// String gives the publication in the format: text, json or markdown.
func (p Publication) String(format string) (string, error) {
	return inFormat(format, p, p.text, p.markdown)
}

// inFormat gives an answer as JSON, or in what its own functions make of it.
func inFormat(format string, answer any, text, markdown func() string) (string, error) {
	switch format {
	case "json":
		b, err := json.MarshalIndent(answer, "", "  ")
		return string(b) + "\n", err
	case "markdown":
		return markdown(), nil
	}
	return text(), nil
}

func (p Publication) text() string {
	var b strings.Builder
	for _, reference := range p.references() {
		fmt.Fprintf(&b, "%s\n", reference)
	}
	if p.DryRun {
		b.WriteString("(a dry run: none of it was sent)\n")
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(p.Destinations) == 0 {
		fmt.Fprintf(table, "tags\t%s\n", strings.Join(p.Tags, ", "))
	}
	fmt.Fprintf(table, "base\t%s\n", p.base())
	if p.SDK != "" {
		fmt.Fprintf(table, "sdk\t%s\n", p.SDK)
	}
	if p.RebasedFrom != "" {
		fmt.Fprintf(table, "from\t%s\n", p.RebasedFrom)
	}
	for _, platform := range p.Platforms {
		fmt.Fprintf(table, "%s\t%s  %s, of which the app %s\n", platform.Platform, platform.Digest, bytes(platform.Size), bytes(platform.App))
	}
	for _, d := range p.Destinations {
		fmt.Fprintf(table, "to %s\t%s; tags %s\n", d.repository(), p.push(d.Blobs, d.BytesSent), strings.Join(d.Tags, ", "))
	}
	fmt.Fprintf(table, "push\t%s\n", p.push(p.Blobs, p.BytesSent))
	for _, c := range p.Checks {
		fmt.Fprintf(table, "%s\t%s\n", c.Name, c.passed())
		for _, line := range c.Said {
			fmt.Fprintf(table, "\t%s\n", line)
		}
	}
	fmt.Fprintf(table, "seconds\t%s\n", seconds(p.Seconds))
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	if p.DryRun {
		return b.String()
	}
	b.WriteString("\nNext:\n")
	for _, platform := range p.Platforms {
		fmt.Fprintf(&b, "  docker run --rm%s --platform %s %s\n", p.mapped(), platform.Platform, p.Reference)
	}
	fmt.Fprintf(&b, "  docker pull %s\n", p.Reference)
	return b.String()
}

// mapped gives the options of docker run that map the exposed ports.
func (p Publication) mapped() string {
	var b strings.Builder
	for _, port := range p.Ports {
		number, _, _ := strings.Cut(port, "/")
		fmt.Fprintf(&b, " -p %s:%s", number, strings.TrimSuffix(port, "/tcp"))
	}
	return b.String()
}

func (p Publication) markdown() string {
	var b strings.Builder
	title := "Published image"
	if p.DryRun {
		title = "Image of a dry run: none of it was sent"
	}
	fmt.Fprintf(&b, "### %s\n\n`%s`\n\n", title, p.Reference)
	fmt.Fprintf(&b, "Tags: %s · Base: `%s`", code(p.Tags), p.base())
	if p.SDK != "" {
		fmt.Fprintf(&b, " · SDK: `%s`", p.SDK)
	}
	if p.RebasedFrom != "" {
		fmt.Fprintf(&b, " · From: `%s`", p.RebasedFrom)
	}
	b.WriteString("\n\n")
	b.WriteString("| platform | digest | size | app |\n|---|---|---:|---:|\n")
	for _, platform := range p.Platforms {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", platform.Platform, platform.Digest, bytes(platform.Size), bytes(platform.App))
	}
	if len(p.Destinations) > 0 {
		b.WriteString("\n| destination | tags | push |\n|---|---|---|\n")
	}
	for _, d := range p.Destinations {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Reference, code(d.Tags), p.push(d.Blobs, d.BytesSent))
	}
	fmt.Fprintf(&b, "\nPush: %s. Seconds: %s.\n", p.push(p.Blobs, p.BytesSent), seconds(p.Seconds))
	for _, c := range p.Checks {
		fmt.Fprintf(&b, "\n- %s %s\n", c.Name, c.passed())
		for _, line := range c.Said {
			fmt.Fprintf(&b, "  - %s\n", line)
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	if !p.DryRun {
		fmt.Fprintf(&b, "\n```\ndocker pull %s\n```\n", p.Reference)
	}
	return b.String()
}

// base names the base image with its digest, as it is pinned elsewhere.
func (p Publication) base() string {
	if p.BaseDigest == "" || strings.Contains(p.Base, "@") {
		return p.Base
	}
	return p.Base + "@" + p.BaseDigest
}

// others are the destinations after the first.
func (p Publication) others() []Destination {
	if len(p.Destinations) == 0 {
		return nil
	}
	return p.Destinations[1:]
}

func (d Destination) repository() string {
	repository, _, _ := strings.Cut(d.Reference, "@")
	return repository
}

func (p Publication) push(blobs Blobs, sent int64) string {
	if sent == 0 {
		if p.DryRun {
			return "all of it is already there, nothing to send"
		}
		return "all of it was already there, nothing sent"
	}
	form := "sent %s in %d blobs, mounted %d, %d already there"
	if p.DryRun {
		form = "would send %s in %d blobs, mount %d, %d already there"
	}
	return fmt.Sprintf(form, bytes(sent), blobs.Sent, blobs.Mounted, blobs.Present)
}

func seconds(of map[string]float64) string {
	var parts []string
	for _, step := range Steps {
		if s, ok := of[step]; ok {
			parts = append(parts, fmt.Sprintf("%s %.1f", step, s))
		}
	}
	return strings.Join(parts, ", ")
}

func code(list []string) string { return strings.Join(quoted(list), ", ") }

func quoted(list []string) []string {
	all := make([]string, len(list))
	for i, s := range list {
		all[i] = "`" + s + "`"
	}
	return all
}

// bytes gives decimal units, as registries show them.
func bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
