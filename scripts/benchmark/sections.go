package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// bars are the ratios to buildx that the project asks of itself.
type bars struct{ edit, library, cold float64 }

// appSection measures one app against all peers.
func appSection(ctx context.Context, e environment, a app, b bars, runs int, w io.Writer) error {
	if err := a.fresh(ctx); err != nil {
		return err
	}
	contenders := []contender{e.ours(a, bothPlatforms, a.name), e.buildxContender(a, bothPlatforms)}
	peers := []string{buildx}
	brief := a.large && !e.full
	switch {
	case brief: // minutes for each
	case e.dotnet != "":
		for _, c := range []contender{e.publishContainer(a), e.nativePublish(a)} {
			if a.large {
				c.most = 1
			}
			contenders = append(contenders, c)
		}
		peers = append(peers, sdk, native)
	default:
		say("no .NET SDK on this machine: PublishContainer and the native publish are left out")
	}
	for _, c := range contenders[:2] { // what has to be fetched or started once is not what is measured
		if err := c.build(ctx); err != nil {
			return err
		}
	}
	scenarios := []scenario{
		{name: cold + ": nothing cached but base images", change: func() error { return a.fresh(ctx) }, bar: b.cold, peer: buildx},
		{name: "one-line edit in the app", change: a.edit(a.program), bar: b.edit, peer: buildx},
	}
	if a.library != "" {
		scenarios = append(scenarios, scenario{name: "one-line edit in a library", change: a.edit(a.library), bar: b.library, peer: buildx})
	}
	if brief {
		scenarios = scenarios[1:]
	} else {
		scenarios = append(scenarios, scenario{name: "a package added", change: a.addPackage}, scenario{name: "no change"})
	}
	r, err := measure(ctx, scenarios, contenders, runs, say)
	if err != nil {
		return err
	}
	r.table(w, a.title+", "+bothPlatforms, ours, peers)
	*e.panels = append(*e.panels, r.panel(a.title+", two platforms: seconds", []string{ours, buildx, sdk}))
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
	r, err := measure(ctx, []scenario{{name: "no change", peer: emptyCall}}, []contender{mine, e.emptyCall()}, runs, say)
	if err != nil {
		return err
	}
	r.table(w, "sample-app unchanged against `dagger core version`", ours, []string{emptyCall})
	fmt.Fprintf(w, "\nThe bar for no change is 1.0 s: %s.\n", met(r.seconds["no change"][ours].median() <= 1))
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
			return contender{name: name, own: true, build: func(ctx context.Context) error {
				_, err := e.dagger("call", "--source", a.dir, "--platforms", platforms, "--property", "UseAppHost=false", "build").run(ctx)
				return err
			}}
		}
		one, two, many := files(onePlatform, "linux/amd64"), files("two platforms", bothPlatforms), files("four platforms", four)
		if err := many.build(ctx); err != nil {
			return err
		}
		scenarios := []scenario{
			{name: cold + ": nothing cached but base images", change: func() error { return a.fresh(ctx) }, bar: 1.10, peer: onePlatform},
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
	each := func(f func(n int) error) func() error {
		return func() error {
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
		contenders = append(contenders, contender{name: names[n], own: true, build: func(ctx context.Context) error {
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
	empty := contender{name: "empty repository", own: true, build: func(ctx context.Context) error {
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
			maps.Copy(r.failed, one.failed)
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
	fmt.Fprintf(w, "\n**The first call on a fresh engine**, bases in the registry beside it, its programs built: %.1f s (%s); the bar is 40 s: %s.\n", taken.median(), taken.spread(), met(taken.median() <= 40))
	return nil
}

// strategiesSection is the module's own comparison, which any user can make of any app.
func strategiesSection(ctx context.Context, e environment, runs int, w io.Writer) error {
	args := append([]string{"call"}, strings.Fields(os.Getenv("BENCH_STRATEGIES"))...)
	json, err := e.dagger(append(args, "compare-strategies", "--runs", strconv.Itoa(runs), "--format", "json")...).run(ctx)
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
	picture, err := e.dagger("call", "show-comparison", "--result", file, "--format", "svg").run(ctx)
	if err != nil {
		return err
	}
	e.pictures["strategies.svg"] = []byte(picture)
	return nil
}
