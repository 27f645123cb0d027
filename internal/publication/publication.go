// Package publication describes a push to people and programs: as text, JSON and Markdown. The names in the JSON are a
// contract; docs/publication.md lists them.
package publication

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// Publication is what a push gave.
type Publication struct {
	// Reference is the repository with the index's digest: what to deploy.
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
	// Notes are lines that the user should see once: a fall-back, an end of support.
	Notes []string `json:"notes,omitempty"`
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
	for _, f := range Formats {
		if f == format {
			return nil
		}
	}
	return fmt.Errorf("format %q does not exist: use one of %s", format, strings.Join(Formats, ", "))
}

// String gives the publication in the format: text, json or markdown.
func (p Publication) String(format string) (string, error) {
	switch format {
	case "json":
		b, err := json.MarshalIndent(p, "", "  ")
		return string(b) + "\n", err
	case "markdown":
		return p.markdown(), nil
	}
	return p.text(), nil
}

func (p Publication) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.Reference)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "tags\t%s\n", strings.Join(p.Tags, ", "))
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
	fmt.Fprintf(table, "push\t%s\n", p.push())
	fmt.Fprintf(table, "seconds\t%s\n", p.seconds())
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	b.WriteString("\nNext:\n")
	for _, platform := range p.Platforms {
		fmt.Fprintf(&b, "  docker run --rm -p 8080:8080 --platform %s %s\n", platform.Platform, p.Reference)
	}
	fmt.Fprintf(&b, "  docker pull %s\n", p.Reference)
	return b.String()
}

func (p Publication) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Published image\n\n`%s`\n\n", p.Reference)
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
	fmt.Fprintf(&b, "\nPush: %s. Seconds: %s.\n", p.push(), p.seconds())
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	fmt.Fprintf(&b, "\n```\ndocker pull %s\n```\n", p.Reference)
	return b.String()
}

// base names the base image with its digest, as it is pinned elsewhere.
func (p Publication) base() string {
	if p.BaseDigest == "" || strings.Contains(p.Base, "@") {
		return p.Base
	}
	return p.Base + "@" + p.BaseDigest
}

func (p Publication) push() string {
	if p.BytesSent == 0 {
		return "all of it was already there, nothing sent"
	}
	return fmt.Sprintf("sent %s in %d blobs, mounted %d, %d already there", bytes(p.BytesSent), p.Blobs.Sent, p.Blobs.Mounted, p.Blobs.Present)
}

func (p Publication) seconds() string {
	var parts []string
	for _, step := range Steps {
		if s, ok := p.Seconds[step]; ok {
			parts = append(parts, fmt.Sprintf("%s %.1f", step, s))
		}
	}
	return strings.Join(parts, ", ")
}

func code(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = "`" + s + "`"
	}
	return strings.Join(quoted, ", ")
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
