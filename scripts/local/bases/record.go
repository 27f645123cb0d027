package bases

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
)

// recipe is the version of how sets are composed. Every change to this package
// that changes an image raises it, so that older sets are composed again.
const recipe = 2

// record says what a composed set was made of and which images it is. It is
// written last: a set without one is not whole.
type record struct {
	Recipe int               `json:"recipe"`
	Inputs map[string]string `json:"inputs"` // bundle or npm packages, and the Debian packages of each root
	DotNet versions          `json:"dotnet"`
	Images []pushed          `json:"images"`
}

// pushed is an index in the registry.
type pushed struct {
	Repository string   `json:"repository"`
	Tag        string   `json:"tag"`
	Index      string   `json:"index"`     // digest
	Manifests  []string `json:"manifests"` // digests, one per platform
}

func readRecord(path string) (record, error) {
	var rec record
	data, err := os.ReadFile(path)
	if err != nil {
		return rec, err
	}
	return rec, json.Unmarshal(data, &rec)
}

func (r record) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := cache.WriteFile(path, append(data, '\n')); err != nil {
		return fmt.Errorf("noting what was composed: %w", err)
	}
	return nil
}
