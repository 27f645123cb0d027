package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/bases"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/engine"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/host"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/programs"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

// local is this machine's part of the work.
type local struct {
	cache  cache.Cache
	engine engine.Engine
}

// ready is what a call of dagger needs.
type ready struct {
	dagger string // the program
	set    []variable
}

// room is what the engine's build and first runs take in the cache (measured: 0.3
// GB of programs and SDK, 0.8 GB of composed base images, 2.2 GB of the engine's
// state), not counting Go's own caches (3.5 GB).
const room = 4_000_000_000

// prepare makes ready what is not. Where everything is, it takes some
// milliseconds.
func (l local) prepare(ctx context.Context) (ready, error) {
	facts := host.Detect(ctx, l.cache.Dir)
	own, err := host.Decide(facts)
	if err != nil {
		return ready{}, err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return ready{}, err
	}
	defer unlock()
	if err := l.engine.CheckListen(); err != nil {
		return ready{}, err
	}
	port, err := registry.Ensure(ctx, l.cache, os.Getenv("DOTNET_MULTIARCH_PORT"), say)
	if err != nil {
		return ready{}, err
	}
	if own {
		l.hintAtBases(ctx)
		return ready{dagger: facts.Dagger, set: withLocal(registryVariables(port), os.LookupEnv)}, nil
	}
	return l.embedded(ctx, port)
}

func (l local) lock(ctx context.Context) (unlock func(), err error) {
	return l.cache.Lock(ctx, func(path string) {
		say("waiting for another call that prepares, stops or cleans the same cache (it holds %s)", path)
	})
}

func (l local) embedded(ctx context.Context, port int) (ready, error) {
	choice, err := l.ensureEngineAndBases(ctx, port)
	if err != nil {
		return ready{}, err
	}
	bin, err := l.engine.Bin()
	if err != nil {
		return ready{}, err
	}
	set := withLocal(append(registryVariables(port), baseVariables(choice)...), os.LookupEnv)
	return ready{
		dagger: filepath.Join(bin, "dagger"),
		set:    append(set, engineVariables(l.engine.Address(), bin)...),
	}, nil
}

func (l local) ensureEngineAndBases(ctx context.Context, port int) (bases.Choice, error) {
	running := l.engine.Ready(port)
	if running {
		if err := l.engine.KeepRules(); err != nil {
			return bases.Choice{}, err
		}
	}
	remembered, known := l.rememberedBases(port)
	if running && known && remembered.fresh() {
		return remembered.Choice, nil
	}
	if !l.engine.Built() {
		if err := l.cache.Need(room, "preparing the embedded engine"); err != nil {
			return bases.Choice{}, err
		}
	}
	if err := l.installPrograms(ctx, running); err != nil {
		return bases.Choice{}, err
	}
	var choice bases.Choice
	// The engine's build and the base images do not wait for each other.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.ensureEngine(ctx, port, running) })
	group.Go(func() (err error) {
		choice, err = bases.Ensure(ctx, l.basesOptions(port))
		return err
	})
	if err := group.Wait(); err != nil {
		return choice, err
	}
	if !running || !known || remembered.Choice != choice {
		say("base images: %s", describe(choice))
	}
	return choice, l.rememberBases(port, choice)
}

func (l local) ensureEngine(ctx context.Context, port int, running bool) error {
	if running {
		return nil
	}
	if err := l.engine.EnsureBuilt(ctx); err != nil {
		return err
	}
	if err := l.engine.EnsureSDK(ctx); err != nil {
		return err
	}
	if err := l.engine.Start(ctx, port); err != nil {
		return err
	}
	say("Dagger engine %s: %s", engine.Version, l.engine.Address())
	return l.engine.Prune()
}

// installPrograms installs at once what the engine and the base images need.
func (l local) installPrograms(ctx context.Context, running bool) error {
	var wanted []programs.Program
	if !running {
		wanted = programs.Engine
	}
	wanted = append(wanted, l.composingPrograms(ctx)...)
	return programs.Installer{Log: l.cache.Log("apt"), Say: say}.Ensure(ctx, wanted)
}

func describe(c bases.Choice) string {
	if c.DotNet == "" {
		return c.Source
	}
	return fmt.Sprintf("%s (.NET %s)", c.Source, c.DotNet)
}
