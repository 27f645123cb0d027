package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

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

// batch is apps that are restored in one step, in the same environment for the same platforms.
type batch struct {
	apps     []*app
	restored *dagger.Container
}

// inBatches puts every app into the first batch whose steps it can share without being seen by the others.
func (p *plan) inBatches() []*batch {
	var batches []*batch
	for _, a := range p.apps {
		i := slices.IndexFunc(batches, func(b *batch) bool {
			return !slices.ContainsFunc(b.apps, func(other *app) bool {
				return a.sdk != other.sdk || a.settings != other.settings || !slices.Equal(a.identifiers, other.identifiers) ||
					!dotnet.Together(a.Project, other.Project, p.projects)
			})
		})
		if i < 0 {
			i = len(batches)
			batches = append(batches, &batch{})
		}
		batches[i].apps = append(batches[i].apps, a)
	}
	return batches
}

// restore is keyed on what decides a restore alone. Before it comes the linker of Native AOT, where that is the mode.
func (p *plan) restore(ctx context.Context) error {
	packed, err := p.tree.Pack(p.inputs)
	if err != nil {
		return err
	}
	p.batches = p.inBatches()
	return sideBySide(ctx, p.batches, func(ctx context.Context, b *batch) (err error) {
		one := b.apps[0]
		sdk := one.sdk.container
		if one.Mode() == dotnet.NativeAOT {
			sdk = sdk.WithExec(dotnet.Toolchain(one.identifiers))
		}
		restore := dotnet.Restore(one.settings, projectsOf(b.apps), one.identifiers)
		if b.restored, err = p.step(sdk, packed, restore, dagger.ReturnTypeSuccess).Sync(ctx); err != nil {
			return toolError("restoring "+strings.Join(pathsOf(b.apps), ", "), err)
		}
		return nil
	})
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

// compileLibraries compiles what the apps refer to, once for all apps of a batch that have a library in common.
func (p *plan) compileLibraries(ctx context.Context) error {
	type set struct {
		restored *dagger.Container
		apps     []*app
	}
	var sets []set
	for _, b := range p.batches {
		for _, places := range dotnet.Sharing(projectsOf(b.apps), p.projects) {
			s := set{restored: b.restored}
			for _, i := range places {
				s.apps = append(s.apps, b.apps[i])
			}
			if len(s.apps) > 1 && p.tree.Size(p.libraryInputs(s.apps)) > largestConstant {
				for _, a := range s.apps {
					sets = append(sets, set{b.restored, []*app{a}})
				}
				continue
			}
			sets = append(sets, s)
		}
	}
	return sideBySide(ctx, sets, func(ctx context.Context, s set) error {
		compiled, err := p.withLibraries(ctx, s.restored, s.apps)
		for _, a := range s.apps {
			a.libraries = compiled
		}
		return err
	})
}

// libraryInputs are the files that the libraries of some apps may need.
func (p *plan) libraryInputs(apps []*app) func(file string) bool {
	inputs, reason := dotnet.LibraryInputs(projectsOf(apps), p.projects)
	if reason != "" {
		return nil
	}
	return func(file string) bool {
		return inputs(file) && slices.ContainsFunc(apps, func(a *app) bool { return a.related(file) })
	}
}

// withLibraries is keyed on the files outside the apps' folders; the libraries among them are compiled here.
func (p *plan) withLibraries(ctx context.Context, restored *dagger.Container, apps []*app) (*libraries, error) {
	_, reason := dotnet.LibraryInputs(projectsOf(apps), p.projects)
	holds := p.libraryInputs(apps)
	if reason == "" && p.tree.Size(holds) > largestConstant {
		reason = fmt.Sprintf("their folders hold more than %d MB", largestConstant>>20)
	}
	if reason != "" {
		l := &libraries{container: restored}
		if len(apps[0].References()) > 0 {
			l.note = "libraries are compiled with the app, in one step: " + reason
		}
		return l, nil
	}
	packed, err := p.tree.Pack(holds)
	if err != nil {
		return nil, err
	}
	compile := dotnet.CompileReferences(apps[0].settings, projectsOf(apps), apps[0].identifiers)
	container := p.step(restored, packed, compile, dagger.ReturnTypeAny)
	code, err := container.ExitCode(ctx)
	if err != nil {
		return nil, toolError("compiling the libraries of "+strings.Join(pathsOf(apps), ", "), err)
	}
	return &libraries{container: container, holds: holds, compiled: code == 0}, nil
}

// largestConstant is how many bytes of source a step takes as a constant: it travels as text, in memory. A larger source
// goes in as the directory it is, and an edit of any of its files publishes again.
const largestConstant = 64 << 20

// publish lays the rest of the source beside the libraries, publishes an app there, and gives the container after that.
func (p *plan) publish(ctx context.Context, a *app) (*dagger.Container, error) {
	published, err := p.publishing(a)
	if err != nil {
		return nil, err
	}
	if published, err = published.Sync(ctx); err != nil {
		return nil, toolError("publishing "+a.Path, err)
	}
	return published, nil
}

func (p *plan) publishing(a *app) (*dagger.Container, error) {
	after := a.libraries
	publish := dotnet.Publish(a.settings, a.Project, a.identifiers, after.compiled)
	rest := func(file string) bool { return a.related(file) && (after.holds == nil || !after.holds(file)) }
	if p.tree.Size(rest) > largestConstant {
		return after.container.WithDirectory(p.settings.Dir(), p.source).WithExec(publish), nil
	}
	packed, err := p.tree.Pack(rest)
	if err != nil {
		return nil, err
	}
	return p.step(after.container, packed, publish, dagger.ReturnTypeSuccess), nil
}

// sideBySide calls f for all items, as many at once as there are processors, and ends with the first error.
func sideBySide[T any](ctx context.Context, items []T, f func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, item := range items {
		group.Go(func() error { return f(ctx, item) })
	}
	return group.Wait()
}
