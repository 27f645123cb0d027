// Package daemon starts, finds and stops the processes that outlive a call: the
// engine and the registry. They have their own session, log to a file, and
// inherit nothing of the caller's but what they are given.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec says what to start.
type Spec struct {
	What  string // the doing, for errors: "starting the registry"
	Args  []string
	Env   []string
	Log   string     // its stdout and stderr, appended
	Files []*os.File // its file descriptors from 3
	// Isolate adds to what is set for every daemon (a session of its own).
	Isolate func(*syscall.SysProcAttr)
}

// Process is a daemon that this call started.
type Process struct {
	what string
	log  string
	from int64 // where its own part of the log begins
	exit chan struct{}
	err  error
}

// maxLog is the size from which a log is begun anew at the next start.
const maxLog = 20 << 20

// Start starts a daemon. It goes on when the caller ends.
func Start(spec Spec) (*Process, error) {
	log, from, err := openLog(spec.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(spec.Args[0], spec.Args[1:]...)
	// Not the caller's folder: it may be deleted while the daemon runs.
	cmd.Dir = "/"
	cmd.Env = spec.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = spec.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if spec.Isolate != nil {
		spec.Isolate(cmd.SysProcAttr)
	}
	if err := startAlone(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", spec.What, err)
	}
	p := &Process{what: spec.What, log: spec.Log, from: from, exit: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exit)
	}()
	return p, nil
}

func openLog(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, err
	}
	flags := os.O_CREATE | os.O_APPEND | os.O_WRONLY
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	log, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, 0, err
	}
	info, err = log.Stat()
	if err != nil {
		return nil, 0, err
	}
	return log, info.Size(), nil
}

// startAlone keeps descriptors that the caller's own parent left open (a pipe of
// a CI runner that waits for its end, a lock of a shell script) from living on in
// the daemon. They are given back, for the caller may still need them.
func startAlone(cmd *exec.Cmd) error {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		var fd int
		if _, err := fmt.Sscan(entry.Name(), &fd); err != nil || fd < 3 {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		unix.CloseOnExec(fd)
		defer func() { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags) }()
	}
	return cmd.Start()
}

// Await waits until the daemon is ready, has ended, or has taken too long.
func (p *Process) Await(ctx context.Context, limit time.Duration, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not answer within %s", limit))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if ready() {
				return nil
			}
		case <-p.exit:
			return p.failure(ended(p.err))
		case <-ctx.Done():
			return p.failure(context.Cause(ctx))
		}
	}
}

func ended(status error) error {
	if status == nil {
		return errors.New("it ended at once")
	}
	return fmt.Errorf("it ended at once (%w)", status)
}

func (p *Process) failure(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", p.what, err)
	}
	return fmt.Errorf("%s: %w; the end of its log %s:\n%s", p.what, err, p.log, Tail(p.log, p.from, 15))
}

// Tail is the last lines of a log from an offset on, indented.
func Tail(path string, from int64, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "  " + err.Error()
	}
	if from <= int64(len(data)) {
		data = data[from:]
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return "  " + strings.Join(all, "\n  ")
}

// Stop asks a process to end, and kills it when it has not after grace. A process
// that is not there is no error.
func Stop(pid int, grace time.Duration) error {
	process, err := os.FindProcess(pid)
	if err != nil || gone(process) {
		return nil
	}
	for _, attempt := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := process.Signal(attempt.signal); err != nil {
			return goneOr(err)
		}
		if awaitEnd(process, attempt.wait) {
			return nil
		}
	}
	return fmt.Errorf("stopping process %d: it is still there after being killed", pid)
}

func awaitEnd(process *os.Process, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if gone(process) {
			return true
		}
	}
	return false
}

// gone is also true of a process that has ended and whose parent did not ask yet.
func gone(process *os.Process) bool {
	if process.Signal(syscall.Signal(0)) != nil {
		return true
	}
	_, err := Identify(process.Pid)
	return errors.Is(err, errEnded)
}

func goneOr(err error) error {
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
