package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/comparison"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/measure"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// contest is one app built in several ways. All go the same steps, restore, libraries and publish, so that they differ in nothing but
// where they run and what for. They run one after the other: side by side each would measure the others.
type contest struct {
	*plan
	app         *app
	limit       time.Duration
	config      assembly.Config
	compression image.Compression
	bases       []image.Base
	// edited is the file that gets a line.
	edited     string
	sdkName    string
	contenders []*contender
}

// contender is one way of building.
type contender struct {
	comparison.Strategy
	// sdk is nil where it cannot build at all; the failure says why.
	sdk         *dagger.Container
	platforms   []platform.Platform
	identifiers []string
	bases       []image.Base
}

// contest prepares everything that is not measured: the plan, the images of the SDK, the bases.
func (m *DotnetMultiarch) contest(ctx context.Context, limit time.Duration) (*contest, error) {
	compression, err := image.ParseCompression(m.Compression)
	if err != nil {
		return nil, err
	}
	client, err := m.client(ctx, registry.Target{}, login{})
	if err != nil {
		return nil, err
	}
	p, err := m.complete(ctx, &plan{images: client})
	if err != nil {
		return nil, err
	}
	if len(p.apps) > 1 {
		return nil, fmt.Errorf("comparing strategies: %d apps are asked for: give --project one of %s", len(p.apps), strings.Join(pathsOf(p.apps), ", "))
	}
	c := &contest{plan: p, app: p.apps[0], limit: limit, compression: compression}
	c.sdkName = c.app.sdk.name(m)
	if p.tree.Size(c.app.related) > largestConstant {
		return nil, fmt.Errorf("comparing strategies: the app's source holds more than %d MB: leave out with a .dockerignore what the build does not need", largestConstant>>20)
	}
	if c.edited, err = dotnet.EditedFile(c.app.Project, p.tree.Paths()); err != nil {
		return nil, err
	}
	if c.config, err = assembly.NewConfig(c.app.Project, assembly.Choices{}); err != nil {
		return nil, err
	}
	host, err := platform.Parse(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.app.platforms, func(one platform.Platform) bool { return one != host })
	if i < 0 {
		return nil, fmt.Errorf("comparing strategies: the app is built for %s alone, which is no foreign platform here: give --platforms %s,linux/…", host, host)
	}
	foreign := c.app.platforms[i]
	c.app.platforms = []platform.Platform{host, foreign}
	if c.bases, err = c.app.resolve(ctx, client); err != nil {
		return nil, err
	}
	c.enter(comparison.Native, host.String(), c.app.sdk.container, 0)
	emulated := c.enter(comparison.Emulated, foreign.String(), nil, 1)
	c.enter(comparison.Cross, host.String(), c.app.sdk.container, 1)
	c.enter(comparison.Cross, host.String(), c.app.sdk.container, 0, 1)
	if emulated.sdk, emulated.Note, err = c.foreignSDK(ctx, m, client, foreign); err != nil {
		emulated.Failure = err.Error()
	}
	return c, ctx.Err()
}

// enter adds a contender that builds for some of the app's platforms.
func (c *contest) enter(name, on string, sdk *dagger.Container, platforms ...int) *contender {
	one := &contender{Strategy: comparison.Strategy{Name: name, On: on, Images: []comparison.Image{}}, sdk: sdk}
	for _, i := range platforms {
		p := c.app.platforms[i]
		one.For = append(one.For, p.String())
		one.platforms = append(one.platforms, p)
		one.identifiers = append(one.identifiers, p.RuntimeIdentifier(c.app.base.Libc))
		one.bases = append(one.bases, c.bases[i])
	}
	c.contenders = append(c.contenders, one)
	return one
}

// foreignSDK is the SDK of the foreign platform, emulated by the engine or else by a QEMU in the host's SDK container, which the
// note says. An error says in one line why there is none.
func (c *contest) foreignSDK(ctx context.Context, m *DotnetMultiarch, client *registry.Client, of platform.Platform) (sdk *dagger.Container, note string, err error) {
	// The engine would take an image of another platform where it finds a single one.
	_, platforms, err := client.Resolve(ctx, c.app.sdk.image)
	if err != nil {
		return nil, "", oneLine(err)
	}
	if !slices.Contains(platforms, of) {
		return nil, "", fmt.Errorf("no SDK image for %s at %s, only for %s: give --sdk-image one that has both", of, c.app.sdk.image, strings.Join(platformNames(platforms), ", "))
	}
	reference := c.app.sdk.image
	if c.app.sdk.locked != "" {
		reference += "@" + c.app.sdk.locked
	}
	if sdk, _, err = m.sdkContainer(ctx, reference, c.images, c.credentials, dagger.Platform(of.String())); err != nil {
		return nil, "", err
	}
	_, err = sdk.WithEnvVariable(runVariable, nonce()).WithExec([]string{"true"}).Sync(ctx)
	if err == nil || ctx.Err() != nil {
		return sdk, "", ctx.Err()
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[of.Architecture]
	if machine == "" {
		return nil, "", fmt.Errorf("the engine runs no programs for %s: register an emulator on its machine: docker run --privileged --rm tonistiigi/binfmt --install %s (%w)", of, of.Architecture, oneLine(err))
	}
	emulated, err := c.app.sdk.container.WithExec(dotnet.InstallEmulator(machine)).Sync(ctx)
	if err != nil {
		return nil, "", errors.New(strings.Join(strings.Fields(toolError("installing QEMU", err).Error()), " "))
	}
	return withEmulatedDotnet(emulated, machine, sdk.Rootfs()).
			WithEnvVariable("PATH", dotnet.EmulatedPath(), dagger.ContainerWithEnvVariableOpts{Expand: true}),
		"by a QEMU of this module, which runs dotnet alone: the engine has no emulator", nil
}

// withEmulatedDotnet puts the .NET of a foreign image into a container that has QEMU for its machine.
func withEmulatedDotnet(container *dagger.Container, machine string, foreign *dagger.Directory) *dagger.Container {
	files := dag.Directory()
	for name, text := range dotnet.EmulatedDotnet(machine) {
		files = files.WithNewFile(name, text, dagger.DirectoryWithNewFileOpts{Permissions: 0o755})
	}
	return container.WithMountedDirectory(dotnet.ForeignRoot, foreign).WithMountedDirectory(dotnet.EmulationDir, files)
}

// runVariable makes every run another one for the engine's cache.
const runVariable = "DOTNET_MULTIARCH_RUN"

func nonce() string { return strconv.FormatInt(time.Now().UnixNano(), 36) }

// held builds the app in every way, as often as wanted, in turn.
func (c *contest) held(ctx context.Context, runs int) (*comparison.Strategies, error) {
	result := comparison.NewStrategies(c.app.Path, c.sdkName, runtime.NumCPU(), runs)
	for range runs {
		for _, one := range c.contenders {
			if one.Failure != "" {
				continue
			}
			err := c.run(ctx, one)
			var did failed
			if errors.As(err, &did) {
				one.Failure = did.Error()
			} else if err != nil {
				return nil, err
			}
		}
	}
	var reasons []string
	for _, one := range c.contenders {
		one.Worked = one.Failure == ""
		result.Strategies = append(result.Strategies, one.Strategy)
		reasons = append(reasons, one.Name+": "+one.Failure)
	}
	if !slices.ContainsFunc(c.contenders, func(one *contender) bool { return one.Worked }) {
		return nil, fmt.Errorf("comparing strategies: no build of %s worked: %s", c.app.Path, strings.Join(reasons, "; "))
	}
	return result, nil
}

// run builds once with nothing cached and once more after an edit.
func (c *contest) run(ctx context.Context, one *contender) error {
	scratch, err := os.MkdirTemp("", "contest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // the container ends with the call
	id := nonce()
	cold := &attempt{plan: c.plan, app: c.app, by: one, limit: c.limit}
	before, published, err := cold.build(ctx, one.sdk.WithEnvVariable(runVariable, id))
	if err != nil {
		return err
	}
	one.Cold = one.Cold.Add(cold.took)
	if len(one.Images) == 0 {
		if one.Images, err = c.weighed(ctx, one, published, scratch); err != nil {
			return err
		}
	}
	edited := *c.plan
	if edited.tree, err = c.tree.WithLine(c.edited, dotnet.Comment(c.edited, "one line, "+id), scratch); err != nil {
		return err
	}
	again := &attempt{plan: &edited, app: c.app, by: one, limit: c.limit}
	if _, err := again.publish(ctx, before); err != nil {
		return err
	}
	one.Edit = one.Edit.Add(again.took)
	return nil
}

// weighed assembles what was published, to weigh it.
func (c *contest) weighed(ctx context.Context, one *contender, published *dagger.Container, scratch string) ([]comparison.Image, error) {
	root := filepath.Join(scratch, "published")
	if _, err := published.Directory(dotnet.PublishDir).Export(ctx, root); err != nil {
		return nil, fmt.Errorf("fetching the published files: %w", oneLine(err))
	}
	inputs := make([]assembly.Input, len(one.platforms))
	for i, p := range one.platforms {
		inputs[i] = assembly.Input{Platform: p, Base: one.bases[i], Root: filepath.Join(root, one.identifiers[i])}
	}
	parts, err := assembly.Parts(c.app.Project, c.config, inputs, c.compression, scratch)
	if err != nil {
		return nil, err
	}
	index, err := image.Index(parts)
	if err != nil {
		return nil, err
	}
	weights, err := image.Weights(index, parts)
	if err != nil {
		return nil, err
	}
	images := make([]comparison.Image, len(weights))
	for i, w := range weights {
		images[i] = comparison.Image{Platform: one.For[i], Size: w.Total, App: w.App}
	}
	return images, nil
}

// attempt is one measured build.
type attempt struct {
	plan  *plan
	app   *app
	by    *contender
	limit time.Duration
	took  measure.Measurement
}

// failed says why a build did not work, which is a result.
type failed struct{ error }

// build goes all steps of the pipeline. It gives the containers before and after the publish.
func (a *attempt) build(ctx context.Context, sdk *dagger.Container) (before *libraries, published *dagger.Container, err error) {
	p, apps, identifiers := a.plan, []dotnet.Project{a.app.Project}, a.by.identifiers
	if a.app.Mode() == dotnet.NativeAOT {
		if sdk, err = a.ran(ctx, "installing the linker", sdk.WithExec(a.measured(dotnet.Toolchain(identifiers)), whateverItSays)); err != nil {
			return nil, nil, err
		}
	}
	restored, err := a.step(ctx, "restoring", sdk, p.inputs, dotnet.Restore(a.app.settings, apps, identifiers))
	if err != nil {
		return nil, nil, err
	}
	before = &libraries{container: restored}
	if inputs, reason := dotnet.LibraryInputs(apps, p.projects); reason == "" {
		before.compiled = true
		before.holds = func(file string) bool { return inputs(file) && a.app.related(file) }
		compile := dotnet.CompileReferences(a.app.settings, apps, identifiers)
		if before.container, err = a.step(ctx, "compiling the libraries", restored, before.holds, compile); err != nil {
			return nil, nil, err
		}
	}
	published, err = a.publish(ctx, before)
	return before, published, err
}

// publish compiles and publishes the app.
func (a *attempt) publish(ctx context.Context, after *libraries) (*dagger.Container, error) {
	rest := func(file string) bool { return a.app.related(file) && (after.holds == nil || !after.holds(file)) }
	return a.step(ctx, "publishing", after.container, rest, dotnet.Publish(a.app.settings, a.app.Project, a.by.identifiers, after.compiled))
}

// step lays files into the container and runs a measured command there.
func (a *attempt) step(ctx context.Context, doing string, from *dagger.Container, files func(string) bool, command []string) (*dagger.Container, error) {
	packed, err := a.plan.tree.Pack(files)
	if err != nil {
		return nil, err
	}
	return a.ran(ctx, doing, a.plan.step(from, packed, a.measured(command), dagger.ReturnTypeAny))
}

var whateverItSays = dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}

// left is the time that the build still has.
func (a *attempt) left() time.Duration {
	return a.limit - time.Duration(a.took.Wall*float64(time.Second))
}

func (a *attempt) measured(command []string) []string { return measure.Command(a.left(), command) }

// ran adds what a measured step took. That it did not work is an error of the type failed.
func (a *attempt) ran(ctx context.Context, doing string, step *dagger.Container) (*dagger.Container, error) {
	stdout, err := step.Stdout(ctx)
	stderr := ""
	if err == nil {
		stderr, err = step.Stderr(ctx)
	}
	switch {
	case err != nil && (ctx.Err() != nil || a.by.Name != comparison.Emulated):
		return nil, fmt.Errorf("%s %s: %w", doing, a.app.Path, oneLine(err))
	case err != nil: // the engine could not run the shell
		return nil, failed{fmt.Errorf("%s: %w", doing, oneLine(err))}
	}
	left := a.left()
	took, said, err := measure.Parse(stdout)
	said += "\n" + stderr
	if err != nil {
		return nil, failed{fmt.Errorf("%s ended early: %s", doing, lastWords(said))}
	}
	a.took = a.took.Add(took)
	switch {
	case took.Code == 0:
		return step, nil
	case took.Wall >= left.Seconds():
		return nil, failed{fmt.Errorf("%s did not finish in %s", doing, a.limit)}
	}
	return nil, failed{fmt.Errorf("%s ended with code %d: %s", doing, took.Code, lastWords(said))}
}

// lastWords is the first error that a tool reports, else its last line.
func lastWords(said string) string {
	lines := append(dotnet.ErrorLines(said), dotnet.LastLines(said, 1)...)
	if len(lines) == 0 {
		return "it said nothing"
	}
	return strings.Join(strings.Fields(lines[0]), " ")
}
