package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/bases"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
)

func TestEnvironmentKeepsWhatTheCallerSet(t *testing.T) {
	set := []variable{{name: "A", value: "ours"}, {name: "B", value: "ours"}, {name: "C", value: "ours", always: true}}
	got := apply([]string{"A=theirs", "C=theirs", "D=theirs"}, set)
	if want := []string{"A=theirs", "D=theirs", "B=ours", "C=ours"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	lookup := func(name string) (string, bool) { return "", name == "A" || name == "C" }
	if got, want := exports(set, lookup), "export B='ours'\nexport C='ours'\n"; got != want {
		t.Errorf("exports %q, want %q", got, want)
	}
}

func TestExportsSurviveAShell(t *testing.T) {
	value := `a 'b' "c" $d \ ; e`
	script := exports([]variable{{name: "V", value: value}}, func(string) (string, bool) { return "", false })
	out, err := exec.Command("/bin/sh", "-c", script+`printf %s "$V"`).Output()
	if err != nil || string(out) != value {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestBaseVariablesLeaveOutWhatIsEmpty(t *testing.T) {
	if got := baseVariables(bases.Choice{Source: "mcr.microsoft.com"}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	got := baseVariables(bases.Choice{BaseRegistry: "127.0.0.1:5001", SDKImage: "s", Property: "p"})
	want := []variable{
		{name: "DOTNET_MULTIARCH_BASE_REGISTRY", value: "127.0.0.1:5001"},
		{name: "DOTNET_MULTIARCH_SDK_IMAGE", value: "s"},
		{name: "DOTNET_MULTIARCH_PROPERTY", value: "p"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestOneVariableSaysAllToTheEnvFile: Dagger asks for each variable of a .env many times.
func TestOneVariableSaysAllToTheEnvFile(t *testing.T) {
	for name, tc := range map[string]struct {
		choice bases.Choice
		theirs map[string]string
		want   string
	}{
		"defaults":  {want: "tcp://127.0.0.1:5001|mcr.microsoft.com||"},
		"composed":  {choice: bases.Choice{BaseRegistry: "127.0.0.1:5001", SDKImage: "s", Property: "A=1;B=2"}, want: "tcp://127.0.0.1:5001|127.0.0.1:5001|s|A=1;B=2"},
		"caller's":  {theirs: map[string]string{"DOTNET_MULTIARCH_BASE_REGISTRY": "mirror.example.com"}, want: "tcp://127.0.0.1:5001|mirror.example.com||"},
		"emptied":   {choice: bases.Choice{Property: "A=1"}, theirs: map[string]string{"DOTNET_MULTIARCH_PROPERTY": ""}, want: "tcp://127.0.0.1:5001|mcr.microsoft.com||"},
		"no name":   {theirs: map[string]string{"DOTNET_MULTIARCH_REGISTRY": "", "DOTNET_MULTIARCH_BASE_REGISTRY": ""}, want: "tcp://127.0.0.1:5001|mcr.microsoft.com||"},
		"stale one": {theirs: map[string]string{"DOTNET_MULTIARCH_LOCAL": "old"}, want: "tcp://127.0.0.1:5001|mcr.microsoft.com||"},
	} {
		set := withLocal(append(registryVariables(5001), baseVariables(tc.choice)...), func(name string) (string, bool) {
			value, has := tc.theirs[name]
			return value, has
		})
		want := variable{name: "DOTNET_MULTIARCH_LOCAL", value: tc.want, always: true}
		if got := set[len(set)-1]; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFolderIsPutBeforeAPathOnce(t *testing.T) {
	for path, want := range map[string]string{"/a:/b": "/x:/a:/b", "/x:/a": "/x:/a", "/x": "/x", "/xy:/a": "/x:/xy:/a"} {
		if got := withFolder(path, "/x"); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestComposingNeedsProgramsByItsSource(t *testing.T) {
	for _, tc := range []struct{ forced, bundle, want string }{
		{"mcr", "", ""}, {"mcr", "/b", ""}, {"bundle", "/b", "mmdebstrap xz"}, {"", "/b", "mmdebstrap xz"},
		{"npm", "/b", "npm mmdebstrap xz"}, {"", "", "npm mmdebstrap xz"},
	} {
		var names []string
		for _, p := range composing(tc.forced, tc.bundle) {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != tc.want {
			t.Errorf("forced %q, bundle %q: %s", tc.forced, tc.bundle, got)
		}
	}
}

func TestOnlyMicrosoftsImagesAreTrustedUnasked(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		remembered remembered
		want       bool
	}{
		"just now":              {remembered{At: now}, true},
		"long ago":              {remembered{At: now.Add(-2 * mcrTrust)}, false},
		"the clock went back":   {remembered{At: now.Add(time.Hour)}, false},
		"composed":              {remembered{At: now, Choice: bases.Choice{BaseRegistry: "127.0.0.1:5001"}}, false},
		"nothing is remembered": {remembered{}, false},
	} {
		if got := tc.remembered.fresh(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAChoiceHoldsForItsCircumstances(t *testing.T) {
	l := local{cache: cache.Cache{Dir: t.TempDir()}}
	t.Setenv(bases.SourceVariable, "")
	t.Setenv("DOTNET_BUNDLE", "")
	choice := bases.Choice{Source: "somewhere"}
	if err := l.rememberBases(5001, choice); err != nil {
		t.Fatal(err)
	}
	if r, known := l.rememberedBases(5001); !known || r.Choice != choice {
		t.Errorf("got %+v, %v", r, known)
	}
	if _, known := l.rememberedBases(5002); known {
		t.Error("holds for another registry")
	}
	t.Setenv("DOTNET_BUNDLE", "/b")
	if _, known := l.rememberedBases(5001); known {
		t.Error("holds for another bundle")
	}
	if _, known := l.lastBases(); !known {
		t.Error("is forgotten")
	}
}

func TestWrongArgumentsAreUsageErrors(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, args := range [][]string{nil, {"--source"}, {"--source", "/x"}, {"--source", "/x", "unknown"}, {"--source", "/x", "status", "extra"}, {"serve-registry"}} {
		if err := run(t.Context(), args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// fakeGo stands for the compiler: what it builds prints its arguments.
const fakeGo = `#!/bin/sh
echo built >> "$COUNT"
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\necho "$@"\n' > "$2"; chmod +x "$2"
`

func TestScriptBuildsOncePerContent(t *testing.T) {
	scripts, tools, home := t.TempDir(), t.TempDir(), t.TempDir()
	for _, file := range []string{"../dagger", "launch.sh", "go.mod"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(scripts, "local", file)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tools, "go"), []byte(fakeGo), 0o755); err != nil {
		t.Fatal(err)
	}
	count := filepath.Join(home, "count")
	call := func(want int) {
		t.Helper()
		cmd := exec.Command(filepath.Join(scripts, "dagger"), "call", "a b")
		cmd.Env = []string{"PATH=" + tools + ":/usr/bin:/bin", "HOME=" + home, "COUNT=" + count}
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		real, _ := filepath.EvalSymlinks(scripts)
		if got := strings.TrimSpace(string(out)); err != nil || got != fmt.Sprintf("--source %s/local dagger call a b", real) {
			t.Fatalf("printed %q, %v", got, err)
		}
		built, err := os.ReadFile(count)
		if err != nil || strings.Count(string(built), "\n") != want {
			t.Fatalf("built %d times, want %d", strings.Count(string(built), "\n"), want)
		}
	}
	call(1)
	call(1)
	add := func(name string) {
		if err := cache.WriteFile(filepath.Join(scripts, "local", name), []byte("package x\n")); err != nil {
			t.Fatal(err)
		}
	}
	add("x_test.go")
	add("daggerengine/go.mod")
	call(1)
	add("x.go")
	call(2)
}
