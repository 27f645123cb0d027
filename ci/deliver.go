package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/assembly"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// delivery is the way of one app from source to pushed image.
type delivery struct {
	*app
	release     *release
	targets     []registry.Target
	bases       []image.Base
	config      assembly.Config
	publication publication.Publication
	// What each step leaves to the next.
	files, assets *dagger.Directory
	parts         []image.Part
	index         v1.ImageIndex
	// doubts are of native files that may not run where they are.
	doubts []string
}

// prepare decides what the image says of the app.
func (d *delivery) prepare(m *DotnetMultiarch) (err error) {
	if d.config, err = assembly.NewConfig(d.Project, d.release.choices); err != nil {
		return err
	}
	d.publication = publication.Publication{
		Project: d.Path, DryRun: d.release.options.DryRun, Base: d.base.Canonical, SDK: d.sdk.name(m), Seconds: map[string]float64{},
	}
	return nil
}

func (d *delivery) publish(ctx context.Context) error {
	published, err := d.release.publish(ctx, d.app)
	if err != nil {
		return err
	}
	d.files, d.assets = published.Directory(dotnet.PublishDir), published.Directory(dotnet.AssetsDir)
	return nil
}

func (d *delivery) assemble(ctx context.Context, scratch string) error {
	scratch = filepath.Join(scratch, strconv.Itoa(slices.Index(d.release.deliveries, d)))
	root := filepath.Join(scratch, "published")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if _, err := d.files.Export(ctx, root); err != nil {
		return fmt.Errorf("fetching the published files of %s: %w", d.Path, oneLine(err))
	}
	assets := filepath.Join(scratch, "assets")
	if _, err := d.assets.Export(ctx, assets); err != nil {
		return fmt.Errorf("fetching what the packages of %s hold: %w", d.Path, oneLine(err))
	}
	inputs := make([]assembly.Input, len(d.platforms))
	for i, p := range d.platforms {
		inputs[i] = assembly.Input{Platform: p, Base: d.bases[i], Root: filepath.Join(root, d.identifiers[i]), Assets: filepath.Join(assets, d.identifiers[i]+".json")}
	}
	var err error
	if d.doubts, err = assembly.CheckNative(d.Project, inputs, d.base.Libc, d.release.foreign); err != nil {
		return err
	}
	if d.parts, err = assembly.Parts(d.Project, d.config, inputs, d.release.compression, scratch); err != nil {
		return err
	}
	if d.index, err = image.Index(d.parts); err != nil {
		return err
	}
	d.publication.Ports, err = image.Ports(d.index)
	return err
}

// delivered notes what the push of the image cost.
func (d *delivery) delivered(receipt registry.Receipt) error {
	weights, err := image.Weights(d.index, d.parts)
	if err != nil {
		return err
	}
	p := &d.publication
	p.Digest = receipt.Digest.String()
	destinations := make([]publication.Destination, len(d.targets))
	for i, t := range d.targets {
		sent := receipt.Sent[i]
		destinations[i] = publication.Destination{
			Reference: t.Repository.Digest(p.Digest).Name(), Tags: t.Tags, BytesSent: sent.Bytes,
			Blobs: publication.Blobs{Sent: sent.Uploaded, Mounted: sent.Mounted, Present: sent.Present},
		}
	}
	p.Pushed(destinations)
	for i, w := range weights {
		p.Platforms = append(p.Platforms, publication.Platform{Platform: d.platforms[i].String(), Digest: w.Digest.String(), Size: w.Total, App: w.App})
	}
	return nil
}

// notes are what the user should know of the app.
func (d *delivery) notes() []string {
	notes := slices.Concat(d.app.notes, d.config.Notes, d.doubts)
	if d.libraries.note != "" {
		notes = append(notes, d.libraries.note)
	}
	return notes
}
