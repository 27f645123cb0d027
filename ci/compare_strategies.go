package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/comparison"
)

// CompareStrategies builds the app natively, for a foreign platform under emulation, and for it by cross-compilation, with
// nothing cached and after an edit of one line, and gives time, CPU, memory, image size and whether it worked at all. Nothing is pushed.
//
// +cache="never"
func (m *DotnetMultiarch) CompareStrategies(
	ctx context.Context,

	// How often each is built; the medians are given.
	//
	// +optional
	// +default=1
	runs int,

	// How long one build may take, such as 10m. One that takes longer has not worked.
	//
	// +optional
	// +default="10m"
	buildTimeout string,

	// What to print: text, json, markdown or svg.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := comparison.CheckFormat(format); err != nil {
		return "", err
	}
	if runs < 1 || runs > 21 {
		return "", fmt.Errorf("reading --runs %d: want 1 to 21", runs)
	}
	limit, err := time.ParseDuration(buildTimeout)
	if err != nil || limit < time.Second || limit > 2*time.Hour {
		return "", fmt.Errorf("reading --build-timeout %q: want a time from 1s to 2h, such as 10m", buildTimeout)
	}
	contest, err := m.contest(ctx, limit)
	if err != nil {
		return "", err
	}
	result, err := contest.held(ctx, runs)
	if err != nil {
		return "", err
	}
	return comparison.Format(result, format)
}
