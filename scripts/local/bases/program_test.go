package bases

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var sh = program{name: "sh", pack: "dash"}

func TestMissingProgramIsNamedWithItsCure(t *testing.T) {
	_, err := program{name: "no-such-program", pack: "its-package"}.find()
	if err == nil || !strings.Contains(err.Error(), "apt-get install -y its-package") {
		t.Errorf("the error is %v", err)
	}
}

func TestFailureOfAProgramIsToldInItsWords(t *testing.T) {
	p := sh
	p.log = filepath.Join(t.TempDir(), "log")
	run, err := start(context.Background(), p, nil, "-c", `echo "I: beginning" >&2; echo "E: cannot fetch" >&2; echo "W: later" >&2; exit 3`)
	if err != nil {
		t.Fatal(err)
	}
	// What is read ends too early: the program's failure, not the archive's.
	err = run.wait(eachEntry(run.out, func(*tar.Header, io.Reader) error { return nil }))
	if err == nil || !strings.Contains(err.Error(), "E: cannot fetch") || !strings.Contains(err.Error(), p.log) {
		t.Errorf("the error is %v", err)
	}
	if log, _ := os.ReadFile(p.log); !strings.Contains(string(log), "W: later") {
		t.Errorf("the log is %q", log)
	}
}

func TestTruncatedOutputIsTheProgramsFailure(t *testing.T) {
	run, err := start(context.Background(), sh, nil, "-c", `head -c 100 /dev/zero | tr '\0' x; echo "E: broken off" >&2; exit 1`)
	if err != nil {
		t.Fatal(err)
	}
	err = run.wait(eachEntry(run.out, func(*tar.Header, io.Reader) error { return nil }))
	if err == nil || !strings.Contains(err.Error(), "E: broken off") {
		t.Errorf("the error is %v", err)
	}
}

func TestOurFailureStopsAProgramThatWritesOn(t *testing.T) {
	run, err := start(context.Background(), sh, nil, "-c", "yes")
	if err != nil {
		t.Fatal(err)
	}
	if err := run.wait(syscall.ENOSPC); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v", err)
	}
}

func TestFullDiskOfAProgramIsAFullDisk(t *testing.T) {
	run, err := start(context.Background(), sh, nil, "-c", `echo "tar: x: Cannot write: No space left on device" >&2; exit 2`)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.wait(nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v", err)
	}
}
