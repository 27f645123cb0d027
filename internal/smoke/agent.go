package smoke

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
)

// RunAgent reads SpecFile, starts the app, and writes the Report as JSON. What the app writes goes to log as well.
func RunAgent(to, log io.Writer) error {
	text, err := os.ReadFile(SpecFile)
	if err != nil {
		return err
	}
	var s Spec
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(Start(context.Background(), s, log))
}

// Start starts the app, waits for what the spec wants of it, measures, and ends it.
func Start(ctx context.Context, s Spec, log io.Writer) Report {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	program, err := lookPath(s.Command[0], s.Env, s.Dir)
	if err != nil {
		return Report{Outcome: Unstartable, Problem: err.Error()}
	}
	report := Report{Emulated: foreign(program)}
	command := append([]string{program}, s.Command[1:]...)
	env := slices.Clone(s.Env)
	if report.Emulated {
		env = append(env, Emulated()...)
		if s.Emulator != "" {
			if command, err = interpreted(command); err != nil {
				return Report{Outcome: Unstartable, Problem: err.Error()}
			}
			command = append([]string{s.Emulator}, command...)
		}
	}
	tail := &tail{to: log}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(env, inherited()...), s.Dir, tail, tail
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A child of the app's that holds the pipe must not hold this.
	cmd.WaitDelay = time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		report.Outcome, report.Problem = Unstartable, err.Error()
		if report.Emulated && errors.Is(err, syscall.ENOEXEC) {
			report.Outcome = NoEmulator
		}
		return report
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // the state tells how
	report.wait(ctx, s, ended)
	report.Seconds = time.Since(start).Seconds()
	if report.Outcome == Ended {
		report.Code = cmd.ProcessState.ExitCode()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && report.Peak == 0 {
			report.Peak = usage.Maxrss * 1024 // Linux counts it in KiB
		}
	} else {
		report.measure(cmd.Process.Pid, s.Emulator)
		stop(cmd.Process.Pid, ended)
	}
	report.Log = tail.String()
	return report
}

// wait comes back when the app answers, ends, or has had its time.
func (r *Report) wait(ctx context.Context, s Spec, ended <-chan struct{}) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ended:
			r.Outcome = Ended
			return
		case <-ctx.Done():
			r.Outcome = Silent
			return
		case <-every.C:
		}
		for _, port := range s.Ports {
			if r.ask(ctx, client, port, s) {
				r.Outcome = Answered
				return
			}
		}
	}
}

// ask says whether the answer is final: one above 499 is of an app that is about to start.
func (r *Report) ask(ctx context.Context, client *http.Client, port int, s Spec) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(port))+s.Path, nil)
	if err != nil {
		r.Problem = err.Error()
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		if ctx.Err() == nil { // else the time is over, and the one before says more
			r.Problem = err.Error()
		}
		return false
	}
	answer.Body.Close()
	r.Status = answer.StatusCode
	return r.Status == s.Status || r.Status < http.StatusInternalServerError
}

// grace is how long an app has to end by itself.
var grace = 5 * time.Second

// stop ends the app as an orchestrator does, and after a while for good.
func stop(pid int, ended <-chan struct{}) {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(grace):
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	<-ended
}

// inherited are the variables that a container's runtime sets.
func inherited() []string {
	var env []string
	for _, name := range []string{"HOME", "HOSTNAME"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// lookPath finds a program by the image's own PATH.
func lookPath(program string, env []string, dir string) (string, error) {
	if strings.Contains(program, "/") {
		if !path.IsAbs(program) {
			program = path.Join(dir, program)
		}
		_, err := os.Stat(program)
		return program, err
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" // as runc has it
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	for folder := range strings.SplitSeq(search, ":") {
		file := path.Join("/", folder, program)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s is not in the image's PATH", program)
}

// foreign says whether a program, or the interpreter that a script names, is for another architecture.
func foreign(program string) bool {
	command, err := interpreted([]string{program})
	if err != nil {
		return false
	}
	f, ok := header(command[0])
	if runtime.GOARCH == "amd64" && f.Architecture == "386" { // such a machine runs both
		return false
	}
	return ok && f.Architecture != runtime.GOARCH
}

func header(program string) (native.File, bool) {
	file, err := os.Open(program)
	if err != nil {
		return native.File{}, false
	}
	defer file.Close()
	return native.Read(file)
}

// interpreted puts the interpreter of a script before it, as the kernel does.
func interpreted(command []string) ([]string, error) {
	file, err := os.Open(command[0])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	line, err := bufio.NewReader(io.LimitReader(file, 256)).ReadString('\n')
	if rest, script := strings.CutPrefix(line, "#!"); script && err == nil {
		interpreter, argument, _ := strings.Cut(strings.TrimSpace(rest), " ")
		before := []string{interpreter}
		if argument = strings.TrimSpace(argument); argument != "" {
			before = append(before, argument)
		}
		return append(before, command...), nil
	}
	return command, nil
}

// tail keeps the end of what is written, and hands all of it on.
type tail struct {
	to   io.Writer
	mu   sync.Mutex
	last []byte
}

// longest is how much of a log is kept.
const longest = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if over := len(t.last) - longest; over > 0 {
		t.last = slices.Clone(t.last[over:])
	}
	return t.to.Write(b)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}
