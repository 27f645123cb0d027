package image

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// Whoever copies an index may write down again what it understands of it: with a field more or fewer the digest is another.
func TestAnIndexHasOnlyWhatEveryReaderKnows(t *testing.T) {
	index, err := Index([]Part{part(t)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := index.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Manifests []map[string]any }
	if err := json.Unmarshal(raw, &manifest); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(manifest.Manifests[0])); !slices.Equal(got, []string{"digest", "mediaType", "platform", "size"}) {
		t.Errorf("fields %q", got)
	}
}
