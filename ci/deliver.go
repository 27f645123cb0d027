package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// delivery is one way from source to pushed image.
type delivery struct {
	*plan
	client      *registry.Client
	targets     []registry.Target
	options     registry.PushOptions
	choices     assembly.Choices
	compression image.Compression
	publication publication.Publication
	bases       []image.Base
	config      assembly.Config
	// What each step leaves to the next.
	restored  *dagger.Container
	libraries *libraries
	files     *dagger.Directory
	parts     []image.Part
	index     v1.ImageIndex
}

// deliver goes the whole way and pushes what was assembled.
func (m *DotnetMultiarch) deliver(ctx context.Context, d *delivery) (*publication.Publication, error) {
	d.publication.DryRun = d.options.DryRun
	check := func() error { return d.client.Preflight(ctx, d.targets, d.options) }
	if err := d.run(ctx, m, check, func() error { return d.push(ctx) }); err != nil {
		return nil, err
	}
	return &d.publication, nil
}

// run goes from source to image, and does the last step with it. Every way out of the module takes this one, so that all of
// them have the same digest. Everything that can be refused is asked before anything is compiled.
func (d *delivery) run(ctx context.Context, m *DotnetMultiarch, check, last func() error) error {
	if err := d.readChoices(ctx, m); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "layers-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // the container ends with the call
	d.publication.Seconds = map[string]float64{}
	steps := map[string]func() error{
		"preflight": func() error {
			if err := check(); err != nil {
				return err
			}
			return d.preflight(ctx, m)
		},
		"restore":   func() error { return d.restore(ctx) },
		"libraries": func() error { return d.compileLibraries(ctx) },
		"publish":   func() error { return d.publish(ctx) },
		"assemble":  func() error { return d.assemble(ctx, scratch) },
		"push":      last,
	}
	for _, name := range publication.Steps {
		start := time.Now()
		if err := steps[name](); err != nil {
			return err
		}
		d.publication.Seconds[name] = time.Since(start).Seconds()
	}
	return nil
}

// readChoices reads what the caller says of the image.
func (d *delivery) readChoices(ctx context.Context, m *DotnetMultiarch) (err error) {
	d.choices = assembly.Choices{
		Ports: m.Port, Env: m.EnvVar, Labels: m.Label, Annotations: m.Annotation, Entrypoint: m.Entrypoint, Cmd: m.Cmd, User: m.User,
		WorkingDir: m.WorkingDir, Version: m.Version, Revision: m.Revision, SourceURL: m.SourceURL, Created: m.Created,
	}
	if d.compression, err = image.ParseCompression(m.Compression); err != nil {
		return err
	}
	if err := m.stamp(ctx, &d.choices); err != nil {
		return err
	}
	return d.choices.Validate()
}

func (d *delivery) preflight(ctx context.Context, m *DotnetMultiarch) (err error) {
	if d.plan, err = m.plan(ctx); err != nil {
		return err
	}
	if d.config, err = assembly.NewConfig(d.app, d.choices); err != nil {
		return err
	}
	d.publication.Notes = append(append(d.publication.Notes, d.notes...), d.config.Notes...)
	d.publication.Base, d.publication.SDK = d.base.Canonical, d.sdkName(m)
	if d.bases, err = d.resolveBases(ctx, d.client); err != nil {
		return err
	}
	d.publication.BaseDigest = d.bases[0].Resolved.String()
	return nil
}

func (d *delivery) restore(ctx context.Context) (err error) {
	d.restored, err = d.withPackages(ctx)
	return err
}

func (d *delivery) compileLibraries(ctx context.Context) (err error) {
	if d.libraries, err = d.withLibraries(ctx, d.restored); err != nil {
		return err
	}
	if d.libraries.note != "" {
		d.publication.Notes = append(d.publication.Notes, d.libraries.note)
	}
	return nil
}

func (d *delivery) publish(ctx context.Context) error {
	published, err := d.published(d.libraries)
	if err != nil {
		return err
	}
	if d.files, err = published.Directory(dotnet.PublishDir).Sync(ctx); err != nil {
		return toolError("publishing "+d.app.Path, err)
	}
	return nil
}

func (d *delivery) assemble(ctx context.Context, scratch string) error {
	root := filepath.Join(scratch, "published")
	if _, err := d.files.Export(ctx, root); err != nil {
		return fmt.Errorf("fetching the published files: %w", oneLine(err))
	}
	inputs := make([]assembly.Input, len(d.platforms))
	for i, p := range d.platforms {
		inputs[i] = assembly.Input{Platform: p, Base: d.bases[i], Root: filepath.Join(root, d.identifiers[i])}
	}
	var err error
	if d.parts, err = assembly.Parts(d.app, d.config, inputs, d.compression, scratch); err != nil {
		return err
	}
	if d.index, err = image.Index(d.parts); err != nil {
		return err
	}
	d.publication.Ports, err = image.Ports(d.index)
	return err
}

func (d *delivery) push(ctx context.Context) error {
	digest, sent, err := d.client.PushAll(ctx, d.index, d.targets, d.options)
	if err != nil {
		return err
	}
	weights, err := image.Weights(d.index, d.parts)
	if err != nil {
		return err
	}
	p := &d.publication
	p.Digest = digest.String()
	destinations := make([]publication.Destination, len(d.targets))
	for i, t := range d.targets {
		destinations[i] = publication.Destination{
			Reference: t.Repository.Digest(p.Digest).Name(), Tags: t.Tags, BytesSent: sent[i].Bytes,
			Blobs: publication.Blobs{Sent: sent[i].Uploaded, Mounted: sent[i].Mounted, Present: sent[i].Present},
		}
	}
	p.Pushed(destinations)
	for i, w := range weights {
		p.Platforms = append(p.Platforms, publication.Platform{Platform: d.platforms[i].String(), Digest: w.Digest.String(), Size: w.Total, App: w.App})
	}
	return nil
}

// endpoint starts the caller's registry service, which one from .env is not by itself, and gives where it answers.
func endpoint(ctx context.Context, service *dagger.Service) (address string, port int, err error) {
	const doing = "reaching the registry given with --registry"
	if _, err := service.Start(ctx); err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	if address, err = service.Endpoint(ctx); err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, err)
	}
	port, err = strconv.Atoi(text)
	return address, port, err
}
