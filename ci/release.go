package main

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// release takes the apps of a plan from source to image, side by side, and then does with all of them what the caller wants.
type release struct {
	*plan
	client *registry.Client
	// naming says where the apps are pushed; nil where they are not.
	naming  *registry.Naming
	options registry.PushOptions
	// gate is what has to be green before a tag is written; nil where nothing is pushed.
	gate        *gate
	choices     assembly.Choices
	compression image.Compression
	// foreign are the native files that may be for another platform.
	foreign    native.Allowed
	deliveries []*delivery
	// said is what is to be known of the names that the images get.
	said    []string
	seconds map[string]float64
}

// answer is what a verb prints.
type answer interface {
	String(format string) (string, error)
}

// deliver goes the whole way and pushes what was assembled.
func (m *DotnetMultiarch) deliver(ctx context.Context, r *release) (answer, error) {
	push := func() error {
		if err := r.gate.before(ctx, r); err != nil {
			return err
		}
		return r.push(ctx)
	}
	if err := r.run(ctx, m, push); err != nil {
		return nil, r.client.Noted(err)
	}
	return r.answer(m.several()), nil
}

// run goes from source to image, and does the last step with it. Every way out of the module takes this one, so that all of
// them have the same digest. Everything that can be refused is asked before anything is compiled.
func (r *release) run(ctx context.Context, m *DotnetMultiarch, last func() error) error {
	if err := r.readChoices(ctx, m); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "layers-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // the container ends with the call
	r.seconds = map[string]float64{}
	steps := map[string]func() error{
		"preflight": func() error { return r.preflight(ctx, m) },
		"restore":   func() error { return r.restore(ctx) },
		"libraries": func() error { return r.compileLibraries(ctx) },
		"publish":   func() error { return r.each(ctx, "publish", (*delivery).publish) },
		"assemble": func() error {
			return r.each(ctx, "assemble", func(d *delivery, ctx context.Context) error { return d.assemble(ctx, scratch) })
		},
	}
	for _, name := range publication.Steps {
		step, known := steps[name]
		if !known { // what is done with the images is the last step's, which takes its own time
			continue
		}
		start := time.Now()
		if err := step(); err != nil {
			return err
		}
		r.seconds[name] = time.Since(start).Seconds()
	}
	return last()
}

// each does a step for every app and notes how long it took.
func (r *release) each(ctx context.Context, name string, step func(*delivery, context.Context) error) error {
	return sideBySide(ctx, r.deliveries, func(ctx context.Context, d *delivery) error {
		start := time.Now()
		err := step(d, ctx)
		d.publication.Seconds[name] = time.Since(start).Seconds()
		return err
	})
}

// readChoices reads what the caller says of the images.
func (r *release) readChoices(ctx context.Context, m *DotnetMultiarch) (err error) {
	r.choices = assembly.Choices{
		Ports: m.Port, Env: m.EnvVar, Labels: m.Label, Annotations: m.Annotation, Entrypoint: m.Entrypoint, Cmd: m.Cmd, User: m.User,
		WorkingDir: m.WorkingDir, Version: m.Version, Revision: m.Revision, SourceURL: m.SourceURL, Created: m.Created,
	}
	if r.compression, err = image.ParseCompression(m.Compression); err != nil {
		return err
	}
	if err := m.stamp(ctx, &r.choices); err != nil {
		return err
	}
	if r.foreign, err = native.ParseAllowed(m.AllowForeign); err != nil {
		return err
	}
	return r.choices.Validate()
}

// preflight plans, and asks of every app whether it can be pushed and has a base for every platform.
func (r *release) preflight(ctx context.Context, m *DotnetMultiarch) (err error) {
	fixed := r.naming != nil && r.naming.Fixed()
	if r.plan, err = r.planBeside(ctx, m, fixed); err != nil {
		return err
	}
	targets := make([][]registry.Target, len(r.apps))
	if r.naming != nil {
		if targets, err = r.naming.Each(imageNames(r.apps), pathsOf(r.apps)); err != nil {
			return err
		}
	}
	for i, a := range r.apps {
		d := &delivery{app: a, release: r, targets: targets[i]}
		if err := d.prepare(m); err != nil {
			return err
		}
		r.deliveries = append(r.deliveries, d)
	}
	if r.naming != nil && !fixed {
		check := func(ctx context.Context, d *delivery) error { return r.client.Preflight(ctx, d.targets, r.options) }
		if err := sideBySide(ctx, r.deliveries, check); err != nil {
			return err
		}
	}
	return r.resolveBases(ctx)
}

// planBeside plans while the registry is asked about targets that do not depend on the apps. A push that is refused ends the plan,
// which may be fetching an SDK, and is what is told where both fail.
func (r *release) planBeside(ctx context.Context, m *DotnetMultiarch, fixed bool) (*plan, error) {
	if !fixed {
		return m.complete(ctx, &plan{images: r.client})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		err := r.client.Preflight(ctx, r.naming.Any, r.options)
		if err != nil {
			cancel()
		}
		refused <- err
	}()
	p, err := m.complete(ctx, &plan{images: r.client})
	if problem := <-refused; problem != nil {
		return nil, problem
	}
	return p, err
}

// resolveBases finds the bases of every app; one that several have is asked for once.
func (r *release) resolveBases(ctx context.Context) (err error) {
	for i, d := range r.deliveries {
		same := slices.IndexFunc(r.deliveries[:i], func(other *delivery) bool {
			return other.base == d.base && other.baseLocked == d.baseLocked && slices.Equal(other.platforms, d.platforms)
		})
		if same >= 0 {
			d.bases = r.deliveries[same].bases
		} else if d.bases, err = d.resolve(ctx, r.client); err != nil {
			return err
		}
		d.publication.BaseDigest = d.bases[0].Resolved.String()
	}
	return nil
}

// push brings all images to where they go, and writes the tags when all are there. The checks in between have times of their own.
func (r *release) push(ctx context.Context) error {
	parcels := make([]registry.Parcel, len(r.deliveries))
	for i, d := range r.deliveries {
		parcels[i] = registry.Parcel{Index: d.index, Targets: d.targets}
	}
	options := r.options
	start := time.Now()
	options.Gate = func(ctx context.Context) error {
		r.seconds["push"] += time.Since(start).Seconds()
		defer func() { start = time.Now() }()
		return r.gate.after(ctx, r)
	}
	receipts, err := r.client.PushEach(ctx, parcels, options)
	if err != nil {
		return err
	}
	r.seconds["push"] += time.Since(start).Seconds()
	for i, d := range r.deliveries {
		if err := d.delivered(receipts[i]); err != nil {
			return err
		}
	}
	return nil
}

// answer is the publication of the one app, or the list of all.
func (r *release) answer(list bool) answer {
	publications := make([]publication.Publication, len(r.deliveries))
	for i, d := range r.deliveries {
		publications[i] = d.publication
		publications[i].Notes = d.notes()
	}
	notes := slices.Concat(r.said, r.client.Notes(), r.notes)
	if list {
		return publication.NewRelease(publications, r.seconds, notes)
	}
	publications[0].Project = ""
	publications[0].Seconds = r.seconds
	publications[0].Notes = slices.Concat(notes, publications[0].Notes)
	return publications[0]
}
