package publication

import (
	"encoding/json"
	"strings"
	"testing"
)

func copied() Promotion {
	return Promotion{
		Reference: "b.example/app@sha256:1", From: "a.example/app@sha256:1", Digest: "sha256:1", Tags: []string{"1.0", "stable"},
		Platforms: []PromotedPlatform{{"linux/amd64", "sha256:2", 93_324_710}, {"linux/arm64", "sha256:3", 999}},
		Manifests: 4, Blobs: Blobs{Sent: 3, Mounted: 2, Present: 1}, BytesSent: 4_600, Seconds: map[string]float64{"copy": 0.42}, Notes: []string{"made it"},
	}
}

func TestPromotionNamesInJSONAreAContract(t *testing.T) {
	text, err := copied().String("json")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reference", "from", "digest", "tags", "platforms", "manifests", "blobs", "bytesSent", "seconds", "notes"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not in %s", name, text)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("names that docs/registries.md does not have: %v", got)
	}
	tagged := copied()
	tagged.From = ""
	if text, err := tagged.String("json"); err != nil || strings.Contains(text, `"from"`) {
		t.Errorf("a tag came from nowhere: %v\n%s", err, text)
	}
}

func TestPromotionForPeople(t *testing.T) {
	unsent := copied()
	unsent.BytesSent, unsent.Blobs = 0, Blobs{}
	tagged := copied()
	tagged.From, tagged.Blobs, tagged.Seconds = "", Blobs{}, map[string]float64{"tag": 0.1}
	for _, c := range []struct {
		of     Promotion
		format string
		says   []string
	}{
		{copied(), "text", []string{
			"b.example/app@sha256:1\n\n", "from         a.example/app@sha256:1\n", "tags         1.0, stable\n", "linux/amd64  sha256:2  93.3 MB\n",
			"linux/arm64  sha256:3  999 B\n", "manifests    4\n", "sent         4.6 kB in 3 blobs, mounted 2, 1 already there\n", "seconds      copy 0.4\nnote: made it\n",
		}},
		{unsent, "text", []string{"sent         nothing, all of it was already there\n"}},
		{tagged, "text", []string{"b.example/app@sha256:1\n\ntags ", "sent         4.6 kB\n", "tag 0.1"}},
		{copied(), "markdown", []string{"### Copied image", "From: `a.example/app@sha256:1` · Tags: `1.0`, `stable`", "| linux/amd64 | `sha256:2` | 93.3 MB |", "\n> made it\n"}},
		{tagged, "markdown", []string{"### Tagged image", "\nTags: `1.0`"}},
	} {
		text, err := c.of.String(c.format)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s does not say %q:\n%s", c.format, s, text)
			}
		}
	}
}
