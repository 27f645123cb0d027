package bases

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"golang.org/x/sync/errgroup"
)

// spaceNeeded is for the layer files and the Debian roots while they are made
// (1.2 GB at most, measured) and for the registry's copy of the layers (0.75 GB).
const spaceNeeded = 2_000_000_000

// compose makes a set, pushes it, and notes it last. It works in a folder that
// is gone afterwards, and at the next call when it was killed.
func (o Options) compose(ctx context.Context, src source) (record, error) {
	began := time.Now()
	disk := cache.Cache{Dir: o.Cache}
	if err := o.ready(ctx, src, disk); err != nil {
		return record{}, err
	}
	work, logs := filepath.Join(o.Cache, "work"), filepath.Join(o.Cache, "logs")
	defer func() { _ = os.RemoveAll(work) }()
	o.say("composing base images from %s: usually about a minute", src.title())
	c, err := o.parts(ctx, src, work, logs)
	if ctx.Err() != nil {
		return record{}, context.Cause(ctx) // not what its programs said when they were stopped
	}
	if err != nil {
		return record{}, disk.Explain(err)
	}
	rec, err := o.publish(ctx, c)
	if err != nil {
		return record{}, disk.Explain(err)
	}
	if err := os.RemoveAll(filepath.Join(o.Cache, "downloads")); err != nil {
		return record{}, err
	}
	o.say("base images of .NET %s are ready, composed in %.0f s", rec.DotNet.Runtime, time.Since(began).Seconds())
	return rec, nil
}

// ready finds what is missing before anything is begun, and makes the folders.
func (o Options) ready(ctx context.Context, src source, disk cache.Cache) error {
	if err := errors.Join(checkDebianTools(), src.check()); err != nil {
		return err
	}
	if !answersAsRegistry(ctx, "http://"+o.Registry+"/v2/") {
		return fmt.Errorf("no registry answers on %s; start it first", o.Registry)
	}
	if err := removeLeft(filepath.Join(o.Cache, "work")); err != nil {
		return fmt.Errorf("removing what a stopped call left: %w", err)
	}
	for _, name := range []string{"work", "logs"} {
		if err := os.MkdirAll(filepath.Join(o.Cache, name), 0o755); err != nil {
			return err
		}
	}
	return disk.Need(spaceNeeded, "making base images")
}

// parts makes the .NET layers and the three Debian roots, side by side.
func (o Options) parts(ctx context.Context, src source, work, logs string) (composition, error) {
	c := composition{source: src, roots: map[string]debianRoot{}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		c.dotnet, err = src.layers(ctx, work, o.say)
		return err
	})
	var lock sync.Mutex
	for _, r := range rootsOf(src.suite()) {
		group.Go(func() error {
			o.say("making the Debian %s root of the %s for linux/%s", r.suite.release, r.use(), r.arch)
			made, err := r.make(ctx, work, logs)
			lock.Lock()
			defer lock.Unlock()
			if r.whole {
				c.sdk = made
			} else {
				c.roots[r.arch] = made
			}
			return err
		})
	}
	err := group.Wait()
	return c, err
}

// rootsOf are the roots that a set needs, the longest to make first.
func rootsOf(s suite) []root {
	roots := []root{{suite: s, arch: architectures[0], whole: true}}
	for _, arch := range architectures {
		roots = append(roots, root{suite: s, arch: arch})
	}
	return roots
}

func (r root) use() string {
	if r.whole {
		return "SDK image"
	}
	return "runtime images"
}

func (o Options) publish(ctx context.Context, c composition) (record, error) {
	images, err := c.indexes(o.Registry)
	if err != nil {
		return record{}, err
	}
	o.say("pushing the base images to %s", o.Registry)
	done, err := push(ctx, o.Registry, images)
	if err != nil {
		return record{}, err
	}
	inputs := map[string]string{"debian.suite": c.source.suite().codename, "debian.sdk": c.sdk.packages}
	for arch, root := range c.roots {
		inputs["debian."+arch] = root.packages
	}
	rec := record{Recipe: recipe, Inputs: withInputs(c.dotnet.inputs, inputs), DotNet: c.dotnet.versions, Images: done}
	return rec, rec.write(o.recordPath(c.source))
}

// removeLeft removes a folder in which programs of a killed call may be ending
// only now, and leave more while it is being removed.
func removeLeft(dir string) error {
	const pause = 500 * time.Millisecond
	for range stopPatience / pause {
		if os.RemoveAll(dir) == nil {
			return nil
		}
		time.Sleep(pause)
	}
	return os.RemoveAll(dir)
}
