package host

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// RunnerVariable names the engine that a dagger talks to.
const RunnerVariable = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"

// Detect finds out the facts, those that cost time only when they matter.
// cacheDir is the cache's folder, whose dagger is not the machine's own.
func Detect(ctx context.Context, cacheDir string) Facts {
	f := Facts{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Root: os.Geteuid() == 0,
		Dagger: findDagger(filepath.SplitList(os.Getenv("PATH")), cacheDir),
		Runner: foreign(os.Getenv(RunnerVariable), cacheDir),
	}
	if f.Dagger == "" {
		return f
	}
	if f.Runner == "" {
		f.Runtime = answeringRuntime(ctx)
	}
	if f.Runner != "" || f.Runtime != "" {
		f.Version = version(ctx, f.Dagger)
	}
	return f
}

// foreign drops the address of the embedded engine: a call from within a call of
// scripts/dagger is an ordinary one.
func foreign(runner, cacheDir string) string {
	if strings.HasPrefix(runner, "unix://"+cacheDir+"/") || strings.HasPrefix(runner, "unix:///run/dotnet-multiarch") {
		return ""
	}
	return runner
}

// findDagger is the first dagger in the folders that is neither this project's
// script, from whichever checkout, nor the embedded one.
func findDagger(folders []string, cacheDir string) string {
	for _, folder := range folders {
		path, err := exec.LookPath(filepath.Join(folder, "dagger"))
		if err != nil || folder == "" {
			continue
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil || strings.HasPrefix(real, cacheDir+"/") {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(real), "local", "launch.sh")); err == nil {
			continue
		}
		return path
	}
	return ""
}

// patience is for a container runtime that hangs, or a virtual machine of its
// that starts.
const patience = 5 * time.Second

func version(ctx context.Context, dagger string) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, dagger, "version").Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// runtimes are those that Dagger can start its engine with.
var runtimes = []string{"docker", "podman", "nerdctl", "finch", "container"}

// answeringRuntime asks the socket of Docker first, since that takes no time.
func answeringRuntime(ctx context.Context) string {
	if _, err := exec.LookPath("docker"); err == nil && os.Getenv("DOCKER_HOST") == "" && dials("/var/run/docker.sock") {
		return "docker"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answers := make(chan string, len(runtimes))
	for _, name := range runtimes {
		go func() {
			if !works(ctx, name) {
				name = ""
			}
			answers <- name
		}()
	}
	for range runtimes {
		if name := <-answers; name != "" {
			return name // the others end with the context
		}
	}
	return ""
}

func dials(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	return err == nil && conn.Close() == nil
}

// works asks in the way that each understands: Apple's container has no info.
func works(ctx context.Context, name string) bool {
	path, err := exec.LookPath(name)
	if err != nil {
		return false
	}
	args := []string{"info"}
	if name == "container" {
		args = []string{"system", "status"}
	}
	return exec.CommandContext(ctx, path, args...).Run() == nil
}
