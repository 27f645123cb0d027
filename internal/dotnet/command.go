package dotnet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Command is what a project says of the command that a container starts, in the words of the .NET SDK's container support,
// https://learn.microsoft.com/dotnet/core/containers/publish-configuration#containerappcommand
type Command struct {
	// Instruction says where the app's command goes: Entrypoint, DefaultArgs or None; "" lets the rest decide.
	Instruction                string
	Entrypoint, EntrypointArgs []string
	App, AppArgs               []string
	DefaultArgs                []string
}

// Resolve gives ENTRYPOINT and CMD. The app's own command is that of a project that names none; base is the base image's entry
// point, which stays where nothing is put in its place. The rule is the SDK's,
// https://github.com/dotnet/sdk/blob/main/src/Containers/Microsoft.NET.Build.Containers/ImageBuilder.cs (DetermineEntrypointAndCmd)
func (c Command) Resolve(own, base []string) (entrypoint, cmd []string, err error) {
	app := c.App
	if len(app) == 0 && !strings.EqualFold(c.Instruction, "None") {
		app = own
	}
	entrypoint, cmd = slices.Concat(c.Entrypoint, c.EntrypointArgs), c.DefaultArgs
	instruction := c.Instruction
	switch {
	case instruction != "":
	case len(entrypoint) == 0:
		instruction = "Entrypoint"
	case len(c.Entrypoint) == 0 && len(c.DefaultArgs) == 0 && len(c.AppArgs) == 0:
		// Before there was an app command, ContainerEntrypointArgs were its default arguments.
		return app, c.EntrypointArgs, nil
	default:
		instruction = "DefaultArgs"
	}
	switch {
	case len(c.EntrypointArgs) > 0 && len(c.Entrypoint) == 0:
		return nil, nil, errors.New("ContainerEntrypointArgs is set without ContainerEntrypoint: set that too, or use ContainerAppCommandArgs")
	case len(c.AppArgs) > 0 && len(app) == 0:
		return nil, nil, errors.New("ContainerAppCommandArgs is set without ContainerAppCommand: set that too, or leave the arguments out")
	}
	switch strings.ToLower(instruction) {
	case "none":
		if len(app) > 0 {
			return nil, nil, errors.New("ContainerAppCommand is set, and ContainerAppCommandInstruction is None, so it would not be used: leave one of them out")
		}
	case "defaultargs":
		cmd = slices.Concat(app, c.AppArgs, c.DefaultArgs)
	case "entrypoint":
		if len(entrypoint) > 0 {
			return nil, nil, errors.New("ContainerEntrypoint is set, and ContainerAppCommandInstruction is Entrypoint, which puts the app's command there: say DefaultArgs or None")
		}
		entrypoint = slices.Concat(app, c.AppArgs)
	default:
		return nil, nil, fmt.Errorf("ContainerAppCommandInstruction %q does not exist: use one of Entrypoint, DefaultArgs, None", instruction)
	}
	// `dotnet` as an entry point of the base is that of an image to run commands in, not of a wrapper.
	wrapper := len(base) != 1 || base[0] != "dotnet" && base[0] != "/usr/bin/dotnet"
	if len(entrypoint) == 0 && wrapper {
		entrypoint = base
	}
	return entrypoint, cmd, nil
}
