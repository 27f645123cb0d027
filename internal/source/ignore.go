package source

import (
	"fmt"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Ignored reads the patterns of a .dockerignore: relative to the root of the source, a later one beats an earlier one, and "!"
// takes files in again.
func Ignored(dockerignore string) ([]string, error) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(dockerignore))
	if err == nil {
		_, err = patternmatcher.New(patterns)
	}
	if err != nil {
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	return patterns, nil
}
