package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// projectCheck is a plan for a look at all projects of the source, apps or not.
type projectCheck struct {
	*plan
	// tops are the projects that bring in all others but left, of which a restore here may fail.
	tops     []dotnet.Project
	left     []string
	restored *dagger.Container
}

// projectCheck restores the projects.
func (m *DotnetMultiarch) projectCheck(ctx context.Context) (*projectCheck, error) {
	p := &projectCheck{plan: &plan{}}
	if err := m.prepare(ctx, p.plan); err != nil {
		return nil, err
	}
	files := p.tree.Find(dotnet.IsProject)
	if len(files) == 0 {
		return nil, fmt.Errorf("looking for projects in the source: there is no .csproj, .fsproj or .vbproj: give the folder of a .NET project or solution with --source")
	}
	var err error
	if p.projects, err = p.describe(ctx, withoutFramework(p.settings), files); err != nil {
		return nil, err
	}
	if len(p.unread) > 0 {
		return nil, fmt.Errorf("reading the projects failed:\n%s", strings.Join(p.unread, "\n"))
	}
	if tag := dotnet.TestSDK(p.projects); tag != "" && m.SdkImage == "" && p.sdk.image == m.sdkReference(dotnet.LatestLTS) {
		if p.sdk, err = p.environment(ctx, m, m.sdkReference(tag)); err != nil {
			return nil, err
		}
	}
	p.tops, p.left = dotnet.Tops(p.projects)
	if len(p.tops) == 0 {
		return nil, fmt.Errorf("looking for projects in the source: none is built on Linux alone: %s", strings.Join(p.left, ", "))
	}
	packed, err := p.tree.Pack(p.inputs)
	if err != nil {
		return nil, err
	}
	p.restored, err = p.step(p.sdk.container, packed, dotnet.RestoreProjects(p.settings, p.tops), dagger.ReturnTypeSuccess).Sync(ctx)
	if err != nil {
		return nil, toolError("restoring the projects", err)
	}
	return p, nil
}

// ran runs a command that may fail.
func ran(ctx context.Context, in *dagger.Container, command []string) (said string, code int, err error) {
	done := in.WithExec(command, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	if code, err = done.ExitCode(ctx); err != nil {
		return "", 0, err
	}
	said, err = output(ctx, done)
	return said, code, err
}

// verifyFormat says which files are not formatted.
func (p *projectCheck) verifyFormat(ctx context.Context) (string, error) {
	const doing = "checking the format"
	_, code, err := ran(ctx, p.sdk.container, dotnet.FormatVersion())
	if err != nil {
		return "", toolError(doing, err)
	}
	if code != 0 {
		return fmt.Sprintf("the format was not checked: %s has no dotnet format: give an SDK that does with --sdk-image", p.sdk.image), nil
	}
	whole := p.restored.WithDirectory(p.settings.Dir(), p.source)
	targets := dotnet.FormatTargets(p.projects, p.tree.Paths())
	var wrong strings.Builder
	for _, target := range targets {
		said, code, err := ran(ctx, whole, dotnet.VerifyFormat(p.settings, target))
		if err != nil {
			return "", toolError(doing, err)
		}
		if code != 0 {
			wrong.WriteString(said)
		}
	}
	if wrong.Len() > 0 {
		return "", fmt.Errorf("%w\ndotnet format, without --verify-no-changes, mends it", failure(doing, wrong.String()))
	}
	return "formatted: " + strings.Join(targets, ", "), nil
}

// listDoubts says which packages the sources have something against. What they say changes with no change of the source, so
// they are asked each time.
func (p *projectCheck) listDoubts(ctx context.Context) (string, error) {
	const doing = "checking the packages"
	help, _, err := ran(ctx, p.sdk.container, dotnet.ListPackagesHelp())
	if err != nil {
		return "", toolError(doing, err)
	}
	now := p.restored.WithEnvVariable(runVariable, nonce())
	var doubts dotnet.Doubts
	for _, top := range p.tops {
		for _, doubt := range []dotnet.Doubt{dotnet.Vulnerable, dotnet.Deprecated} {
			done := now.WithExec(dotnet.ListPackages(p.settings, top, doubt, help), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
			code, err := done.ExitCode(ctx)
			if err != nil {
				return "", toolError(doing, err)
			}
			report, err := done.Stdout(ctx)
			if err != nil {
				return "", toolError(doing, err)
			}
			if code != 0 {
				said, err := output(ctx, done)
				if err != nil {
					return "", toolError(doing, err)
				}
				if dotnet.SourceSilent(said) {
					return "the packages were not checked, since a source of packages did not answer: " + strings.Join(dotnet.LastLines(said, 1), ""), nil
				}
				return "", failure(doing, said)
			}
			if err := doubts.Read(report, p.settings.Dir()); err != nil {
				return "", err
			}
		}
	}
	if lines := doubts.Lines(); len(lines) > 0 {
		return "", fmt.Errorf("%s: found %d that are vulnerable or deprecated:\n%s", doing, len(lines), strings.Join(lines, "\n"))
	}
	telling := doubts.Telling()
	if len(telling) == 0 {
		return p.withLeft("the packages were not checked: a folder does not tell which are vulnerable or deprecated, and there is no other source than " + strings.Join(doubts.Sources, ", ")), nil
	}
	return p.withLeft("no package is vulnerable or deprecated, as far as is known to " + strings.Join(telling, ", ")), nil
}

// withLeft adds which projects were not looked at.
func (p *projectCheck) withLeft(said string) string {
	if len(p.left) > 0 {
		said += "\nnot looked at: " + strings.Join(p.left, ", ")
	}
	return said
}
