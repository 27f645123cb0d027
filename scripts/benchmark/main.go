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
	"strings"
	"syscall"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

const usage = `usage: scripts/bench [--full] [--runs N] [--write] [SECTION…]

  hello sample solution   one app each against its peers, cold, after edits, unchanged
  platforms               one, two and four platforms
  services                1, 4 and 16 services of one solution, one of them edited
  registry                an empty repository, and one that holds the image of before
  fresh                   the first call on an engine whose state is new
  strategies              compare-strategies of sample-app: native, emulated, cross-compiled
  trace                   where the time of our own calls goes, by Dagger's spans
  floor                   an unchanged app against an empty call
  cache                   alone, and as often as RUNS says: what a job gains from what is kept between jobs, docs/cache.md

Without --full: floor, hello, sample, and of solution the edits against buildx, once each: under ten minutes on two processors.
--full takes about an hour and a half there: services, registry and strategies once, the rest three times. --runs says it otherwise.
It wants root. Variables: see the head of scripts/bench.
--write measures these sections whole and as often as --full, and puts their tables between their marks in docs/benchmarks.md, and the pictures beside it.
`

// cold is what the names of scenarios begin with in which nothing but base images is cached.
const cold = "cold"

type section struct {
	name string
	run  func(context.Context, environment, int, io.Writer) error
	full bool // left out of the short version
	runs int  // how often it is measured for the page
	// peers says that other tools take part, whose versions belong to the table.
	peers bool
}

// sections are in the order of the page.
var sections = []section{
	{name: "floor", run: floorSection, runs: 3},
	{name: "hello", runs: 3, peers: true, run: func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, hello(filepath.Join(e.scratch, "hello")), bars{edit: 1.25}, runs, w)
	}},
	{name: "sample", runs: 3, peers: true, run: func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, sample(e.repository, filepath.Join(e.scratch, "sample")), bars{edit: 1.0}, runs, w)
	}},
	{name: "solution", runs: 3, peers: true, run: func(ctx context.Context, e environment, runs int, w io.Writer) error {
		return appSection(ctx, e, solution(e.repository, filepath.Join(e.scratch, "solution")), bars{edit: 0.20, library: 0.45, cold: 0.50}, runs, w)
	}},
	{name: "platforms", run: platformsSection, full: true, runs: 3},
	{name: "services", run: servicesSection, full: true, runs: 1},
	{name: "registry", run: registrySection, full: true, runs: 1},
	{name: "fresh", run: freshSection, full: true, runs: 3},
	{name: "strategies", run: strategiesSection, full: true, runs: 1},
	{name: "trace", run: traceSection, full: true, runs: 3},
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
	runs := flags.Int("runs", 0, "how often each is measured")
	write := flags.Bool("write", false, "write docs/benchmarks.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(flags.Args(), *full)
	if err != nil {
		return err
	}
	if os.Getenv("BENCH_CHECK") != "" { // scripts/bench asks before it builds the peers
		return nil
	}
	e, err := newEnvironment(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(e.scratch)) }()
	e.full = *full || *write // a page does not lose the half that the short version leaves out
	stop, err := e.buildkit(ctx)
	if err != nil {
		return err
	}
	defer stop()
	machine, peers := e.headline(ctx)
	fmt.Println(machine + peers)
	reports := map[string]string{}
	var problems []error
	for _, s := range chosen {
		var report bytes.Buffer
		n := s.times(*runs, e.full)
		if err := s.run(ctx, e, n, io.MultiWriter(os.Stdout, &report)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// What the others measured, in an hour perhaps, is not lost.
			problems = append(problems, fmt.Errorf("%s: %w", s.name, err))
			continue
		}
		head := machine
		if s.peers {
			head += peers
		}
		reports[s.name] = fmt.Sprintf("%s, runs: %d\n%s", head, n, report.String())
	}
	if *write {
		problems = append(problems, e.write(machine+peers, reports))
	}
	return errors.Join(problems...)
}

// times is how often a section is measured.
func (s section) times(asked int, whole bool) int {
	switch {
	case asked > 0:
		return asked
	case whole:
		return s.runs
	default:
		return 1
	}
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
	e.panels, e.pictures = &[]plot.Panel{}, map[string][]byte{}
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

// headline tells the machine and our own version; and the versions of the peers, to be put behind.
func (e environment) headline(ctx context.Context) (machine, peers string) {
	version := func(c command, field int) string {
		out, err := c.run(ctx)
		fields := strings.Fields(out)
		if err != nil || len(fields) <= field {
			return "?"
		}
		return fields[field]
	}
	load, _ := os.ReadFile("/proc/loadavg")
	machine = strings.Join([]string{
		time.Now().Format(time.DateOnly), fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU()),
		"load " + strings.SplitN(string(load)+" ", " ", 2)[0] + " at the start",
		"Dagger " + version(e.dagger("version"), 1),
	}, ", ")
	peers = ", BuildKit " + version(e.peer("github.com/moby/buildkit"), 1) + ", buildx " + version(e.peer("github.com/docker/buildx"), 1)
	if e.dotnet != "" {
		peers += ", .NET SDK " + version(command{args: []string{filepath.Join(e.dotnet, "dotnet"), "--version"}}, 0)
	}
	return machine, peers
}

// peer asks for the version that scripts/peers pins.
func (e environment) peer(module string) command {
	return command{dir: filepath.Join(e.repository, "scripts", "peers"), args: []string{"go", "list", "-m", module}}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

// write puts what was measured into docs/benchmarks.md, a section each, and the pictures beside it.
func (e environment) write(headline string, reports map[string]string) error {
	docs := filepath.Join(e.repository, "docs")
	if len(*e.panels) == pictured {
		picture, err := plot.SVG(plot.Chart{Title: "From source to pushed image for two platforms, less is better", Lines: lines(headline), Panels: *e.panels})
		if err != nil {
			return err
		}
		e.pictures["benchmarks.svg"] = picture
	}
	for name, picture := range e.pictures {
		if err := os.WriteFile(filepath.Join(docs, name), picture, 0o644); err != nil {
			return err
		}
	}
	file := filepath.Join(docs, "benchmarks.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page := string(text)
	for _, s := range sections {
		if report, measured := reports[s.name]; measured {
			if page, err = replaced(page, s.name, report); err != nil {
				return fmt.Errorf("writing %s: %w", file, err)
			}
		}
	}
	return os.WriteFile(file, []byte(page), 0o644)
}

// pictured is how many apps the picture compares: it is drawn when all of them were measured.
const pictured = 3

// lines are the headline's, each short enough for the picture: the machine, and what was measured.
func lines(headline string) []string {
	machine, programs, found := strings.Cut(headline, ", Dagger ")
	if !found {
		return []string{headline}
	}
	return []string{machine, "Dagger " + programs}
}

// replaced puts a section's text between its marks in a page.
func replaced(page, section, text string) (string, error) {
	begin, end := "<!-- measured by scripts/bench "+section+" -->", "<!-- end -->"
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("it has no %s … %s", begin, end)
	}
	return before + begin + "\n\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}
