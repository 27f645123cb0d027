package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

// usually is the measured time of a build from nothing, on 2 cores.
const usually = "usually about 4 minutes on 2 cores, and only once"

// buildFlags leave out what a debugger reads, which takes an eighth of the time.
// The version is what Dagger's own releases are built with.
var buildFlags = []string{
	"-trimpath",
	"-gcflags=all=-dwarf=false",
	"-ldflags=-s -w -X github.com/dagger/dagger/engine.Version=" + Version + " -X github.com/dagger/dagger/engine.Tag=" + Version,
}

// built are the programs, as `go build` names them.
var built = []string{"codegen", "dagger", "dnsname", "engine", "init"}

// Built says whether the engine's programs are there.
func (e Engine) Built() bool {
	bin, err := e.Bin()
	if err != nil {
		return false
	}
	_, err = os.Stat(bin)
	return err == nil
}

// EnsureBuilt builds the engine, the CLI and what the engine runs, when they are
// missing. The caller holds the cache's lock.
func (e Engine) EnsureBuilt(ctx context.Context) error {
	if e.Built() {
		return nil
	}
	bin, err := e.Bin()
	if err != nil {
		return err
	}
	started := time.Now()
	e.Say("building Dagger's engine %s from its sources (%s)", Version, usually)
	if err := e.Cache.Folder(bin, func(tmp string) error { return e.build(ctx, tmp) }); err != nil {
		return err
	}
	e.Say("built Dagger's engine in %s", elapsed(started))
	return nil
}

func (e Engine) build(ctx context.Context, dir string) error {
	log, err := os.Create(e.Cache.Log("build"))
	if err != nil {
		return err
	}
	defer log.Close()
	total, err := e.countPackages(ctx, log)
	if err != nil {
		return e.buildFailed(ctx, err, log.Name())
	}
	cmd := e.goCommand(ctx, append(append([]string{"build", "-v"}, buildFlags...), "-o", dir+"/", "tool")...)
	progress := startProgress(e.Say, total)
	defer progress.stop()
	cmd.Stdout, cmd.Stderr = log, io.MultiWriter(log, progress)
	if err := runTied(cmd); err != nil {
		return e.buildFailed(ctx, err, log.Name())
	}
	for _, name := range built {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return e.buildFailed(ctx, err, log.Name())
		}
	}
	return nil
}

func (e Engine) buildFailed(ctx context.Context, err error, log string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("building Dagger's engine: %w", context.Cause(ctx))
	}
	return fmt.Errorf("building Dagger's engine: %w; the end of its log %s:\n%s", err, log, daemon.Tail(log, 0, 15))
}

// countPackages is the most that `go build -v` can name; it downloads the modules.
func (e Engine) countPackages(ctx context.Context, log io.Writer) (int, error) {
	cmd := e.goCommand(ctx, "list", "-deps", "tool")
	downloads := startDownloads(e.Say)
	defer downloads.stop()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(log, downloads)
	if err := runTied(cmd); err != nil {
		return 0, err
	}
	return strings.Count(out.String(), "\n"), nil
}

// goCommand is one in the daggerengine module, on which a user's settings for
// their own projects have no influence.
func (e Engine) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := interruptible(ctx, "go", args...)
	cmd.Dir = filepath.Join(e.Source, "daggerengine")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "GOAMD64=", "GO111MODULE=")
	return cmd
}

// interruptible is a go command that stops the compilers it has started when the
// caller gives up.
func interruptible(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// keep is how long programs of another version of the module are left, for a
// checkout that still uses them.
const keep = 30 * 24 * time.Hour

// Prune removes what other versions of the module have left long ago.
func (e Engine) Prune() error {
	bin, err := e.Bin()
	if err != nil {
		return err
	}
	sdk, err := e.sdk()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(e.Cache.Path("engine"))
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		name := entry.Name()
		versioned := strings.HasPrefix(name, "bin-") || strings.HasPrefix(name, "sdk-")
		if !versioned || name == filepath.Base(bin) || name == sdk.Folder {
			continue
		}
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > keep {
			errs = append(errs, os.RemoveAll(e.Cache.Path("engine", name)))
		}
	}
	return errors.Join(errs...)
}
