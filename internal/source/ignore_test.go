package source

import (
	"slices"
	"testing"
)

func TestIgnored(t *testing.T) {
	got, err := Ignored("# editors\n**/.vs\n\n/docs\n!docs/api\n")
	if err != nil || !slices.Equal(got, []string{"**/.vs", "docs", "!docs/api"}) {
		t.Errorf("Ignored = %q, %v", got, err)
	}
	if got, err := Ignored("a[\n"); err == nil {
		t.Errorf("a pattern that is none: %q", got)
	}
}
