// Benchmark measures the main jobs side by side with other ways to the same image, interleaved: BuildKit by buildx with the
// multi-platform Dockerfile of the dotnet-docker samples, the .NET SDK's PublishContainer, and a native publish of one platform as the
// floor. All have the same base images, registry, packages and processors. scripts/bench builds the peers and starts it.
//
// It prints Markdown, ratios first. Nothing fails because of time: bars are printed as met or not met.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: scripts/bench [--full] [--runs N] [--write] [SECTION…]

  hello sample solution   one app each against its peers, cold, after edits, unchanged
  platforms               one, two and four platforms
  services                1, 4 and 16 services of one solution, one of them edited
  registry                an empty repository, and one that holds the image of before
  fresh                   the first call on an engine whose state is new
  strategies              compare-strategies of sample-app: native, emulated, cross-compiled
  floor                   an unchanged app against an empty call

Without --full: hello, sample, solution and floor, once each but for the edits: under ten minutes on two processors.
--write puts the tables between the marks of docs/benchmarks.md, and the pictures beside it.
`

// cold is what the names of scenarios begin with in which nothing but base images is cached.
const cold = "cold"

type section struct {
	name string
	run  func(context.Context, environment, int, io.Writer) error
	full bool // left out of the short version
}

var sections = []section{
	{"floor", floorSection, false},
	{"hello", func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, hello(filepath.Join(e.scratch, "hello")), bars{edit: 1.25}, runs, w)
	}, false},
	{"sample", func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, sample(e.repository, filepath.Join(e.scratch, "sample")), bars{edit: 1.0}, runs, w)
	}, false},
	{"solution", func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, solution(e.repository, filepath.Join(e.scratch, "solution")), bars{edit: 0.20, library: 0.45, cold: 0.50}, runs, w)
	}, false},
	{"platforms", platformsSection, true},
	{"services", servicesSection, true},
	{"registry", registrySection, true},
	{"fresh", freshSection, true},
	{"strategies", strategiesSection, true},
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	full := flags.Bool("full", false, "every section")
	runs := flags.Int("runs", 0, "how often each is measured; default 1, with --full 3")
	write := flags.Bool("write", false, "write docs/benchmarks.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *runs == 0 {
		*runs = 1
		if *full {
			*runs = 3
		}
	}
	chosen, err := choose(flags.Args(), *full)
	if err != nil {
		return err
	}
	e, err := newEnvironment(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(e.scratch)) }()
	stop, err := e.buildkit(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var report bytes.Buffer
	w := io.MultiWriter(os.Stdout, &report)
	fmt.Fprintln(w, e.headline(ctx, *runs))
	for _, s := range chosen {
		if err := s.run(ctx, e, *runs, w); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if *write {
		return replaceMeasured(filepath.Join(e.repository, "docs", "benchmarks.md"), report.String())
	}
	return nil
}

func choose(names []string, full bool) ([]section, error) {
	var chosen []section
	for _, s := range sections {
		if slices.Contains(names, s.name) || len(names) == 0 && (full || !s.full) {
			chosen = append(chosen, s)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(sections, func(s section) bool { return s.name == n }) {
			return nil, fmt.Errorf("there is no section %q\n%s", n, usage)
		}
	}
	return chosen, nil
}

// newEnvironment takes over what scripts/bench has prepared.
func newEnvironment(ctx context.Context) (e environment, err error) {
	if e.repository, err = os.Getwd(); err != nil {
		return e, err
	}
	e.programs = os.Getenv("BENCH_PROGRAMS")
	e.host = strings.TrimPrefix(os.Getenv("DOTNET_MULTIARCH_REGISTRY"), "tcp://")
	e.bases = os.Getenv("DOTNET_MULTIARCH_BASE_REGISTRY")
	if e.programs == "" || e.host == "" {
		return e, errors.New("start it by scripts/bench")
	}
	if e.bases == "" {
		e.bases = "mcr.microsoft.com"
	}
	e.dotnet, e.feed = os.Getenv("BENCH_DOTNET"), os.Getenv("BENCH_FEED")
	if e.dotnet == "" {
		if program, err := exec.LookPath("dotnet"); err == nil {
			if program, err = filepath.EvalSymlinks(program); err != nil {
				return e, err
			}
			e.dotnet = filepath.Dir(program)
		}
	}
	e.scratch, err = os.MkdirTemp("", "bench-*")
	return e, err
}

func (e environment) headline(ctx context.Context, runs int) string {
	version := func(c command, field int) string {
		out, err := c.run(ctx)
		fields := strings.Fields(out)
		if err != nil || len(fields) <= field {
			return "?"
		}
		return fields[field]
	}
	load, _ := os.ReadFile("/proc/loadavg")
	parts := []string{
		time.Now().Format(time.DateOnly), fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		"load " + strings.SplitN(string(load)+" ", " ", 2)[0] + " at the start",
		"Dagger " + version(e.dagger("version"), 1),
		"BuildKit " + version(e.peer("github.com/moby/buildkit"), 1),
		"buildx " + version(e.peer("github.com/docker/buildx"), 1),
	}
	if e.dotnet != "" {
		parts = append(parts, ".NET SDK "+version(command{args: []string{filepath.Join(e.dotnet, "dotnet"), "--version"}}, 0))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(". %d runs; ratios are taken within a run, medians of these.", runs)
}

// peer asks for the version that scripts/peers pins.
func (e environment) peer(module string) command {
	return command{dir: filepath.Join(e.repository, "scripts", "peers"), args: []string{"go", "list", "-m", module}}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

// bars are the ratios to buildx that the project asks of itself.
type bars struct{ edit, library, cold float64 }

// appSection measures one app against all peers.
func appSection(ctx context.Context, e environment, a app, b bars, runs int, w io.Writer) error {
	if err := a.fresh(ctx); err != nil {
		return err
	}
	contenders := []contender{e.ours(a, bothPlatforms, a.name), e.buildxContender(a, bothPlatforms)}
	peers := []string{buildx}
	if e.dotnet != "" {
		contenders = append(contenders, e.publishContainer(a), e.nativePublish(a))
		peers = append(peers, sdk, native)
	} else {
		say("no .NET SDK on this machine: PublishContainer and the native publish are left out")
	}
	for _, c := range contenders[:2] { // what has to be fetched or started once is not what is measured
		if err := c.build(ctx); err != nil {
			return err
		}
	}
	scenarios := []scenario{
		{name: cold + ": nothing cached but base images", change: func(int) error { return a.fresh(ctx) }, bar: b.cold, peer: buildx},
		{name: "one-line edit in the app", change: a.edit(a.program), bar: b.edit, peer: buildx},
	}
	if a.library != "" {
		scenarios = append(scenarios, scenario{name: "one-line edit in a library", change: a.edit(a.library), bar: b.library, peer: buildx})
	}
	scenarios = append(scenarios, scenario{name: "a package added", change: a.addPackage}, scenario{name: "no change"})
	r, err := measure(ctx, scenarios, contenders, runs, say)
	if err != nil {
		return err
	}
	r.table(w, a.title+", "+bothPlatforms, ours, peers)
	return nil
}

// floorSection: an unchanged app costs little more than any call.
func floorSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	a := sample(e.repository, filepath.Join(e.scratch, "floor"))
	if err := a.fresh(ctx); err != nil {
		return err
	}
	mine := e.ours(a, bothPlatforms, "floor")
	if err := mine.build(ctx); err != nil {
		return err
	}
	r, err := measure(ctx, []scenario{{name: "no change", peer: emptyCall}}, []contender{mine, e.emptyCall()}, max(runs, 3), say)
	if err != nil {
		return err
	}
	r.table(w, "sample-app unchanged against `dagger core version`; the bar is 1.0 s", ours, []string{emptyCall})
	return nil
}

// platformsSection: what a platform more costs.
func platformsSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	const four = "linux/amd64,linux/arm64,linux/arm/v7,linux/s390x"
	for _, a := range []app{sample(e.repository, filepath.Join(e.scratch, "platforms")), solution(e.repository, filepath.Join(e.scratch, "many"))} {
		if err := a.fresh(ctx); err != nil {
			return err
		}
		// Files alone: not every registry has bases for the rarer platforms, nor every feed their apphosts.
		files := func(name, platforms string) contender {
			return contender{name: name, build: func(ctx context.Context) error {
				_, err := e.dagger("call", "--source", a.dir, "--platforms", platforms, "--property", "UseAppHost=false", "build").run(ctx)
				return err
			}}
		}
		one, two, many := files(onePlatform, "linux/amd64"), files("two platforms", bothPlatforms), files("four platforms", four)
		if err := many.build(ctx); err != nil {
			return err
		}
		scenarios := []scenario{
			{name: cold + ": nothing cached but base images", change: func(int) error { return a.fresh(ctx) }, bar: 1.10, peer: onePlatform},
			{name: "one-line edit in the app", change: a.edit(a.program), bar: 1.10, peer: onePlatform},
		}
		r, err := measure(ctx, scenarios, []contender{one, two, many}, runs, say)
		if err != nil {
			return err
		}
		r.table(w, a.title+": files for two platforms", two.name, []string{onePlatform})
		for i := range r.scenarios {
			r.scenarios[i].bar = 1.25
		}
		r.table(w, a.title+": files for four platforms ("+four+")", many.name, []string{onePlatform})
	}
	return nil
}

// servicesSection: cost grows with what changed, not with how many there are.
func servicesSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	counts := []int{1, 4, 16}
	dir := func(n int) string { return filepath.Join(e.scratch, fmt.Sprintf("services-%d", n)) }
	each := func(f func(n int) error) func(int) error {
		return func(int) error {
			for _, n := range counts {
				if err := f(n); err != nil {
					return err
				}
			}
			return nil
		}
	}
	names := map[int]string{1: "1 service", 4: "4 services", 16: "16 services"}
	var contenders []contender
	for _, n := range counts {
		args := []string{"call", "--source", dir(n), "--all", "--platforms", bothPlatforms, "build-and-push", "--image", fmt.Sprintf("%s/bench/services-%d/{project}", e.host, n)}
		contenders = append(contenders, contender{name: names[n], build: func(ctx context.Context) error {
			_, err := e.dagger(args...).run(ctx)
			return err
		}})
	}
	edited := func(n int) error {
		return appended(filepath.Join(dir(n), "src", "Service01", "Program.cs"), "// edited "+salt())
	}
	scenarios := []scenario{
		{name: cold + ": nothing cached but base images", change: each(func(n int) error { return services(dir(n), n) })},
		{name: "one service edited", change: each(edited), bar: 1.5, peer: names[1]},
		{name: "the library edited", change: each(func(n int) error {
			return appended(filepath.Join(dir(n), "src", "Shared", "Greeting.cs"), "// edited "+salt())
		})},
		{name: "no change"},
	}
	r, err := measure(ctx, scenarios, contenders, runs, say)
	if err != nil {
		return err
	}
	r.table(w, "16 services in one call", names[16], []string{names[1], names[4]})
	return nil
}

// registrySection: what the target holds already is not sent.
func registrySection(ctx context.Context, e environment, runs int, w io.Writer) error {
	a := sample(e.repository, filepath.Join(e.scratch, "registry"))
	if err := a.fresh(ctx); err != nil {
		return err
	}
	filled := e.ours(a, bothPlatforms, "registry-filled")
	filled.name = "repository with the image of before"
	empty := contender{name: "empty repository", build: func(ctx context.Context) error {
		return e.ours(a, bothPlatforms, "registry-"+salt()).build(ctx)
	}}
	if err := filled.build(ctx); err != nil {
		return err
	}
	edit := scenario{name: "one-line edit in the app", change: a.edit(a.program)}
	again := scenario{name: "the same image again"}
	// The first to run after an edit compiles: each has an edit of its own.
	r := newResults([]scenario{edit, again})
	for range runs {
		for _, c := range []contender{filled, empty} {
			one, err := measure(ctx, r.scenarios, []contender{c}, 1, say)
			if err != nil {
				return err
			}
			for name, byContender := range one.seconds {
				r.add(name, c.name, byContender[c.name][0])
			}
		}
	}
	r.table(w, "sample-app, pushed into an empty repository of a registry that has the bases", empty.name, []string{filled.name})
	return nil
}

// freshSection is what the first call on a new runner costs.
func freshSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	var taken series
	for range runs {
		seconds, err := e.freshEngine(ctx)
		if err != nil {
			return err
		}
		say("first call on a fresh engine: %.2f s", seconds)
		taken = append(taken, seconds)
	}
	fmt.Fprintf(w, "\n**The first call on a fresh engine**, bases in the registry beside it, its programs built: %.1f s (%s); the bar is 40 s.\n", taken.median(), taken.spread())
	return nil
}

// strategiesSection is the module's own comparison, which any user can make of any app.
func strategiesSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	json, err := e.dagger("call", "compare-strategies", "--runs", strconv.Itoa(runs), "--format", "json").run(ctx)
	if err != nil {
		return err
	}
	file := filepath.Join(e.scratch, "strategies.json")
	if err := os.WriteFile(file, []byte(json), 0o644); err != nil {
		return err
	}
	table, err := e.dagger("call", "show-comparison", "--result", file, "--format", "markdown").run(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n**Three ways to build sample-app**\n\n%s", table)
	return nil
}

// The marks between which docs/benchmarks.md holds what was measured.
const begin, end = "<!-- measured by scripts/bench -->", "<!-- end -->"

func replaceMeasured(file, text string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("writing %s: it has no %s … %s", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
