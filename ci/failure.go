package main

import (
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
	lines := dotnet.ErrorLines(failed.Stdout + "\n" + failed.Stderr)
	switch {
	case failed.ExitCode == 137:
		lines = append(lines, "the build was killed, most likely for want of memory: give the engine more")
	case len(lines) == 0:
		lines = append(lines, dotnet.LastLines(failed.Stdout+"\n"+failed.Stderr, 8)...)
	}
	return fmt.Errorf("%s failed:\n%s", doing, strings.Join(lines, "\n"))
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
