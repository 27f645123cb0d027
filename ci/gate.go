package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/smoke"
)

// gate is what has to be green before a tag is written: tests before anything is pushed, smoke and inspect on the manifests that
// were pushed by digest.
type gate struct {
	m        *DotnetMultiarch
	required []string
	smoke    smoke.Options
	login    login
}

// newGate reads what build-and-push's caller requires.
func (m *DotnetMultiarch) newGate(require, path, timeout string, exit bool, as login) (*gate, error) {
	g := &gate{m: m, login: as}
	var err error
	if g.required, err = publication.ParseChecks(require); err != nil {
		return nil, err
	}
	g.smoke, err = smoke.ParseRequired(g.requires(publication.Smoke), path, timeout, exit)
	return g, err
}

// before runs what does not want a pushed image. A dry run pushes none, and then the assembled one is started.
func (g *gate) before(ctx context.Context, r *release) error {
	if g.requires(publication.Test) {
		run := func() ([]string, error) { return g.m.runTests(ctx) }
		if err := g.check(publication.Test, "nothing was pushed", r.deliveries, run); err != nil {
			return err
		}
	}
	if !r.options.DryRun {
		return nil
	}
	if g.requires(publication.Inspect) {
		r.notes = append(r.notes, "inspect is left out: it looks at what a registry holds, and a dry run sends nothing")
	}
	if !g.requires(publication.Smoke) {
		return nil
	}
	return g.check(publication.Smoke, "a push would write no tag", r.deliveries, func() ([]string, error) {
		s := g.smoking(r)
		return s.verdict(s.assembled(ctx, r))
	})
}

// after runs the checks of what was pushed; the first destination of each app stands for all, which hold the same digests.
func (g *gate) after(ctx context.Context, r *release) error {
	for _, d := range r.deliveries {
		digest, err := d.index.Digest()
		if err != nil {
			return err
		}
		image := d.targets[0].Repository.Digest(digest.String()).Name()
		checks := map[string]func() ([]string, error){
			publication.Smoke: func() ([]string, error) {
				s := g.smoking(r)
				return s.verdict(s.published(ctx, image, d.platforms))
			},
			publication.Inspect: func() ([]string, error) { return g.inspect(ctx, r, d, image) },
		}
		for _, name := range publication.CheckNames {
			run, known := checks[name]
			if !known || !g.requires(name) {
				continue
			}
			if err := g.check(name, "no tag was written to "+image, []*delivery{d}, run); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *gate) inspect(ctx context.Context, r *release, d *delivery, image string) ([]string, error) {
	made, err := g.m.inspected(ctx, r.client, image, d.platforms, false)
	if err != nil {
		return nil, err
	}
	if _, err := native.Report(made.Findings); err != nil {
		return nil, err
	}
	return made.Summary(), nil
}

func (g *gate) requires(name string) bool { return slices.Contains(g.required, name) }

// check runs one and writes it down for the apps that it is about. The error says which failed, and what that means.
func (g *gate) check(name, means string, of []*delivery, run func() ([]string, error)) error {
	start := time.Now()
	said, err := run()
	passed := publication.Check{Name: name, Seconds: time.Since(start).Seconds(), Said: said}
	if err != nil {
		return fmt.Errorf("the required check %s failed, and %s\n%w", name, means, err)
	}
	for _, d := range of {
		d.publication.Checks = append(d.publication.Checks, passed)
	}
	return nil
}

func (g *gate) smoking(r *release) *smoking {
	return &smoking{m: g.m, client: r.client, login: g.login, options: g.smoke}
}

// verdict gives what a smoke test found, a line for each platform.
func (s *smoking) verdict(err error) ([]string, error) {
	if err == nil {
		err = smoke.Failed(s.results)
	}
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, r := range s.results {
		lines = append(lines, r.Platform+" "+r.Line())
	}
	return lines, nil
}
