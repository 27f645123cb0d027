package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/smoke"
)

// agentArgument makes this program the agent that runs inside the image's files. It is this program, since that one is static,
// for the engine's machine, and there without a compiler and a download.
const agentArgument = "smoke-agent"

func init() {
	if len(os.Args) < 2 || os.Args[1] != agentArgument {
		return
	}
	if err := smoke.RunAgent(os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// session is what Dagger's client wants to see before it does anything, which the agent never asks it to. The app sees none of
// it.
var session = [][2]string{{"DAGGER_SESSION_PORT", "1"}, {"DAGGER_SESSION_TOKEN", "none"}}

// smoking is one smoke test of an image, platform by platform.
type smoking struct {
	m         *DotnetMultiarch
	client    *registry.Client
	login     login
	options   smoke.Options
	emulator  *dagger.File
	agent     *dagger.File
	reference string
	// project tells one of several apps.
	project string
	results []smoke.Result
}

// published starts the platforms of a pushed image; nil are all.
func (s *smoking) published(ctx context.Context, image string, wanted []platform.Platform) error {
	images, err := s.client.Images(ctx, image, wanted)
	if err != nil {
		return err
	}
	s.reference = images.Reference.Name()
	for _, one := range images.Of {
		if err := s.start(ctx, one.Platform, one.Image, images.Reference.Context().Digest(one.Digest.String()).Name()); err != nil {
			return err
		}
	}
	return nil
}

// assembled starts what was built and is in no registry.
func (s *smoking) assembled(ctx context.Context, r *release) error {
	for _, d := range r.deliveries {
		if len(r.deliveries) > 1 {
			s.project = d.Path
		}
		for _, part := range d.parts {
			img, err := part.Manifest()
			if err != nil {
				return err
			}
			if err := s.start(ctx, part.Platform, img, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// start starts one platform; the reference is "" for an image that is not in a registry.
func (s *smoking) start(ctx context.Context, of platform.Platform, img v1.Image, reference string) error {
	doing := smoke.Doing(s.project, of.String())
	config, err := img.ConfigFile()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	spec, err := smoke.NewSpec(s.options, config)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	files, err := s.files(ctx, of, img, reference)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	emulation := "the engine's machine"
	report, err := s.run(ctx, files, config.Config, spec, nil)
	if err == nil && report.Outcome == smoke.NoEmulator {
		var emulator *dagger.File
		if emulator, err = s.staticEmulator(ctx, of); err == nil {
			spec.Emulator, emulation = smoke.Emulator, "a static QEMU that this module put in"
			report, err = s.run(ctx, files, config.Config, spec, emulator)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	result := smoke.Judge(s.options, of, digest.String(), emulation, report)
	result.Project = s.project
	s.results = append(s.results, result)
	return nil
}

// files are the image's root file system. The engine pulls what is in a registry. What is in none, or in one that the engine does
// not get at as this module does (on the caller's machine, with a certificate of its own), comes to it as an archive.
func (s *smoking) files(ctx context.Context, of platform.Platform, img v1.Image, reference string) (*dagger.Directory, error) {
	var pulling error
	if reference != "" {
		from, err := s.withAccess(ctx, dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(of.String())}), reference)
		if err != nil {
			return nil, err
		}
		files, err := from.From(reference).Rootfs().Sync(ctx)
		if err == nil {
			return files, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("pulling the image into the engine: %w", context.Cause(ctx))
		}
		pulling = oneLine(err)
	}
	container, err := imported(ctx, img, of)
	switch {
	case err != nil && pulling != nil:
		return nil, fmt.Errorf("%w; the engine could not pull it either: %w", err, pulling)
	case err != nil:
		return nil, err
	}
	return container.Rootfs(), nil
}

// withAccess shows the engine the login that the caller gave for the registry.
func (s *smoking) withAccess(ctx context.Context, container *dagger.Container, reference string) (*dagger.Container, error) {
	if s.login.password == nil {
		return s.m.withLogin(ctx, container, reference, s.client)
	}
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return container.WithRegistryAuth(ref.Context().RegistryStr(), s.login.username, s.login.password), nil
}

// run lets the agent start the app. The container is one of the engine's own platform with the image's files in it: the agent
// runs as it is there, and only the app may have to be emulated.
func (s *smoking) run(ctx context.Context, files *dagger.Directory, config v1.Config, spec smoke.Spec, emulator *dagger.File) (smoke.Report, error) {
	agent, err := s.program()
	if err != nil {
		return smoke.Report{}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return smoke.Report{}, err
	}
	executable := dagger.ContainerWithFileOpts{Permissions: 0o755}
	container := dag.Container().WithRootfs(files).
		WithFile(smoke.Agent, agent, executable).
		WithNewFile(smoke.SpecFile, string(text), dagger.ContainerWithNewFileOpts{Permissions: 0o644})
	if emulator != nil {
		container = container.WithFile(smoke.Emulator, emulator, executable)
	}
	for _, variable := range session {
		container = container.WithEnvVariable(variable[0], variable[1])
	}
	if config.User != "" {
		container = container.WithUser(config.User)
	}
	// The last argument is another each time: a start of yesterday is none.
	command := []string{smoke.Agent, agentArgument, strconv.FormatInt(time.Now().UnixNano(), 36)}
	// Dagger's init process would take the variables of session for its own.
	said, err := container.WithExec(command, dagger.ContainerWithExecOpts{NoInit: true}).Stdout(ctx)
	if err != nil {
		return smoke.Report{}, toolError("starting the app", err)
	}
	var report smoke.Report
	if err := json.Unmarshal([]byte(said), &report); err != nil {
		return smoke.Report{}, fmt.Errorf("reading what came of the start: %w", err)
	}
	return report, nil
}

// program is this one, as a file of the engine.
func (s *smoking) program() (*dagger.File, error) {
	if s.agent != nil {
		return s.agent, nil
	}
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer from.Close()
	file := path.Base(smoke.Agent)
	to, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(to, from); err != nil {
		return nil, errors.Join(err, to.Close())
	}
	s.agent = dag.CurrentModule().WorkdirFile(file)
	return s.agent, to.Close()
}

// staticEmulator is the caller's, else one from the packages of the SDK image.
func (s *smoking) staticEmulator(ctx context.Context, of platform.Platform) (*dagger.File, error) {
	if s.emulator != nil {
		return s.emulator, nil
	}
	image := s.m.SdkImage
	if image == "" {
		image = s.m.sdkReference(dotnet.LatestLTS)
	}
	from, err := s.m.withLogin(ctx, dag.Container(), image, s.client)
	if err != nil {
		return nil, err
	}
	file, err := from.From(image).WithExec(smoke.EmulatorCommand(of)).File(smoke.Emulator).Sync(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", toolError("getting an emulator for "+of.String(), err), s.options.EmulatorCure(of))
	}
	return file, nil
}
