package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/lock"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Lock gives the text of dagger.lock, to be kept at the root of the source: the digests that the SDK image and the base image
// have now. Builds take these from then on, wherever the tags move. Entries of others are kept.
//
//	dagger call lock -o dagger.lock
//
// +cache="never"
func (m *DotnetMultiarch) Lock(
	ctx context.Context,

	// Compare only: fail where the lock lacks an image or a newer one exists, and say so of each.
	//
	// +optional
	check bool,
) (string, error) {
	// What is locked may be gone, and then a new lock is the cure.
	p, err := m.complete(ctx, &plan{unpinned: !check})
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, registry.Target{}, login{})
	if err != nil {
		return "", err
	}
	newest, err := p.newest(ctx, m, client)
	if err != nil {
		return "", err
	}
	if check {
		return checkLock(p.lock, newest)
	}
	for _, pin := range newest {
		p.lock.Set(pin)
	}
	return p.lock.String(), nil
}

func checkLock(file *lock.File, newest []lock.Pin) (string, error) {
	var behind []string
	var current strings.Builder
	for _, pin := range newest {
		if line := file.Behind(pin); line != "" {
			behind = append(behind, line)
		}
		fmt.Fprintf(&current, "%s@%s is locked and the newest\n", pin.Reference, pin.Digest)
	}
	if len(behind) > 0 {
		return "", fmt.Errorf("%s is behind:\n%s", lock.FileName, strings.Join(behind, "\n"))
	}
	if len(newest) == 0 {
		return "every image is pinned by its own reference\n", nil
	}
	return current.String(), nil
}

// readLock takes the lock from the caller's folder itself: .dockerignore may leave it out.
func (p *plan) readLock(ctx context.Context, caller *dagger.Directory) error {
	found, err := caller.Glob(ctx, lock.FileName)
	if err != nil {
		return fmt.Errorf("fetching the source: %w", oneLine(err))
	}
	text := ""
	if len(found) > 0 {
		if text, err = caller.File(lock.FileName).Contents(ctx); err != nil {
			return fmt.Errorf("fetching the source: %w", oneLine(err))
		}
	}
	p.lock, err = lock.Parse(text)
	return err
}

// locked gives the digest that the lock has of an image, "" where it has none.
func (p *plan) locked(m *DotnetMultiarch, reference string, platforms []string) (string, error) {
	canonical, err := lock.Canonical(dotnet.CanonicalName(reference, m.BaseRegistry))
	if err != nil || canonical == "" || p.unpinned {
		return "", err
	}
	return p.lock.Digest(canonical, platforms)
}

// newest gives what the lock should hold of the images of this build's apps, each once.
func (p *plan) newest(ctx context.Context, m *DotnetMultiarch, client *registry.Client) ([]lock.Pin, error) {
	var pins []lock.Pin
	add := func(pin lock.Pin, err error) error {
		if err != nil || pin.Reference == "" {
			return err
		}
		for i, other := range pins {
			if other.Reference == pin.Reference {
				pins[i].Platforms = append(other.Platforms, slices.DeleteFunc(pin.Platforms, func(one string) bool { return slices.Contains(other.Platforms, one) })...)
				return nil
			}
		}
		pins = append(pins, pin)
		return nil
	}
	var sdks []*environment
	for _, a := range p.apps {
		if slices.Contains(sdks, a.sdk) {
			continue
		}
		sdks = append(sdks, a.sdk)
		if err := add(a.sdk.newest(ctx, m, client)); err != nil {
			return nil, err
		}
	}
	for _, a := range p.apps {
		if err := add(a.newestBase(ctx, m, client)); err != nil {
			return nil, err
		}
	}
	return pins, nil
}

// newest gives what the lock should hold of an SDK image; the zero Pin where its reference is a digest.
func (e *environment) newest(ctx context.Context, m *DotnetMultiarch, client *registry.Client) (lock.Pin, error) {
	name, err := lock.Canonical(dotnet.CanonicalName(e.image, m.BaseRegistry))
	if err != nil || name == "" {
		return lock.Pin{}, err
	}
	digest, platforms, err := client.Resolve(ctx, e.image)
	if err != nil {
		return lock.Pin{}, err
	}
	// The lock is the same from whatever machine: it has both kinds that build.
	builds := slices.DeleteFunc(slices.Clone(platforms), func(one platform.Platform) bool { return !slices.Contains(platform.Default(), one) })
	if len(builds) == 0 {
		builds = platforms
	}
	return lock.Pin{Reference: name, Digest: digest.String(), Platforms: platformNames(builds)}, nil
}

// newestBase gives what the lock should hold of an app's base image; the zero Pin where its reference is a digest.
func (a *app) newestBase(ctx context.Context, m *DotnetMultiarch, client *registry.Client) (lock.Pin, error) {
	name, err := lock.Canonical(dotnet.CanonicalName(a.base.Reference, m.BaseRegistry))
	if err != nil || name == "" {
		return lock.Pin{}, err
	}
	bases, err := client.Bases(ctx, a.base.Reference, a.base.Canonical, a.platforms)
	if err != nil {
		return lock.Pin{}, err
	}
	return lock.Pin{Reference: name, Digest: bases[0].Resolved.String(), Platforms: platformNames(a.platforms)}, nil
}

// resolve finds the base of every platform, by the locked digest where there is one.
func (a *app) resolve(ctx context.Context, client *registry.Client) ([]image.Base, error) {
	reference := a.base.Reference
	if a.baseLocked != "" {
		reference += "@" + a.baseLocked
	}
	bases, err := client.Bases(ctx, reference, a.base.Canonical, a.platforms)
	if a.baseLocked != "" && errors.Is(err, registry.ErrGone) {
		err = goneFromLock(err)
	}
	return bases, err
}

func goneFromLock(err error) error {
	return fmt.Errorf("%w; %s names it: %s", err, lock.FileName, lock.Renew)
}

// name is the image that is built in, as a lock would name it.
func (e *environment) name(m *DotnetMultiarch) string {
	repository, _, _ := strings.Cut(dotnet.CanonicalName(e.image, m.BaseRegistry), "@")
	return repository + "@" + e.resolved
}

func platformNames(platforms []platform.Platform) []string {
	names := make([]string, len(platforms))
	for i, p := range platforms {
		names[i] = p.String()
	}
	return names
}
