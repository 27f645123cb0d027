package bases

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// program is one that this package needs and Debian has.
type program struct {
	name string
	pack string   // Debian's package
	env  []string // added to the caller's
	dir  string   // where it runs; "" is here
	log  string   // file for what it prints for people; "" is none
	// mounts: it mounts things, in a mount namespace of its own, so that they
	// are gone with it, however it ends.
	mounts bool
}

func (p program) find() (string, error) {
	path, err := exec.LookPath(p.name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed; cure: apt-get install -y %s", p.name, p.pack)
	}
	return path, nil
}

// process is a program that runs, whose output is read while it does.
type process struct {
	program
	cmd    *exec.Cmd
	out    io.Reader
	stderr bytes.Buffer
}

// stopPatience is for a stopped program to tidy up: mmdebstrap removes its root.
const stopPatience = 20 * time.Second

func start(ctx context.Context, p program, in io.Reader, args ...string) (*process, error) {
	path, err := p.find()
	if err != nil {
		return nil, err
	}
	run := &process{program: p, cmd: exec.CommandContext(ctx, path, args...)}
	run.cmd.Stdin, run.cmd.Stderr, run.cmd.Dir = in, &run.stderr, p.dir
	run.cmd.Env = append(os.Environ(), p.env...)
	run.cmd.SysProcAttr = attributes(p.mounts)
	run.cmd.Cancel = func() error { return syscall.Kill(-run.cmd.Process.Pid, syscall.SIGTERM) }
	run.cmd.WaitDelay = stopPatience
	if run.out, err = run.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := run.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	return run, nil
}

// wait ends the process. readErr is what went wrong while its output was read.
func (p *process) wait(readErr error) error {
	// Output that ends too early is the program's failure, and it is about to
	// say which; any other error is ours, and nobody reads on.
	truncated := errors.Is(readErr, io.ErrUnexpectedEOF)
	if readErr != nil && !truncated {
		_ = p.cmd.Cancel()
	}
	err := p.cmd.Wait()
	if p.log != "" {
		// The log helps with an error; that it cannot be written is no error.
		_ = os.WriteFile(p.log, p.stderr.Bytes(), 0o644)
	}
	if err != nil && (readErr == nil || truncated) {
		return p.explain(err)
	}
	return readErr
}

// explain adds what the program said, in one line.
func (p *process) explain(err error) error {
	said := p.stderr.String()
	if strings.Contains(said, "No space left on device") {
		err = errors.Join(err, syscall.ENOSPC)
	}
	if line := tellingLine(said); line != "" {
		err = fmt.Errorf("%w: %s", err, line)
	}
	if p.log != "" {
		return fmt.Errorf("%s: %w; all it said is in %s", p.name, err, p.log)
	}
	return fmt.Errorf("%s: %w", p.name, err)
}

// tellingLine is the first lines that call themselves errors, else the last
// line.
func tellingLine(said string) string {
	const enough = 4
	var errs []string
	last := ""
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "E: "), strings.HasPrefix(line, "npm error "), strings.HasPrefix(line, "npm ERR! "):
			errs = append(errs, line)
		default:
			last = line
		}
	}
	if len(errs) == 0 {
		return last
	}
	return strings.Join(errs[:min(enough, len(errs))], "; ")
}
