package main

import (
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

// restored is keyed on what decides a restore alone. Before it comes the linker of Native AOT, where that is the mode.
func (p *plan) restored() (*dagger.Container, error) {
	packed, err := p.tree.Pack(p.inputs)
	if err != nil {
		return nil, err
	}
	sdk := p.sdk
	if p.app.Mode() == dotnet.NativeAOT {
		sdk = sdk.WithExec(dotnet.Toolchain(p.identifiers))
	}
	return p.step(sdk, packed, dotnet.Restore(p.settings, p.app, p.identifiers), dagger.ReturnTypeSuccess), nil
}

// withLibraries is keyed on the files outside the app's folder; the libraries among them are compiled here. The note says
// why this step is left out where the tree's shape forbids it.
func (p *plan) withLibraries(restored *dagger.Container) (container *dagger.Container, note string, err error) {
	inputs, reason := dotnet.LibraryInputs(p.app, p.projects)
	libraries := func(file string) bool { return inputs(file) && p.related(file) }
	if reason == "" && p.tree.Size(libraries) > largestConstant {
		reason = fmt.Sprintf("their folders hold more than %d MB", largestConstant>>20)
	}
	if reason != "" {
		if len(p.app.References()) > 0 {
			note = "libraries are compiled with the app, in one step: " + reason
		}
		return restored, note, nil
	}
	packed, err := p.tree.Pack(libraries)
	if err != nil {
		return nil, "", err
	}
	// Should this fail, the publish step compiles everything itself and reports what is wrong.
	compile := dotnet.CompileReferences(p.settings, p.app, p.identifiers)
	return p.step(restored, packed, compile, dagger.ReturnTypeAny), "", nil
}

// largestConstant is how many bytes of source a step takes as a constant: it travels as text, in memory. A larger source
// goes in as the directory it is, and an edit of any of its files publishes again.
const largestConstant = 64 << 20

// related says whether a file may have a part in the app.
func (p *plan) related(file string) bool { return !dotnet.Within(file, p.outside...) }

func (p *plan) published(libraries *dagger.Container) (*dagger.Container, error) {
	publish := dotnet.Publish(p.settings, p.app, p.identifiers)
	if p.tree.Size(p.related) > largestConstant {
		return libraries.WithDirectory(p.settings.Dir(), p.source).WithExec(publish), nil
	}
	packed, err := p.tree.Pack(p.related)
	if err != nil {
		return nil, err
	}
	return p.step(libraries, packed, publish, dagger.ReturnTypeSuccess), nil
}
