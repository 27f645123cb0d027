package measure

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// contained runs a measured command with a process space of its own, as a container has it.
func contained(t *testing.T, limit time.Duration, command ...string) (Measurement, string, *exec.Cmd) {
	t.Helper()
	alone := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if out, err := exec.Command("unshare", append(alone, "true")...).CombinedOutput(); err != nil {
		t.Skipf("misses that a command is measured: a process space of its own wants root and unshare: %v %s", err, out)
	}
	cmd := exec.Command("unshare", append(alone, Command(limit, command)...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	m, said, err := Parse(string(out))
	if err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return m, said, cmd
}

func TestCommandKeepsOutputAndExitCode(t *testing.T) {
	m, said, cmd := contained(t, time.Minute, "sh", "-c", "printf one; exit 7")
	if said != "one" || m.Code != 7 || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("said %q, code %d, exit code %d", said, m.Code, cmd.ProcessState.ExitCode())
	}
}

const burn = `i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done`

func TestCPUIsWhatTheKernelCounts(t *testing.T) {
	m, _, cmd := contained(t, time.Minute, "sh", "-c", burn)
	state := cmd.ProcessState
	// The kernel counts the shells that measure too, and in finer steps.
	if kernel := (state.UserTime() + state.SystemTime()).Seconds(); m.CPU > kernel+0.05 || m.CPU < kernel*0.5 {
		t.Errorf("measured %.2f s of CPU, the kernel counted %.2f", m.CPU, kernel)
	}
}

func TestCPUIsAlsoThatOfProcessesThatOutliveTheCommand(t *testing.T) {
	one, _, _ := contained(t, time.Minute, "sh", "-c", burn)
	// The second does the same work twice before the command ends: itself, and in a process that goes on.
	two, _, _ := contained(t, time.Minute, "sh", "-c", `done=$(mktemp -u); (`+burn+`; >"$done"; exec sleep 60) >/dev/null 2>&1 & `+
		burn+`; until [ -e "$done" ]; do sleep 0.01; done; rm "$done"`)
	if two.CPU < 1.4*one.CPU {
		t.Errorf("%.2f s of CPU alone, %.2f s with a process that outlives the command", one.CPU, two.CPU)
	}
}

func TestPeakIsTheMemoryOfTheCommand(t *testing.T) {
	const wanted = 64 << 20
	m, _, _ := contained(t, time.Minute, "sh", "-c", "dd if=/dev/zero bs=64M count=1 2>/dev/null | (sleep 5; cat >/dev/null)")
	if m.Peak < wanted || m.Peak > 2*wanted {
		t.Errorf("peak is %d bytes, want %d and a little", m.Peak, wanted)
	}
}

func TestCommandEndsAtTheLimit(t *testing.T) {
	m, _, _ := contained(t, time.Second, "sleep", "600")
	if m.Code == 0 || m.Wall < 0.99 {
		t.Errorf("code %d after %.2f s", m.Code, m.Wall)
	}
}

func TestParse(t *testing.T) {
	const figures = "@measured begin=100.50 end=112.75 code=0 peak=2048 left=150 user=1m2.50s system=0m0.25s\n"
	m, said, err := Parse("@measured is what a program may print\n" + figures)
	if err != nil || said != "@measured is what a program may print" {
		t.Fatal(said, err)
	}
	if want := (Measurement{Wall: 12.25, CPU: 64.25, Peak: 2 << 20}); m != want {
		t.Errorf("%+v, want %+v", m, want)
	}
	for _, bad := range []string{"", "exec format error", strings.Replace(figures, "1m2.50s", "62.5", 1), strings.Replace(figures, "begin=100.50", "begin=x", 1)} {
		if _, _, err := Parse(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestStepsAddUp(t *testing.T) {
	sum := Measurement{Wall: 1, CPU: 2, Peak: 30}.Add(Measurement{Wall: 10, CPU: 20, Peak: 3, Code: 4})
	if want := (Measurement{Wall: 11, CPU: 22, Peak: 30, Code: 4}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}
