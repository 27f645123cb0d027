package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// series is what one contender took in one scenario, a value a run, in seconds.
type series []float64

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// over divides run by run: both ran in the same minute, on a machine that was as busy.
func (s series) over(peer series) series {
	var ratios series
	for i := range min(len(s), len(peer)) {
		ratios = append(ratios, s[i]/peer[i])
	}
	return ratios
}

// spread is the least and the most.
func (s series) spread() string {
	if len(s) == 1 {
		return "one run"
	}
	return fmt.Sprintf("%.2f to %.2f", slices.Min(s), slices.Max(s))
}

// results holds the series of each scenario by the contender's name. A contender that failed has its reason instead.
type results struct {
	scenarios []scenario
	seconds   map[string]map[string]series
	failed    map[string]string
}

func newResults(scenarios []scenario) *results {
	return &results{scenarios: scenarios, seconds: map[string]map[string]series{}, failed: map[string]string{}}
}

func (r *results) add(scenario, contender string, seconds float64) {
	if r.seconds[scenario] == nil {
		r.seconds[scenario] = map[string]series{}
	}
	r.seconds[scenario][contender] = append(r.seconds[scenario][contender], seconds)
}

// scenario is something that a developer does before building. A scenario without a change measures a second build.
type scenario struct {
	name string
	// change edits the work tree.
	change func() error
	// bar is the greatest ratio to the peer that the project asks of itself; 0 where it asks nothing.
	bar  float64
	peer string
}

// contender builds the app and pushes its image.
type contender struct {
	name string
	own  bool // by this module: a table without it would say nothing, so a failure ends the section
	// prepare comes before each build, and after behind it; neither is measured, and each is nil for nothing. A cold build may know
	// of none before.
	prepare func(cold bool) error
	build   func(context.Context) error
	after   func(context.Context) error
	// most is how many runs it takes part in, 0 for all.
	most int
}

// measure runs every scenario with every contender, interleaved. A contender that fails is left out from there on.
func measure(ctx context.Context, scenarios []scenario, contenders []contender, runs int, say func(string, ...any)) (*results, error) {
	r := newResults(scenarios)
	for run := range runs {
		for _, s := range scenarios {
			if s.change != nil {
				if err := s.change(); err != nil {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
			}
			for i := range contenders {
				c := contenders[(i+run)%len(contenders)] // none is always the one that finds the disk's cache warm
				if r.failed[c.name] != "" || c.most > 0 && run >= c.most {
					continue
				}
				seconds, err := timed(ctx, c, s)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				if err != nil && c.own {
					return nil, fmt.Errorf("%s: %w", s.name, err)
				}
				if err != nil {
					r.failed[c.name] = err.Error()
					say("%s fails at %s: %v", c.name, s.name, err)
					continue
				}
				r.add(s.name, c.name, seconds)
				say("run %d, %s, %s: %.2f s", run+1, s.name, c.name, seconds)
			}
		}
	}
	return r, nil
}

func timed(ctx context.Context, c contender, s scenario) (float64, error) {
	if c.prepare != nil {
		if err := c.prepare(strings.HasPrefix(s.name, cold)); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	err := c.build(ctx)
	seconds := time.Since(start).Seconds()
	if c.after != nil {
		err = errors.Join(err, c.after(ctx))
	}
	return seconds, err
}

// command is a program that is quiet unless it fails.
type command struct {
	dir  string
	env  []string
	args []string
}

func (c command) run(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(cmd.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(cmp.Or(strings.TrimSpace(stderr.String()), stdout.String()))
		lines := strings.Split(said, "\n")
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(c.args[:min(len(c.args), 4)], " "), err, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
	return stdout.String(), nil
}
