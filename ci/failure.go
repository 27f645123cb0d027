package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// toolError gives what the .NET tools themselves said: their error lines, each once, and the cure where one is known.
func toolError(doing string, err error) error {
	var failed *dagger.ExecError
	if !errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	said := failed.Stdout + "\n" + failed.Stderr
	if failed.ExitCode == 137 {
		lines := append(dotnet.ErrorLines(said), "the build was killed, most likely for want of memory: give the engine more")
		return fmt.Errorf("%s failed:\n%s", doing, strings.Join(lines, "\n"))
	}
	return failure(doing, said)
}

// failure is what a tool said that failed.
func failure(doing, said string) error {
	lines := dotnet.ErrorLines(said)
	if len(lines) == 0 {
		lines = dotnet.LastLines(said, 8)
	}
	return fmt.Errorf("%s failed:\n%s", doing, strings.Join(lines, "\n"))
}

// output is all that a command printed which was allowed to fail.
func output(ctx context.Context, ran *dagger.Container) (string, error) {
	stdout, err := ran.Stdout(ctx)
	if err != nil {
		return "", err
	}
	stderr, err := ran.Stderr(ctx)
	return stdout + "\n" + stderr, err
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
