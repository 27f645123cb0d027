package publication

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Promotion is what copy and tag gave. What it has in common with a Publication has the same name in its JSON.
type Promotion struct {
	// Reference is the repository with the digest: what to deploy.
	Reference string `json:"reference"`
	// From is where it was copied from, by digest; "" for tag.
	From      string             `json:"from,omitempty"`
	Digest    string             `json:"digest"`
	Tags      []string           `json:"tags"`
	Platforms []PromotedPlatform `json:"platforms"`
	// Manifests counts all below the index, also those of attestations; 1 where it is no index.
	Manifests int   `json:"manifests"`
	Blobs     Blobs `json:"blobs"`
	// BytesSent counts request bodies: blobs and manifests.
	BytesSent int64 `json:"bytesSent"`
	// Seconds by step: copy or tag.
	Seconds map[string]float64 `json:"seconds"`
	// Notes are lines that the user should see once: a repository that was made.
	Notes []string `json:"notes,omitempty"`
}

// PromotedPlatform is one manifest with a platform.
type PromotedPlatform struct {
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	// Size in bytes of manifest, config and compressed layers.
	Size int64 `json:"size"`
}

// String gives the promotion in the format: text, json or markdown.
func (p Promotion) String(format string) (string, error) {
	return inFormat(format, p, p.text, p.markdown)
}

func (p Promotion) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.Reference)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if p.From != "" {
		fmt.Fprintf(table, "from\t%s\n", p.From)
	}
	fmt.Fprintf(table, "tags\t%s\n", strings.Join(p.Tags, ", "))
	for _, platform := range p.Platforms {
		fmt.Fprintf(table, "%s\t%s  %s\n", platform.Platform, platform.Digest, bytes(platform.Size))
	}
	fmt.Fprintf(table, "manifests\t%d\n", p.Manifests)
	fmt.Fprintf(table, "sent\t%s\n", p.sent())
	fmt.Fprintf(table, "seconds\t%s\n", p.seconds())
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

func (p Promotion) markdown() string {
	var b strings.Builder
	title, from := "Tagged", ""
	if p.From != "" {
		title, from = "Copied", fmt.Sprintf("From: `%s` · ", p.From)
	}
	fmt.Fprintf(&b, "### %s image\n\n`%s`\n\n%sTags: %s\n\n", title, p.Reference, from, code(p.Tags))
	b.WriteString("| platform | digest | size |\n|---|---|---:|\n")
	for _, platform := range p.Platforms {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", platform.Platform, platform.Digest, bytes(platform.Size))
	}
	fmt.Fprintf(&b, "\nManifests: %d. Sent: %s. Seconds: %s.\n", p.Manifests, p.sent(), p.seconds())
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	return b.String()
}

func (p Promotion) sent() string {
	switch {
	case p.BytesSent == 0:
		return "nothing, all of it was already there"
	case p.Blobs == Blobs{}:
		return bytes(p.BytesSent)
	}
	return fmt.Sprintf("%s in %d blobs, mounted %d, %d already there", bytes(p.BytesSent), p.Blobs.Sent, p.Blobs.Mounted, p.Blobs.Present)
}

func (p Promotion) seconds() string {
	for step, seconds := range p.Seconds { // there is one
		return fmt.Sprintf("%s %.1f", step, seconds)
	}
	return ""
}
