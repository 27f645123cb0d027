// Package smoke starts an image as it will run and waits until it answers. Its one part asks and tells: what is to be checked,
// what came of it. The other, the agent, runs inside the image's own files, as its user: images have no shell to measure with.
package smoke

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Where things lie in the container that the agent runs in.
const (
	Dir      = "/.dotnet-multiarch"
	Agent    = Dir + "/agent"
	SpecFile = Dir + "/spec.json"
	Emulator = Dir + "/emulator"
)

// Options are what a healthy image does.
type Options struct {
	// Path is what is asked for, such as /healthz.
	Path string
	// Status is what the answer has to have.
	Status int
	// Timeout is for one platform, from its start.
	Timeout time.Duration
	// Exit says that the app ends by itself, with code 0, and answers nobody.
	Exit bool
	// Port that it answers on; 0 for those that the image exposes.
	Port int
	// required says that a push asks, whose flags have other names.
	required bool
}

// What is asked for, and for how long, where a push requires the check and says neither.
const (
	defaultPath    = "/healthz"
	defaultTimeout = "3m"
)

// ParseOptions reads the caller's words; the timeout is one of Go's durations, such as 90s or 5m.
func ParseOptions(path string, status int, timeout string, exit bool, port int) (Options, error) {
	return Options{Status: status, Exit: exit, Port: port}.with(path, timeout)
}

// ParseRequired reads the words of a caller who may require the check of a push: they are wrong where the push does not.
func ParseRequired(required bool, path, timeout string, exit bool) (Options, error) {
	o := Options{Status: http.StatusOK, Exit: exit, required: true}
	for _, flag := range []struct {
		name  string
		given bool
	}{{o.flags().path, path != ""}, {o.flags().timeout, timeout != ""}, {o.flags().exit, exit}} {
		if flag.given && !required {
			return Options{}, fmt.Errorf("reading %s: it is for the check smoke, which is not required: add smoke to --require, or leave %s out", flag.name, flag.name)
		}
	}
	return o.with(cmp.Or(path, defaultPath), cmp.Or(timeout, defaultTimeout))
}

func (o Options) with(path, timeout string) (Options, error) {
	var err error
	o.Path = path
	o.Timeout, err = time.ParseDuration(timeout)
	if err != nil || o.Timeout <= 0 {
		return Options{}, fmt.Errorf("reading %s %q: want a duration above zero, such as 90s or 5m", o.flags().timeout, timeout)
	}
	if u, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") || u.Host != "" {
		return Options{}, fmt.Errorf("reading %s %q: want a path such as /healthz", o.flags().path, path)
	}
	if o.Status < 200 || o.Status > 599 {
		return Options{}, fmt.Errorf("reading %s %d: want a status of HTTP from 200 to 599", o.flags().status, o.Status)
	}
	if o.Port < 0 || o.Port > 65535 {
		return Options{}, fmt.Errorf("reading %s %d: want a port from 1 to 65535", o.flags().port, o.Port)
	}
	return o, nil
}

// flags are what a caller's flags are called. There is none for the status where a push asks.
type flags struct{ path, status, timeout, exit, port string }

func (o Options) flags() flags {
	if o.required {
		return flags{"--smoke-path", "", "--smoke-timeout", "--smoke-exit", "--port before the function's name"}
	}
	return flags{"--path", "--expect-status", "--timeout", "--expect-exit", "--probe-port"}
}

// Spec is what the agent is told.
type Spec struct {
	Options
	// Command, Env and Dir are the image's own.
	Command []string
	Env     []string
	Dir     string
	// Ports to ask on; none where the app ends by itself.
	Ports []int
	// Emulator is the program that runs those of a foreign platform; "" where the kernel shall.
	Emulator string
}

// NewSpec reads from an image's config how it runs.
func NewSpec(o Options, file *v1.ConfigFile) (Spec, error) {
	c := file.Config
	s := Spec{Options: o, Command: slices.Concat(c.Entrypoint, c.Cmd), Env: c.Env, Dir: c.WorkingDir}
	if len(s.Command) == 0 {
		return Spec{}, errors.New("the image says neither entry point nor command, so that nothing would start")
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	switch {
	case o.Exit:
		return s, nil
	case o.Port != 0:
		s.Ports = []int{o.Port}
		return s, nil
	}
	for exposed := range c.ExposedPorts {
		number, protocol, _ := strings.Cut(exposed, "/")
		if port, err := strconv.Atoi(number); err == nil && protocol != "udp" {
			s.Ports = append(s.Ports, port)
		}
	}
	slices.Sort(s.Ports)
	if len(s.Ports) == 0 {
		return Spec{}, fmt.Errorf("the image exposes no TCP port to ask on: give %s, or %s for an app that ends by itself", o.flags().port, o.flags().exit)
	}
	return s, nil
}

// Emulated is the environment that .NET wants in emulated code: heavier apps crash or hang there without.
func Emulated() []string {
	return []string{"DOTNET_EnableWriteXorExecute=0", "DOTNET_TieredCompilation=0", "DOTNET_gcServer=0", "DOTNET_PROCESSOR_COUNT=1"}
}

// qemu has QEMU's names of architectures where they differ from an image's.
var qemu = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "loong64": "loongarch64"}

// EmulatorCommand gives the command that lays a static QEMU for a platform at Emulator, from the packages of the distribution
// that it runs in.
func EmulatorCommand(of platform.Platform) []string {
	name := of.Architecture
	if other, ok := qemu[name]; ok {
		name = other
	}
	const script = `set -eu
say() { echo "emulator: error : $*" >&2; exit 1; }
name=$1 to=$2
. /etc/os-release
case "$ID" in
  debian | ubuntu)
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq --no-install-recommends qemu-user-static >/tmp/emulator.log 2>&1 || { cat /tmp/emulator.log >&2; exit 1; } ;;
  alpine) apk add --no-cache "qemu-$name" ;;
  *) say "$PRETTY_NAME has no package of a static QEMU here" ;;
esac
file=$(command -v "qemu-$name-static" || command -v "qemu-$name") || say "the packages of $PRETTY_NAME have no qemu-$name"
mkdir -p "$(dirname "$to")"
cp -L "$file" "$to"
`
	return []string{"sh", "-c", script, "sh", name, Emulator}
}

// EmulatorCure says how a foreign platform is started where that command fails.
func (o Options) EmulatorCure(of platform.Platform) string {
	register := "register one on the engine's machine: docker run --privileged --rm tonistiigi/binfmt --install " + of.Architecture
	if o.required {
		return register
	}
	return "give a static QEMU with --emulator, or " + register
}

// How a start ended.
const (
	Answered    = "answered"
	Ended       = "ended"       // before it answered, or as it should
	Silent      = "silent"      // neither answered nor ended in time
	Unstartable = "unstartable" // its program cannot be started
	NoEmulator  = "no emulator" // it is for another architecture, and nothing here runs that
)

// Report is what the agent tells.
type Report struct {
	Outcome string
	// Status of the last answer; 0 for none. Problem says why there was none.
	Status  int
	Problem string
	// Seconds to the answer or the end.
	Seconds float64
	// Code that the app ended with.
	Code int
	// Peak is the most memory that the app's processes had resident, in bytes.
	Peak int64
	// Files counts the native files that the process has loaded, by architecture.
	Files map[string]int
	// Emulated says that another architecture's code was run.
	Emulated bool
	// Log is the end of what the app wrote.
	Log string
}

// Result is what came of one platform. The names in the JSON are a contract; docs/smoke.md lists them.
type Result struct {
	// Project is that of the app, where there are several.
	Project  string `json:"project,omitempty"`
	Platform string `json:"platform"`
	Digest   string `json:"digest"`
	Healthy  bool   `json:"healthy"`
	// Status of the answer; absent where there was none.
	Status int `json:"status,omitempty"`
	// Seconds to the first answer that was right, or to the end. Under emulation they say nothing about speed.
	Seconds float64 `json:"seconds"`
	// Architecture of the native files that the process has loaded; several with commas. PeakBytes is the most memory it had.
	Architecture string `json:"architecture,omitempty"`
	NativeFiles  int    `json:"nativeFiles,omitempty"`
	PeakBytes    int64  `json:"peakBytes,omitempty"`
	// Emulation is how code of a foreign platform was run: "" where it was not foreign.
	Emulation string `json:"emulation,omitempty"`
	// Problem and Log are there where it is not healthy.
	Problem string `json:"problem,omitempty"`
	Log     string `json:"log,omitempty"`
}

// Judge says what a report means.
func Judge(o Options, of platform.Platform, digest, emulation string, r Report) Result {
	result := Result{Platform: of.String(), Digest: digest, Status: r.Status, Seconds: r.Seconds, PeakBytes: r.Peak}
	if r.Emulated {
		result.Emulation = emulation
	}
	var architectures []string
	for name, n := range r.Files {
		architectures = append(architectures, name)
		result.NativeFiles += n
	}
	slices.Sort(architectures)
	result.Architecture = strings.Join(architectures, ", ")
	result.Problem = problem(o, of, result.Architecture, r)
	if result.Healthy = result.Problem == ""; !result.Healthy {
		result.Log = r.Log
	}
	return result
}

func problem(o Options, of platform.Platform, architecture string, r Report) string {
	switch r.Outcome {
	case NoEmulator:
		return "its program is for another architecture than the engine's machine, and nothing there runs it"
	case Unstartable:
		return "its program cannot be started: " + r.Problem
	case Ended:
		if o.Exit && r.Code == 0 {
			return ""
		}
		if o.Exit {
			return fmt.Sprintf("it ended with code %d", r.Code)
		}
		return fmt.Sprintf("it ended with code %d before it answered on %s", r.Code, o.Path)
	case Silent:
		flags := o.flags()
		if o.Exit {
			return fmt.Sprintf("it did not end within %s: give it longer with %s", o.Timeout, flags.timeout)
		}
		return fmt.Sprintf("it did not answer %d on %s within %s (%s): give it longer with %s, another path with %s, or another port with %s", o.Status, o.Path, o.Timeout, lastly(r), flags.timeout, flags.path, flags.port)
	}
	if r.Status != o.Status {
		return fmt.Sprintf("it answered %d on %s, not %d: say with %s where its health is told", r.Status, o.Path, o.Status, o.flags().path) + o.orStatus()
	}
	if architecture != "" && architecture != of.Architecture {
		return fmt.Sprintf("its process has loaded native files for %s", architecture)
	}
	return ""
}

// orStatus is the other cure of a wrong status, where there is a flag for it.
func (o Options) orStatus() string {
	if flag := o.flags().status; flag != "" {
		return ", or with " + flag + " what the answer is"
	}
	return ""
}

// lastly is what the last try gave.
func lastly(r Report) string {
	if r.Status != 0 {
		return "the last answer was " + strconv.Itoa(r.Status)
	}
	return r.Problem
}

// Failed gives the error of the results that are not healthy, with the log; nil where all are.
func Failed(results []Result) error {
	var said []string
	for _, r := range results {
		if r.Healthy {
			continue
		}
		line := fmt.Sprintf("%s: %s", Doing(r.Project, r.Platform), r.Problem)
		if log := strings.TrimSpace(r.Log); log != "" {
			line += "\nits log:\n" + log
		}
		said = append(said, line)
	}
	if len(said) == 0 {
		return nil
	}
	return errors.New(strings.Join(said, "\n"))
}

// Doing is what an error begins with; the project is "" for the only app.
func Doing(project, of string) string {
	if project != "" {
		of = project + " for " + of
	}
	return "smoke test of " + of
}
