package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDaemonHasItsOwnSessionAndStops(t *testing.T) {
	needProc(t)
	dir := t.TempDir()
	pid := start(t, dir, `echo $$ > "$DIR/pid"; exec sleep 60`)
	if session, err := sessionOf(pid); err != nil || session != pid {
		t.Errorf("session %d, %v; want its own, %d", session, err, pid)
	}
	identity, err := Identify(pid)
	if err != nil || !identity.Alive() {
		t.Fatalf("identity %+v, %v", identity, err)
	}
	if err := Stop(pid, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if identity.Alive() {
		t.Error("still alive after Stop")
	}
	if err := Stop(pid, time.Second); err != nil {
		t.Errorf("stopping what is gone: %v", err)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	needProc(t)
	pid := start(t, t.TempDir(), `trap '' TERM; echo $$ > "$DIR/pid"; while :; do sleep 0.1; done`)
	began := time.Now()
	if err := Stop(pid, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("killed after %s, before its time", took)
	}
}

func TestAwaitShowsTheLogOfADaemonThatEnds(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	if err := os.WriteFile(log, []byte("of an earlier start\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Start(Spec{What: "starting it", Args: []string{"/bin/sh", "-c", "echo what went wrong >&2; exit 3"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Await(t.Context(), time.Minute, func() bool { return false })
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"starting it", "exit status 3", log, "what went wrong"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "earlier") {
		t.Errorf("shows the log of an earlier start: %v", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, err := Start(Spec{Args: []string{"/bin/sh", "-c", "sleep 5"}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Await(ctx, time.Minute, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestDaemonInheritsNoDescriptors(t *testing.T) {
	needProc(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// As if this program's own parent had left the pipe open for it.
	inherited, err := syscall.Dup(int(write.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	pid := start(t, t.TempDir(), `echo $$ > "$DIR/pid"; exec sleep 60`)
	// Whoever this program becomes still has it.
	if flags, err := fcntlGetFD(inherited); err != nil || flags&syscall.FD_CLOEXEC != 0 {
		t.Errorf("flags %d, %v", flags, err)
	}
	_ = syscall.Close(inherited)
	ended := make(chan error, 1)
	go func() { _, err := io.ReadAll(read); ended <- err }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the daemon holds the pipe open")
	}
	if err := Stop(pid, time.Second); err != nil {
		t.Error(err)
	}
}

func TestParseStatOfAnyProgramName(t *testing.T) {
	rest := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for _, name := range []string{"(engine)", "(a) b) (c)", "()"} {
		ticks, state, err := parseStat([]byte("42 " + name + rest))
		if err != nil || ticks != "4711" || state != "S" {
			t.Errorf("%s: %s, %s, %v", name, ticks, state, err)
		}
	}
	for _, bad := range []string{"", "42", "42 (x) S 1"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestAnotherProcessOfTheSameNumberIsNotIt(t *testing.T) {
	needProc(t)
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Alive() {
		t.Error("this process is not alive")
	}
	self.Started += "0"
	if self.Alive() || (Identity{}).Alive() {
		t.Error("took another process for it")
	}
}

func TestAnEndedChildIsGoneBeforeItsParentAsks(t *testing.T) {
	needProc(t)
	cmd := exec.Command("/bin/sh", "-c", "exit 0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	process, err := os.FindProcess(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if !awaitEnd(process, 5*time.Second) {
		t.Error("an ended process counts as running")
	}
}

func TestTailIsTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("a\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := Tail(path, 0, 2); got != "  b\n  c" {
		t.Errorf("got %q", got)
	}
	if got := Tail(path, 4, 2); got != "  c" {
		t.Errorf("from an offset: %q", got)
	}
}

// start runs a shell script as a daemon; it writes its number to $DIR/pid.
func start(t *testing.T, dir, script string) int {
	t.Helper()
	p, err := Start(Spec{
		Args: []string{"/bin/sh", "-c", script}, Env: append(os.Environ(), "DIR="+dir), Log: filepath.Join(dir, "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	err = p.Await(t.Context(), 10*time.Second, func() bool {
		data, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			return false
		}
		n, err := fmt.Sscan(string(data), &pid)
		return n == 1 && err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	return pid
}

func needProc(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: reads /proc")
	}
}
