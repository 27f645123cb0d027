package smoke

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

func TestParseOptions(t *testing.T) {
	good, err := ParseOptions("/healthz?full=1", 204, "90s", false, 8081)
	if err != nil || good != (Options{Path: "/healthz?full=1", Status: 204, Timeout: 90 * time.Second, Port: 8081}) {
		t.Errorf("%+v, %v", good, err)
	}
	for _, c := range []struct {
		path, timeout string
		status, port  int
		says          string
	}{
		{"healthz", "1m", 200, 0, "--path"}, {"http://a/b", "1m", 200, 0, "--path"}, {"/", "0s", 200, 0, "--timeout"}, {"/", "soon", 200, 0, "--timeout"},
		{"/", "1m", 99, 0, "--expect-status"}, {"/", "1m", 200, 70000, "--probe-port"},
	} {
		if _, err := ParseOptions(c.path, c.status, c.timeout, false, c.port); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestARequiredCheckNamesTheFlagsOfAPush: a push has not the flags of smoke.
func TestARequiredCheckNamesTheFlagsOfAPush(t *testing.T) {
	required := func(path, timeout string, exit bool) Options {
		o, err := ParseRequired(true, path, timeout, exit)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := required("", "", false); o.Path != "/healthz" || o.Timeout != 3*time.Minute || o.Status != 200 {
		t.Errorf("%+v", o)
	}
	refused := func(must bool, path, timeout string, exit bool) string {
		_, err := ParseRequired(must, path, timeout, exit)
		if err == nil {
			t.Fatalf("%v %q %q %v is taken", must, path, timeout, exit)
		}
		return err.Error()
	}
	amd64, web, job := platform.Default()[0], required("/ready", "1m", false), required("", "1m", true)
	judged := func(o Options, r Report) string { return Judge(o, amd64, "", "", r).Problem }
	_, unasked := NewSpec(web, &v1.ConfigFile{Config: v1.Config{Cmd: []string{"a"}}})
	for said, names := range map[string][]string{
		refused(true, "ready", "", false):                 {"--smoke-path"},
		refused(true, "", "soon", false):                  {"--smoke-timeout"},
		refused(false, "/ready", "", false):               {"--smoke-path", "--require"},
		refused(false, "", "1m", false):                   {"--smoke-timeout", "--require"},
		refused(false, "", "", true):                      {"--smoke-exit", "--require"},
		judged(web, Report{Outcome: Silent}):              {"--smoke-timeout", "--smoke-path", "--port"},
		judged(web, Report{Outcome: Answered, Status: 4}): {"--smoke-path"},
		judged(job, Report{Outcome: Silent}):              {"--smoke-timeout"},
		unasked.Error():                                   {"--port", "--smoke-exit"},
		web.EmulatorCure(amd64):                           {"--install amd64"},
	} {
		for _, flag := range names {
			if !strings.Contains(said, flag) {
				t.Errorf("no %s in %q", flag, said)
			}
		}
		for _, flag := range []string{" --path", " --expect", " --timeout", " --probe-port", "--emulator"} {
			if strings.Contains(said, flag) {
				t.Errorf("a push has not the%s of %q", flag, said)
			}
		}
	}
	if _, err := ParseRequired(false, "", "", false); err != nil {
		t.Error(err)
	}
}

func TestASpecIsWhatTheImageSays(t *testing.T) {
	config := func(entrypoint []string, ports ...string) *v1.ConfigFile {
		c := v1.Config{Entrypoint: entrypoint, Cmd: []string{"--now"}, Env: []string{"A=1"}, ExposedPorts: map[string]struct{}{}}
		for _, p := range ports {
			c.ExposedPorts[p] = struct{}{}
		}
		return &v1.ConfigFile{Config: c}
	}
	s, err := NewSpec(Options{}, config([]string{"dotnet", "/app/App.dll"}, "8081/tcp", "53/udp", "8080"))
	if err != nil || strings.Join(s.Command, " ") != "dotnet /app/App.dll --now" || !slices.Equal(s.Ports, []int{8080, 8081}) || s.Dir != "/" || s.Env[0] != "A=1" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = NewSpec(Options{Port: 9}, config([]string{"a"}, "8080")); err != nil || !slices.Equal(s.Ports, []int{9}) {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = NewSpec(Options{Exit: true}, config([]string{"a"}, "8080")); err != nil || s.Ports != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err = NewSpec(Options{}, config([]string{"a"}, "53/udp")); err == nil || !strings.Contains(err.Error(), "--probe-port") {
		t.Errorf("%v", err)
	}
	if _, err = NewSpec(Options{}, &v1.ConfigFile{}); err == nil || !strings.Contains(err.Error(), "neither entry point nor command") {
		t.Errorf("%v", err)
	}
}

func TestJudge(t *testing.T) {
	arm64 := platform.Default()[1]
	web, job := Options{Path: "/healthz", Status: 200, Timeout: time.Minute}, Options{Exit: true, Timeout: time.Minute}
	for _, c := range []struct {
		options Options
		report  Report
		says    string // "" is healthy
	}{
		{web, Report{Outcome: Answered, Status: 200, Files: map[string]int{"arm64": 3}, Emulated: true}, ""},
		{web, Report{Outcome: Answered, Status: 200, Files: map[string]int{"amd64": 3}}, "loaded native files for amd64"},
		{web, Report{Outcome: Answered, Status: 404}, "it answered 404 on /healthz, not 200"},
		{web, Report{Outcome: Ended, Code: 134}, "it ended with code 134 before it answered on /healthz"},
		{web, Report{Outcome: Ended}, "it ended with code 0 before it answered"},
		{web, Report{Outcome: Silent, Status: 503}, "within 1m0s (the last answer was 503)"},
		{web, Report{Outcome: Silent, Problem: "connection refused"}, "(connection refused)"},
		{web, Report{Outcome: Unstartable, Problem: "no such file"}, "cannot be started: no such file"},
		{web, Report{Outcome: NoEmulator}, "another architecture"},
		{job, Report{Outcome: Ended}, ""},
		{job, Report{Outcome: Ended, Code: 1}, "it ended with code 1"},
		{job, Report{Outcome: Silent}, "it did not end within 1m0s"},
	} {
		c.report.Log = "the log"
		r := Judge(c.options, arm64, "sha256:1", "QEMU", c.report)
		if r.Healthy != (c.says == "") || !strings.Contains(r.Problem, c.says) || r.Healthy != (r.Log == "") {
			t.Errorf("%+v: %+v, want %q", c.report, r, c.says)
		}
		if err := Failed([]Result{r}); (err == nil) != r.Healthy || err != nil && !strings.Contains(err.Error(), "smoke test of linux/arm64: "+r.Problem+"\nits log:\nthe log") {
			t.Errorf("%v", err)
		}
	}
}

func tested() Tested {
	return NewTested("a.example/app@sha256:1", []Result{
		{Platform: "linux/amd64", Digest: "sha256:2", Healthy: true, Status: 200, Seconds: 0.42, Architecture: "amd64", NativeFiles: 14, PeakBytes: 66_500_000},
		{Platform: "linux/arm64", Digest: "sha256:3", Healthy: true, Status: 200, Seconds: 24.3, Architecture: "arm64", NativeFiles: 14, PeakBytes: 490_000_000, Emulation: "QEMU"},
	})
}

func TestTextSaysThatSpeedUnderEmulationMeansNothing(t *testing.T) {
	got, err := tested().String("text")
	if err != nil {
		t.Fatal(err)
	}
	want := `a.example/app@sha256:1

linux/amd64  sha256:2  answered 200 after 0.4 s, process amd64 (14 native files), peak memory 66.5 MB
linux/arm64  sha256:3  answered 200 after 24.3 s, process arm64 (14 native files), peak memory 490.0 MB, emulated by QEMU
note: speed and memory under emulation say nothing about the real machine
`
	if got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
	native := NewTested("", tested().Platforms[:1])
	if len(native.Notes) > 0 {
		t.Errorf("nothing was emulated, and the notes are %q", native.Notes)
	}
}

// The names are a contract with users' pipelines; docs/smoke.md has them.
func TestNamesInJSONAreAContract(t *testing.T) {
	got, err := tested().String("json")
	if err != nil {
		t.Fatal(err)
	}
	var fields struct {
		Reference string
		Notes     []string
		Platforms []map[string]any
	}
	if err := json.Unmarshal([]byte(got), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"platform", "digest", "healthy", "status", "seconds", "architecture", "nativeFiles", "peakBytes", "emulation"} {
		if fields.Platforms[1][name] == nil {
			t.Errorf("no %q in %s", name, got)
		}
	}
	markdown, err := tested().String("markdown")
	if err != nil || !strings.Contains(markdown, "| linux/arm64 | `sha256:3` | answered 200 after 24.3 s") {
		t.Errorf("%v\n%s", err, markdown)
	}
}
