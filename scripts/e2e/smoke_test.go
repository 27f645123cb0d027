//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// smoked is what smoke --format json promises, docs/smoke.md.
type smoked struct {
	Reference string
	Platforms []struct {
		Platform, Digest, Architecture, Emulation string
		Healthy                                   bool
		Status, NativeFiles                       int
		Seconds                                   float64
		PeakBytes                                 int64
	}
	Notes []string
}

// TestTheGate: what is pushed by digest is inspected and started on both platforms, arm64 under emulation, before a tag is
// written; a red check leaves no tag.
func TestTheGate(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	image := repository(t)
	green := dagger(t, "--progress=plain", "call", "build-and-push", "--image", image+":green", "--require", "smoke,inspect", "--smoke-timeout", "10m", "--format", "json")
	var told struct {
		publication
		Checks []struct {
			Name string
			Said []string
		}
	}
	if err := json.Unmarshal([]byte(green.stdout), &told); green.code != 0 || err != nil {
		t.Fatalf("code %d, %v\n%s", green.code, err, tail(green.stderr))
	}
	if len(told.Checks) != 2 || told.Checks[0].Name != "inspect" || told.Checks[1].Name != "smoke" || len(told.Checks[1].Said) != 2 {
		t.Fatalf("checks %+v", told.Checks)
	}
	for i, says := range []string{"linux/amd64 answered 200 after ", "linux/arm64 answered 200 after "} {
		architecture := strings.TrimPrefix(strings.Fields(says)[0], "linux/")
		if line := told.Checks[1].Said[i]; !strings.HasPrefix(line, says) || !strings.Contains(line, "process "+architecture+" (") || strings.Contains(line, "emulated") != (i == 1) {
			t.Errorf("the check says %q", line)
		}
	}
	if !tagged(t, image+":green") {
		t.Error("green, and no tag")
	}

	red := dagger(t, "--progress=plain", "call", "--platforms", "linux/amd64", "build-and-push", "--image", image+":red", "--require", "smoke", "--smoke-path", "/nowhere")
	message := red.stderr[strings.LastIndex(red.stderr, "Error: ")+1:]
	for _, says := range []string{"the required check smoke failed, and no tag was written", "smoke test of linux/amd64: it answered 404 on /nowhere, not 200", "Now listening on"} {
		if red.code == 0 || !strings.Contains(message, says) {
			t.Errorf("code %d, no %q in\n%s", red.code, says, message)
		}
	}
	if tagged(t, image+":red") {
		t.Error("red, and a tag")
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"smoke", "--image", told.Reference, "--probe-port", "9", "--timeout", "2s"}, "it did not answer 200 on /healthz within 2s"},
		{[]string{"--platforms", "linux/riscv64", "smoke", "--image", told.Reference}, "it has no linux/riscv64, only linux/amd64, linux/arm64"},
		{[]string{"--platforms", "linux/riscv64", "inspect", "--image", told.Reference}, "it has no linux/riscv64, only linux/amd64, linux/arm64"},
		{[]string{"build-and-push", "--image", image, "--require", "smoke,lint"}, `there is no check "lint"`},
	} {
		if c.args[0] == "smoke" {
			c.args = append([]string{"--platforms", "linux/amd64"}, c.args...)
		}
		r := dagger(t, append([]string{"--progress=plain", "call"}, c.args...)...)
		if r.code == 0 || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: code %d, no %q in\n%s", c.args, r.code, c.says, tail(r.stderr))
		}
	}
}

// TestSmokeOfABuildThatIsNotPushed: a job that ends by itself, from the archive of what was assembled.
func TestSmokeOfABuildThatIsNotPushed(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	r := dagger(t, "--progress=plain", "call", "--source", filepath.Join("scripts", "e2e", "testdata", "worker"), "--platforms", "linux/amd64",
		"smoke", "--expect-exit", "--format", "json")
	var told smoked
	if err := json.Unmarshal([]byte(r.stdout), &told); r.code != 0 || err != nil {
		t.Fatalf("code %d, %v\n%s", r.code, err, tail(r.stderr))
	}
	if one := told.Platforms[0]; len(told.Platforms) != 1 || !one.Healthy || one.Platform != "linux/amd64" || one.Seconds <= 0 || one.PeakBytes == 0 || one.Emulation != "" {
		t.Errorf("%+v", told)
	}
}
