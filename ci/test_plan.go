package main

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	targets "github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// testPlan is a plan for the tests of the source instead of its app.
type testPlan struct {
	*plan
	tests    []dotnet.Project
	suites   []dotnet.TestSuite
	restored *dagger.Container
	platform targets.Platform
	// foreign says that the platform is not the engine's own.
	foreign bool
}

// testPlan finds the tests, restores them, and asks MSBuild again what they are: what packages say of them is known then.
func (m *DotnetMultiarch) testPlan(ctx context.Context, platform string) (*testPlan, error) {
	host, err := targets.Parse("linux/" + runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	t := &testPlan{plan: &plan{}, platform: host}
	if platform != "" {
		if t.platform, err = targets.Parse(platform); err != nil {
			return nil, err
		}
	}
	t.foreign = t.platform != host
	if err := m.prepare(ctx, t.plan); err != nil {
		return nil, err
	}
	if err := t.chooseTests(ctx, m.requests()); err != nil {
		return nil, err
	}
	if tag := dotnet.TestSDK(t.tests); tag != "" && m.SdkImage == "" && t.sdk.image == m.sdkReference(dotnet.LatestLTS) {
		if t.sdk, err = t.environment(ctx, m, m.sdkReference(tag)); err != nil {
			return nil, err
		}
	}
	if t.foreign { // before the source, so that no edit installs it again
		installed, err := t.sdk.container.WithExec(dotnet.InstallEmulator(t.platform.MachineName())).Sync(ctx)
		if err != nil {
			return nil, toolError("emulating "+t.platform.String(), err)
		}
		emulating := *t.sdk
		emulating.container = installed
		t.sdk = &emulating
	}
	if err := t.restoreTests(ctx); err != nil {
		return nil, err
	}
	return t, t.chooseSuites(ctx)
}

// how says in what way the tests run on their platform.
func (t *testPlan) how() string {
	if t.foreign {
		return "emulated by QEMU in user mode on linux/" + runtime.GOARCH + ": times mean nothing"
	}
	return "natively"
}

// chooseTests finds the test projects that the caller means.
func (t *testPlan) chooseTests(ctx context.Context, requests []string) error {
	files := t.tree.Find(dotnet.IsProject)
	if len(files) == 0 {
		return fmt.Errorf("looking for tests in the source: there is no .csproj, .fsproj or .vbproj (what .dockerignore or .gitignore leaves out does not count): give the folder of a .NET solution with --source")
	}
	var err error
	if t.projects, err = t.describe(ctx, withoutFramework(t.settings), files); err != nil {
		return err
	}
	if len(requests) == 0 {
		requests = []string{""}
	}
	for _, request := range requests {
		chosen, err := t.requested(ctx, request)
		if err != nil {
			return t.withUnread(err)
		}
		for _, test := range chosen {
			if !slices.ContainsFunc(t.tests, func(other dotnet.Project) bool { return other.Path == test.Path }) {
				t.tests = append(t.tests, test)
			}
		}
	}
	return nil
}

// requested gives the test projects that one request means: of a solution those that it lists.
func (t *testPlan) requested(ctx context.Context, request string) ([]dotnet.Project, error) {
	solution, err := dotnet.NamedSolution(request, t.tree.Paths())
	if err != nil {
		return nil, err
	}
	if solution == "" {
		return dotnet.ChooseTests(t.projects, request)
	}
	listed, err := t.listed(ctx, solution)
	if err != nil {
		return nil, err
	}
	return dotnet.ChooseTests(dotnet.Of(t.projects, listed), "")
}

// restoreTests is keyed on what decides a restore alone.
func (t *testPlan) restoreTests(ctx context.Context) error {
	packed, err := t.tree.Pack(t.inputs)
	if err != nil {
		return err
	}
	t.restored, err = t.step(t.sdk.container, packed, dotnet.RestoreProjects(t.settings, t.tests), dagger.ReturnTypeSuccess).Sync(ctx)
	if err != nil {
		return toolError("restoring the tests", err)
	}
	return nil
}

// chooseSuites makes a suite of each test project and framework.
func (t *testPlan) chooseSuites(ctx context.Context) error {
	text, err := t.tree.Read("global.json")
	if err != nil {
		return err
	}
	byGlobalJSON, err := dotnet.PlatformByGlobalJSON(text)
	if err != nil {
		return err
	}
	frameworks, err := dotnet.TestFrameworks(t.tests, t.settings.Framework)
	if err != nil {
		return err
	}
	for _, framework := range frameworks {
		settings := t.settings
		settings.Framework = framework.Name
		described, err := t.describeRestored(ctx, settings, framework.Projects)
		if err != nil {
			return err
		}
		for _, project := range described {
			runner := project.TestRunner(byGlobalJSON)
			switch {
			case runner == "":
				t.notes = append(t.notes, project.Path+" looks like a test project and is none after the restore: it sets neither IsTestProject nor IsTestingPlatformApplication")
			case project.FrameworkVersion() == "":
				t.notes = append(t.notes, fmt.Sprintf("%s is not tested for %s, which does not run on Linux", project.Path, project.Properties["TargetFramework"]))
			default:
				t.suites = append(t.suites, dotnet.TestSuite{Project: project, Framework: framework.Name, Runner: runner})
			}
		}
	}
	if len(t.suites) == 0 {
		return fmt.Errorf("looking for tests: %s", strings.Join(t.notes, "; "))
	}
	return nil
}

// describeRestored asks MSBuild about restored projects.
func (t *testPlan) describeRestored(ctx context.Context, settings dotnet.Settings, files []string) ([]dotnet.Project, error) {
	described := t.restored.WithExec(dotnet.Describe(settings, files), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	said, err := output(ctx, described)
	if err != nil {
		return nil, toolError("reading the test projects", err)
	}
	if len(dotnet.ErrorLines(said)) > 0 {
		return nil, failure("reading the test projects", said)
	}
	content, err := described.File(dotnet.FactsFile).Contents(ctx)
	if err != nil {
		return nil, failure("reading the test projects", said)
	}
	return dotnet.ParseFacts(content, settings.Dir())
}

// compiled lays the source beside what was restored and compiles the suites.
func (t *testPlan) compiled(ctx context.Context) (*dagger.Container, error) {
	related, err := t.relatedToTests()
	if err != nil {
		return nil, err
	}
	compile := dotnet.CompileTests(t.settings, t.suites)
	var built *dagger.Container
	if t.tree.Size(related) > largestConstant {
		built = t.restored.WithDirectory(t.settings.Dir(), t.source).WithExec(compile)
	} else {
		packed, err := t.tree.Pack(related)
		if err != nil {
			return nil, err
		}
		built = t.step(t.restored, packed, compile, dagger.ReturnTypeSuccess)
	}
	if built, err = built.Sync(ctx); err != nil {
		return nil, toolError("compiling the tests", err)
	}
	return built, nil
}

// relatedToTests says whether a file may have a part in one of the tests.
func (t *testPlan) relatedToTests() (func(file string) bool, error) {
	outsiders := make([][]string, len(t.tests))
	for i, test := range t.tests {
		var err error
		if outsiders[i], err = dotnet.Outsiders(test, t.projects, t.tree.Paths(), t.tree.Read); err != nil {
			return nil, err
		}
	}
	return func(file string) bool {
		return slices.ContainsFunc(outsiders, func(outside []string) bool { return !dotnet.Within(file, outside...) })
	}, nil
}

// withForeign puts the platform's own .NET into the build container where that is of another platform.
func (t *testPlan) withForeign(ctx context.Context, m *DotnetMultiarch, built *dagger.Container) (*dagger.Container, error) {
	if !t.foreign {
		return built, nil
	}
	reference := m.RuntimeImage
	if reference == "" {
		reference = path.Join(m.BaseRegistry, dotnet.TestRuntime(t.suites))
	}
	locked, err := t.locked(m, reference, platformNames([]targets.Platform{t.platform}))
	if err != nil {
		return nil, err
	}
	if locked != "" {
		reference += "@" + locked
	}
	from, err := m.withLogin(ctx, dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(t.platform.String())}), reference, t.images)
	if err != nil {
		return nil, err
	}
	root, err := from.From(reference).Rootfs().Sync(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching the runtime image %s for %s: %w: check --base-registry, or give another with --runtime-image", reference, t.platform, oneLine(err))
	}
	return withEmulatedDotnet(built, t.platform.MachineName(), root), nil
}
