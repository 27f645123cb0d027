package smoke

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The tests' own program is the app that they start.
func TestMain(m *testing.M) {
	if kind := os.Getenv("SMOKE_TEST_APP"); kind != "" {
		app(kind, os.Getenv("SMOKE_TEST_PORT"))
		return
	}
	os.Exit(m.Run())
}

func app(kind, port string) {
	wd, _ := os.Getwd()
	fmt.Println("started in", wd, "secret", os.Getenv("SMOKE_TEST_SECRET"))
	var asked atomic.Int32
	handler := func(w http.ResponseWriter, _ *http.Request) {
		switch kind {
		case "missing":
			w.WriteHeader(http.StatusNotFound)
		case "starting":
			if asked.Add(1) < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "unhealthy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "elsewhere":
			w.Header().Set("Location", "https://example.com/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	}
	switch kind {
	case "crash":
		fmt.Fprintln(os.Stderr, "Unhandled exception")
		os.Exit(3)
	case "job":
		return
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	err := http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(handler))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// spec starts the app of a kind on a free port.
func spec(t *testing.T, kind string) Spec {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return Spec{
		Options: Options{Path: "/healthz", Status: 200, Timeout: time.Minute}, Command: []string{program}, Dir: t.TempDir(), Ports: []int{port},
		Env: []string{"SMOKE_TEST_APP=" + kind, fmt.Sprint("SMOKE_TEST_PORT=", port)},
	}
}

func TestAnAppThatAnswersIsMeasuredAndEnded(t *testing.T) {
	t.Setenv("SMOKE_TEST_SECRET", "of the engine")
	for _, kind := range []string{"healthy", "starting"} {
		s := spec(t, kind)
		r := Start(t.Context(), s, io.Discard)
		if r.Outcome != Answered || r.Status != 200 || r.Emulated || r.Seconds <= 0 {
			t.Fatalf("%s: %+v", kind, r)
		}
		if runtime.GOOS == "linux" && (r.Peak < 1<<20 || r.Files[runtime.GOARCH] == 0 || len(r.Files) != 1) {
			t.Errorf("%s: peak %d, native files %v", kind, r.Peak, r.Files)
		}
		// Nothing of the engine's environment, all of the image's.
		if !strings.Contains(r.Log, "started in "+s.Dir+" secret \n") {
			t.Errorf("%s: the app says %q", kind, r.Log)
		}
		nobodyListens(t, s)
	}
}

func TestHowAStartEnds(t *testing.T) {
	for kind, want := range map[string]Report{
		"missing":   {Outcome: Answered, Status: 404},
		"elsewhere": {Outcome: Answered, Status: 307},
		"crash":     {Outcome: Ended, Code: 3},
		"job":       {Outcome: Ended},
	} {
		r := Start(t.Context(), spec(t, kind), io.Discard)
		if r.Outcome != want.Outcome || r.Status != want.Status || r.Code != want.Code {
			t.Errorf("%s: %+v, want %+v", kind, r, want)
		}
		if kind == "crash" && !strings.Contains(r.Log, "Unhandled exception") {
			t.Errorf("the log of the crash is %q", r.Log)
		}
	}
}

// TestAnAppThatIsNeverHealthyIsEnded: the time is over by a cancelled context, not by a clock.
func TestAnAppThatIsNeverHealthyIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := spec(t, "unhealthy")
	started := writerFunc(func(b []byte) (int, error) {
		cancel()
		return len(b), nil
	})
	if r := Start(ctx, s, started); r.Outcome != Silent || !strings.Contains(r.Log, "started in") {
		t.Errorf("%+v", r)
	}
	nobodyListens(t, s)
}

func TestAnAppThatHeedsNoSignalIsEnded(t *testing.T) {
	defer func(before time.Duration) { grace = before }(grace)
	grace = 0
	s := spec(t, "stubborn")
	if r := Start(t.Context(), s, io.Discard); r.Outcome != Answered {
		t.Errorf("%+v", r)
	}
	nobodyListens(t, s)
}

func nobodyListens(t *testing.T, s Spec) {
	t.Helper()
	if answer, err := http.Get(fmt.Sprint("http://127.0.0.1:", s.Ports[0])); err == nil {
		answer.Body.Close()
		t.Error("the app still runs")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestProgramsThatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, foreignProgram(), 0o755); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!"+foreign+" -x\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command, env, want, says string
	}{
		{"no-such-program", "PATH=" + dir, Unstartable, "no-such-program is not in the image's PATH"},
		{"/no/such/program", "", Unstartable, "no such file"},
		{foreign, "", NoEmulator, ""},
		{"foreign", "PATH=" + dir, NoEmulator, ""},
		{script, "", NoEmulator, ""},
	} {
		if c.want == NoEmulator && runtime.GOOS != "linux" {
			continue
		}
		r := Start(t.Context(), Spec{Options: Options{Timeout: time.Minute}, Command: []string{c.command}, Env: []string{c.env}, Dir: dir}, io.Discard)
		if r.Outcome != c.want || !strings.Contains(r.Problem, c.says) {
			t.Errorf("%s: %+v, want %s with %q", c.command, r, c.want, c.says)
		}
	}
}

// foreignProgram is the header of an ELF program for a machine that nobody here has.
func foreignProgram() []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20], header[52] = 2, 43, 1, 64 // an executable for SPARC
	return header
}

func TestAScriptIsGivenToItsInterpreter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "start.sh")
	if err := os.WriteFile(file, []byte("#! /bin/sh -e\nexec app\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := interpreted([]string{file, "one"})
	if err != nil || strings.Join(got, " ") != "/bin/sh -e "+file+" one" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTheLogKeepsItsEnd(t *testing.T) {
	l := &tail{to: io.Discard}
	for i := range 3000 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	if got := l.String(); len(got) != longest || !strings.HasSuffix(got, "line 2999\n") {
		t.Errorf("%d bytes, ending %q", len(got), got[len(got)-20:])
	}
}
