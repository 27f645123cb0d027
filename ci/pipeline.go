package main

import (
	"context"
	"fmt"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// step adds files of the source to the build container and runs a command. The files go in as a constant that depends on
// their content alone: whatever else Dagger is given of a directory, it keys on the whole that it was taken from, and every
// edit of code would restore and compile the libraries again.
func (p *plan) step(from *dagger.Container, packed string, command []string, expect dagger.ReturnType) *dagger.Container {
	return from.
		WithNewFile(dotnet.InputFile, packed).
		WithExec(dotnet.WithInput(p.settings, command), dagger.ContainerWithExecOpts{Expect: expect})
}

// withPackages is keyed on what decides a restore alone. Before it comes the linker of Native AOT, where that is the mode.
func (p *plan) withPackages(ctx context.Context) (*dagger.Container, error) {
	packed, err := p.tree.Pack(p.inputs)
	if err != nil {
		return nil, err
	}
	sdk := p.sdk
	if p.app.Mode() == dotnet.NativeAOT {
		sdk = sdk.WithExec(dotnet.Toolchain(p.identifiers))
	}
	restored, err := p.step(sdk, packed, dotnet.Restore(p.settings, p.app, p.identifiers), dagger.ReturnTypeSuccess).Sync(ctx)
	if err != nil {
		return nil, toolError("restoring "+p.app.Path, err)
	}
	return restored, nil
}

// libraries is the build container after the libraries' step.
type libraries struct {
	container *dagger.Container
	// holds says which files of the source the step has laid there; nil where there was no step.
	holds func(file string) bool
	// compiled is false where there was no step or it failed: publishing compiles everything then and reports what is wrong.
	compiled bool
	// note says why there was no step where the tree's shape forbids it.
	note string
}

// withLibraries is keyed on the files outside the app's folder; the libraries among them are compiled here.
func (p *plan) withLibraries(ctx context.Context, restored *dagger.Container) (*libraries, error) {
	inputs, reason := dotnet.LibraryInputs(p.app, p.projects)
	holds := func(file string) bool { return inputs(file) && p.related(file) }
	if reason == "" && p.tree.Size(holds) > largestConstant {
		reason = fmt.Sprintf("their folders hold more than %d MB", largestConstant>>20)
	}
	if reason != "" {
		l := &libraries{container: restored}
		if len(p.app.References()) > 0 {
			l.note = "libraries are compiled with the app, in one step: " + reason
		}
		return l, nil
	}
	packed, err := p.tree.Pack(holds)
	if err != nil {
		return nil, err
	}
	compile := dotnet.CompileReferences(p.settings, p.app, p.identifiers)
	container := p.step(restored, packed, compile, dagger.ReturnTypeAny)
	code, err := container.ExitCode(ctx)
	if err != nil {
		return nil, toolError("compiling the libraries of "+p.app.Path, err)
	}
	return &libraries{container: container, holds: holds, compiled: code == 0}, nil
}

// largestConstant is how many bytes of source a step takes as a constant: it travels as text, in memory. A larger source
// goes in as the directory it is, and an edit of any of its files publishes again.
const largestConstant = 64 << 20

// related says whether a file may have a part in the app.
func (p *plan) related(file string) bool { return !dotnet.Within(file, p.outside...) }

// published lays the rest of the source beside the libraries and publishes the app.
func (p *plan) published(after *libraries) (*dagger.Container, error) {
	publish := dotnet.Publish(p.settings, p.app, p.identifiers, after.compiled)
	rest := func(file string) bool { return p.related(file) && (after.holds == nil || !after.holds(file)) }
	if p.tree.Size(rest) > largestConstant {
		return after.container.WithDirectory(p.settings.Dir(), p.source).WithExec(publish), nil
	}
	packed, err := p.tree.Pack(rest)
	if err != nil {
		return nil, err
	}
	return p.step(after.container, packed, publish, dagger.ReturnTypeSuccess), nil
}
