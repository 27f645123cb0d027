package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

// Names of the contenders, as the tables have them.
const (
	ours        = "dagger call"
	buildx      = "buildx"
	sdk         = "PublishContainer"
	native      = "native publish"
	emptyCall   = "empty call"
	onePlatform = "one platform"
)

const bothPlatforms = "linux/amd64,linux/arm64"

// environment is what every contender uses: one registry with the bases, one folder for what must not survive.
type environment struct {
	repository string // this checkout
	scratch    string
	host       string // of the registry, 127.0.0.1:PORT
	bases      string // where dotnet/sdk and dotnet/aspnet are
	programs   string // folder of buildkitd, buildctl and buildx
	dotnet     string // root of a .NET SDK on this machine, "" for none
	feed       string // folder of packages for that SDK, "" for nuget.org
	full       bool
	panels     *[]plot.Panel     // what benchmarks.svg shows, as the sections add to it
	pictures   map[string][]byte // by the file's name in docs
}

func (e environment) dagger(args ...string) command {
	return command{dir: e.repository, args: append([]string{filepath.Join(e.repository, "scripts", "dagger"), "--silent"}, args...)}
}

// ours is what a user types.
func (e environment) ours(a app, platforms, repository string, more ...string) contender {
	args := []string{"call", "--source", a.dir, "--platforms", platforms, "build-and-push", "--image", e.host + "/bench/" + repository}
	return contender{name: ours, own: true, build: func(ctx context.Context) error {
		_, err := e.dagger(append(args, more...)...).run(ctx)
		return err
	}}
}

// emptyCall is what any call of a module costs.
func (e environment) emptyCall() contender {
	return contender{name: emptyCall, own: true, build: func(ctx context.Context) error {
		_, err := e.dagger("core", "version").run(ctx)
		return err
	}}
}

// buildkit starts a daemon of its own, whose state goes with the scratch folder.
func (e environment) buildkit(ctx context.Context) (stop func(), err error) {
	state := filepath.Join(e.scratch, "buildkit")
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(state, "buildkitd.toml")
	if err := os.WriteFile(config, []byte(fmt.Sprintf("[registry.%q]\n  http = true\n", e.host)), 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(e.scratch, "buildkitd.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "private", filepath.Join(e.programs, "buildkitd"),
		"--root", state, "--addr", e.socket(), "--config", config, "--oci-worker-net", "host", "--containerd-worker=false")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait() // its exit code is the signal's
		_ = log.Close()
	}
	for range 100 {
		if _, err = (command{args: []string{filepath.Join(e.programs, "buildctl"), "--addr", e.socket(), "debug", "workers"}}).run(ctx); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err == nil {
		_, err = e.buildx("create", "--name", "bench", "--driver", "remote", e.socket()).run(ctx)
	}
	if err != nil {
		stop()
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("starting buildkitd: %w\n%s", err, said)
	}
	return stop, nil
}

func (e environment) socket() string { return "unix://" + filepath.Join(e.scratch, "buildkit.sock") }

func (e environment) buildx(args ...string) command {
	return command{
		env:  []string{"BUILDX_CONFIG=" + filepath.Join(e.scratch, "buildx"), "DOCKER_CONFIG=" + e.scratch},
		args: append([]string{filepath.Join(e.programs, "buildx")}, args...),
	}
}

// buildxContender builds the recipe. The Dockerfile lies beside the source: it is no part of the context.
func (e environment) buildxContender(a app, platforms string) contender {
	return contender{name: buildx, build: func(ctx context.Context) error {
		recipe, err := a.dockerfile(e.bases)
		if err != nil {
			return err
		}
		file := filepath.Join(e.scratch, a.name+".Dockerfile")
		if err := errors.Join(os.WriteFile(file, []byte(recipe), 0o644), os.WriteFile(file+".dockerignore", []byte("**/bin\n**/obj\n"), 0o644)); err != nil {
			return err
		}
		output := "type=image,name=" + e.host + "/bench-buildx/" + a.name + ",push=true"
		_, err = e.buildx("build", "--builder", "bench", "--platform", platforms, "--provenance=false", "--output", output, "-f", file, a.dir).run(ctx)
		return err
	}}
}

// sdkContender builds with the machine's own SDK, as a job of a CI provider does: no server is there when it begins. It has a
// copy of the tree and packages of its own, since what it compiles lies among the sources.
func (e environment) sdkContender(a app, name string, args ...string) contender {
	own := filepath.Join(e.scratch, strings.ReplaceAll(name, " ", "-")+"-"+a.name)
	packages := own + "-packages"
	dotnet := func(args ...string) command {
		return command{dir: own, args: append([]string{filepath.Join(e.dotnet, "dotnet")}, args...), env: []string{
			"DOTNET_NOLOGO=1", "DOTNET_CLI_TELEMETRY_OPTOUT=1", "NUGET_CERT_REVOCATION_MODE=offline", "DOTNET_ROOT=" + e.dotnet,
			"NUGET_PACKAGES=" + packages, "DOTNET_CONTAINER_INSECURE_REGISTRIES=" + e.host,
		}}
	}
	args = append([]string{"publish", a.project, "-nodeReuse:false"}, args...)
	if e.feed != "" {
		args = append(args, "-p:RestoreSources="+e.feed)
	}
	return contender{
		name: name,
		prepare: func(cold bool) error {
			if cold {
				if err := errors.Join(os.RemoveAll(own), os.RemoveAll(packages)); err != nil {
					return err
				}
			}
			return follow(a.dir, own)
		},
		build: func(ctx context.Context) error {
			_, err := dotnet(args...).run(ctx)
			return err
		},
		after: func(ctx context.Context) error {
			_, err := dotnet("build-server", "shutdown").run(ctx)
			return err
		},
	}
}

// publishContainer is the .NET SDK's own way to an image of several platforms.
func (e environment) publishContainer(a app) contender {
	return e.sdkContender(a, sdk, "-t:PublishContainer", `-p:ContainerRuntimeIdentifiers="linux-x64;linux-arm64"`,
		`-p:RuntimeIdentifiers="linux-x64;linux-arm64"`, "-p:ContainerRegistry="+e.host, "-p:ContainerRepository=bench-sdk/"+a.name,
		"-p:ContainerBaseImage="+e.bases+"/dotnet/aspnet:10.0")
}

// nativePublish is the floor: one platform, the machine's own, and no image.
func (e environment) nativePublish(a app) contender {
	return e.sdkContender(a, native, "--use-current-runtime", "--self-contained", "false", "-p:UseAppHost=false")
}

// services is a solution of small apps over one library, each in a folder of its own.
func services(dir string, count int) error {
	mark := salt()
	files := map[string]string{
		"src/Shared/Shared.csproj": `<Project Sdk="Microsoft.NET.Sdk"><!-- ` + mark + ` -->
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
</Project>
`,
		"src/Shared/Greeting.cs": "namespace Shared;\n\npublic static class Greeting\n{\n    public static string To(string name) => $\"hello, {name}\"; // " + mark + "\n}\n",
	}
	for i := range count {
		name := fmt.Sprintf("Service%02d", i+1)
		files["src/"+name+"/"+name+".csproj"] = `<Project Sdk="Microsoft.NET.Sdk.Web"><!-- ` + mark + ` -->
  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
  <ItemGroup><ProjectReference Include="../Shared/Shared.csproj" /></ItemGroup>
</Project>
`
		files["src/"+name+"/Program.cs"] = "using Microsoft.AspNetCore.Builder;\n\nvar app = WebApplication.Create(args);\napp.MapGet(\"/\", () => Shared.Greeting.To(\"" + name + "\"));\napp.Run();\n"
	}
	return rewrite(dir, files)
}

// freshEngine is an engine whose state, registry and bases are new, and whose programs and Go SDK are those that are made.
func (e environment) freshEngine(ctx context.Context) (seconds float64, err error) {
	home, err := os.UserCacheDir()
	if err != nil {
		return 0, err
	}
	cache, fresh := filepath.Join(home, "dotnet-multiarch"), filepath.Join(e.scratch, "fresh")
	if _, err := (command{args: []string{filepath.Join(e.repository, "scripts", "local", "take-programs.sh"), fresh}}).run(ctx); err != nil {
		return 0, err
	}
	// scripts/bench has set what leads to the engine that runs already, and to its registry.
	path := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool { return strings.HasPrefix(dir, cache) })
	alone := []string{"env", "XDG_CACHE_HOME=" + fresh, "PATH=" + strings.Join(path, string(os.PathListSeparator))}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name == "_EXPERIMENTAL_DAGGER_RUNNER_HOST" || strings.HasPrefix(name, "DOTNET_MULTIARCH_") {
			alone = slices.Insert(alone, 1, "-u", name)
		}
	}
	local := func(ctx context.Context, what string) error {
		_, err := command{dir: e.repository, args: append(slices.Clip(alone), filepath.Join(e.repository, "scripts", "dagger-local"), what)}.run(ctx)
		return err
	}
	// The engine ends also when the caller gives up: its state goes with the scratch folder.
	defer func() { err = errors.Join(err, local(context.WithoutCancel(ctx), "clean")) }()
	if err := local(ctx, "up"); err != nil {
		return 0, err
	}
	first := e.dagger("call", "build-and-push")
	first.args = append(alone, first.args...)
	start := time.Now()
	_, err = first.run(ctx)
	return time.Since(start).Seconds(), err
}
