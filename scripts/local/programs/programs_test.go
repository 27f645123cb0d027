package programs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMissingLooksForEveryFile(t *testing.T) {
	path, cni := t.TempDir(), t.TempDir()
	t.Setenv("PATH", path)
	addProgram(t, path, "one", "")
	plugins := Program{Name: "plugins", Files: []string{"a", "b"}, Folders: []string{"/nowhere", cni}}
	addProgram(t, cni, "a", "")
	wanted := []Program{{Name: "one"}, {Name: "no-such-program"}, plugins}
	if got := names(Missing(wanted)); got != "no-such-program plugins" {
		t.Errorf("missing: %s", got)
	}
	addProgram(t, cni, "b", "")
	if got := names(Missing(wanted)); got != "no-such-program" {
		t.Errorf("missing: %s", got)
	}
}

func TestEnsureDoesNothingWhereNothingIsMissing(t *testing.T) {
	path := t.TempDir()
	t.Setenv("PATH", path)
	addProgram(t, path, "one", "")
	if err := installer(t, nil).Ensure(t.Context(), []Program{{Name: "one"}}); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureWithoutAptNamesEachLackAndItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := installer(t, nil).Ensure(t.Context(), []Program{{Name: "no-such", Package: "the-package", Why: "does something"}})
	if err == nil || !strings.Contains(err.Error(), "the-package (does something)") {
		t.Fatalf("error %v", err)
	}
}

// fakeApt notes its arguments, and installs once its lists are updated.
const fakeApt = `echo "$@" >> %[1]s/calls
case "$*" in
  *update*) : > %[1]s/updated;;
  *install*) [ -e %[1]s/updated ] || { echo 'E: Unable to locate package'; exit 100; }
    printf '#!/bin/sh\n' > %[1]s/wanted-program; /bin/chmod +x %[1]s/wanted-program;;
esac`

func TestEnsureFetchesListsOnlyWhenThoseThereDoNotDo(t *testing.T) {
	for name, tc := range map[string]struct {
		updated bool
		calls   int
	}{
		"fresh machine": {false, 3}, "lists are there": {true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			t.Setenv("PATH", path)
			addProgram(t, path, "apt-get", fmt.Sprintf(fakeApt, path))
			if tc.updated {
				addProgram(t, path, "updated", "")
			}
			var said []string
			wanted := []Program{{Name: "wanted-program", Package: "wanted-package", Why: "is wanted"}}
			if err := installer(t, &said).Ensure(t.Context(), wanted); err != nil {
				t.Fatal(err)
			}
			calls, err := os.ReadFile(filepath.Join(path, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(calls), "\n"); got != tc.calls {
				t.Errorf("%d calls:\n%s", got, calls)
			}
			if !strings.Contains(string(calls), "install -y --no-install-recommends --no-remove wanted-package\n") {
				t.Errorf("calls:\n%s", calls)
			}
			if len(said) != 1 || !strings.Contains(said[0], "wanted-package (is wanted)") {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestEnsureShowsWhatAptSaid(t *testing.T) {
	path := t.TempDir()
	t.Setenv("PATH", path)
	addProgram(t, path, "apt-get", "echo 'E: no network'; exit 100")
	i := installer(t, new([]string))
	err := i.Ensure(context.Background(), []Program{{Name: "no-such", Package: "p"}})
	if err == nil || !strings.Contains(err.Error(), "E: no network") || !strings.Contains(err.Error(), i.Log) {
		t.Fatalf("error %v", err)
	}
}

func installer(t *testing.T, said *[]string) Installer {
	t.Helper()
	return Installer{Log: filepath.Join(t.TempDir(), "logs", "apt.log"), Say: func(format string, args ...any) {
		if said == nil {
			t.Errorf("said: "+format, args...)
			return
		}
		*said = append(*said, fmt.Sprintf(format, args...))
	}}
}

func addProgram(t *testing.T, folder, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func names(list []Program) string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}
