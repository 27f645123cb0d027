package main

import (
	"context"
	"fmt"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/comparison"
)

// ShowComparison gives a comparison that was made before in another format, without measuring again.
func (m *DotnetMultiarch) ShowComparison(
	ctx context.Context,

	// What --format json of compare-architectures or compare-strategies gave.
	result *dagger.File,

	// What to print: text, json, markdown or svg.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := comparison.CheckFormat(format); err != nil {
		return "", err
	}
	text, err := result.Contents(ctx)
	if err != nil {
		return "", fmt.Errorf("reading --result: %w", oneLine(err))
	}
	c, err := comparison.Read(text)
	if err != nil {
		return "", err
	}
	return comparison.Format(c, format)
}
