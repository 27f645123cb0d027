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
	target      registry.Target
	publication publication.Publication
	bases       []image.Base
	// stage is the build container after the last step.
	stage *dagger.Container
	files *dagger.Directory
	parts []image.Part
	index v1.ImageIndex
}

func (m *DotnetMultiarch) deliver(ctx context.Context, client *registry.Client, target registry.Target) (*publication.Publication, error) {
	d := &delivery{client: client, target: target, publication: publication.Publication{Tags: target.Tags, Seconds: map[string]float64{}}}
	scratch, err := os.MkdirTemp("", "layers-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // the container ends with the call
	// Everything that can be refused is asked before anything is compiled.
	steps := map[string]func() error{
		"preflight": func() error { return d.preflight(ctx, m) },
		"restore":   func() error { return d.restore(ctx) },
		"libraries": func() error { return d.compileLibraries(ctx) },
		"publish":   func() error { return d.publish(ctx) },
		"assemble":  func() error { return d.assemble(ctx, scratch) },
		"push":      func() error { return d.push(ctx) },
	}
	for _, name := range publication.Steps {
		start := time.Now()
		if err := steps[name](); err != nil {
			return nil, err
		}
		d.publication.Seconds[name] = time.Since(start).Seconds()
	}
	return &d.publication, nil
}

func (d *delivery) preflight(ctx context.Context, m *DotnetMultiarch) (err error) {
	if err := d.client.Check(ctx, d.target); err != nil {
		return err
	}
	if d.plan, err = m.plan(ctx); err != nil {
		return err
	}
	d.publication.Notes = append(d.publication.Notes, d.notes...)
	d.publication.Base, d.publication.SDK = d.base.Canonical, d.sdkName(m)
	if d.bases, err = d.resolveBases(ctx, d.client); err != nil {
		return err
	}
	d.publication.BaseDigest = d.bases[0].Resolved.String()
	return nil
}

func (d *delivery) restore(ctx context.Context) (err error) {
	if d.stage, err = d.restored(); err != nil {
		return err
	}
	if d.stage, err = d.stage.Sync(ctx); err != nil {
		return toolError("restoring "+d.app.Path, err)
	}
	return nil
}

func (d *delivery) compileLibraries(ctx context.Context) error {
	stage, note, err := d.withLibraries(d.stage)
	if err != nil {
		return err
	}
	if note != "" {
		d.publication.Notes = append(d.publication.Notes, note)
	}
	if d.stage, err = stage.Sync(ctx); err != nil {
		return toolError("compiling the libraries of "+d.app.Path, err)
	}
	return nil
}

func (d *delivery) publish(ctx context.Context) (err error) {
	published, err := d.published(d.stage)
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
	if d.parts, err = assembly.Parts(d.app, inputs, scratch); err != nil {
		return err
	}
	d.index, err = image.Index(d.parts, nil)
	return err
}

func (d *delivery) push(ctx context.Context) error {
	digest, sent, err := d.client.Push(ctx, d.index, d.target)
	if err != nil {
		return err
	}
	weights, err := image.Weights(d.index, d.parts)
	if err != nil {
		return err
	}
	p := &d.publication
	p.Digest, p.Reference = digest.String(), d.target.Repository.Digest(digest.String()).Name()
	p.Blobs = publication.Blobs{Sent: sent.Uploaded, Mounted: sent.Mounted, Present: sent.Present}
	p.BytesSent = sent.Bytes
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
