package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// goTool is the Go that builds the engine and is served to it as its SDK.
type goTool struct {
	Root    string            // GOROOT
	Version string            // e.g. go1.26.8
	Changed map[string]string // settings of the user's that say where modules come from
}

// moduleSettings say where Go finds modules and how far it trusts them: what a
// user has set here must hold where the engine builds modules, too.
var moduleSettings = []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOINSECURE"}

// goTool asks in the module's folder: a Go that is older than go.mod wants has
// fetched and switched to the right one there.
func (e Engine) goTool(ctx context.Context) (goTool, error) {
	settings, err := e.goEnv(ctx, "GOROOT", "GOVERSION")
	if err != nil {
		return goTool{}, err
	}
	changed, err := e.goEnv(ctx, "-changed")
	if err != nil {
		return goTool{}, err
	}
	return goTool{Root: settings["GOROOT"], Version: settings["GOVERSION"], Changed: changed}, nil
}

// env are the settings as environment variables, sorted.
func (g goTool) env() []string {
	var env []string
	for name, value := range g.Changed {
		if slices.Contains(moduleSettings, name) {
			env = append(env, name+"="+value)
		}
	}
	slices.Sort(env)
	return env
}

// compileLibrary fills a new build cache with Go's standard library, as Dagger
// does for the SDK of its own engines. Else an engine compiles it before its first
// module. The folder of Go plays no part in what a build looks up there.
func (g goTool) compileLibrary(ctx context.Context, cache string) error {
	cmd := interruptible(ctx, filepath.Join(g.Root, "bin", "go"), "build", "std")
	cmd.Dir = g.Root
	// None of a user's own settings, which the engine does not have either.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "GOPATH=/go",
		"GOENV=off", "GOWORK=off", "GOTOOLCHAIN=local", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOCACHE=" + cache,
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	err := runTied(cmd)
	if ctx.Err() != nil {
		return fmt.Errorf("compiling Go's standard library: %w", context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("compiling Go's standard library: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	return nil
}

func (e Engine) goEnv(ctx context.Context, args ...string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, args...)...)
	cmd.Dir = e.goFolder()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("asking Go for its settings: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	var settings map[string]string
	if err := json.Unmarshal(out.Bytes(), &settings); err != nil {
		return nil, fmt.Errorf("asking Go for its settings: %w", err)
	}
	return settings, nil
}

// moduleFile is the go.mod of the Dagger module, two folders up and in ci.
func (e Engine) moduleFile() string { return filepath.Join(e.Source, "..", "..", "ci", "go.mod") }

func (e Engine) goFolder() string {
	if _, err := os.Stat(e.moduleFile()); err == nil {
		return filepath.Dir(e.moduleFile())
	}
	return e.Source
}

// moduleGo is the version in the go directive of the Dagger module, "" without one.
func (e Engine) moduleGo() (string, error) {
	data, err := os.ReadFile(e.moduleFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	file, err := modfile.ParseLax(e.moduleFile(), data, nil)
	if err != nil || file.Go == nil {
		return "", err
	}
	return file.Go.Version, nil
}
