package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/engine"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

// dagger becomes dagger: its exit code and signals are the caller's.
func (l local) dagger(ctx context.Context, args []string) error {
	r, err := l.prepare(ctx)
	if err != nil {
		return err
	}
	err = syscall.Exec(r.dagger, append([]string{"dagger"}, args...), apply(os.Environ(), r.set))
	return fmt.Errorf("executing %s: %w", r.dagger, err)
}

func (l local) up(ctx context.Context) error {
	if _, err := l.prepare(ctx); err != nil {
		return err
	}
	return l.status(ctx)
}

func (l local) env(ctx context.Context) error {
	r, err := l.prepare(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Print(exports(r.set, os.LookupEnv))
	return err
}

func (l local) status(ctx context.Context) error {
	port := registry.Running(ctx, l.cache)
	fmt.Println("cache:      ", l.cache.Dir)
	fmt.Println("engine:     ", l.engineStatus(port))
	if port == 0 {
		fmt.Println("registry:    not running")
	} else {
		fmt.Println("registry:   ", registry.Address(port))
	}
	if r, known := l.lastBases(); known {
		fmt.Println("base images:", describe(r.Choice))
	}
	free, err := cache.Free(l.cache.Dir)
	if err != nil {
		return err
	}
	fmt.Println("space:      ", l.sizes()+", free", cache.Bytes(free))
	fmt.Println("logs:       ", l.cache.Path("logs"))
	return nil
}

func (l local) engineStatus(port int) string {
	switch pid := l.engine.PID(); {
	case pid == 0:
		return "not running"
	case port == 0 || !l.engine.Ready(port):
		return fmt.Sprintf("process %d, to be restarted by the next call", pid)
	default:
		return fmt.Sprintf("Dagger %s, process %d, %s", engine.Version, pid, l.engine.Address())
	}
}

func (l local) sizes() string {
	var parts []string
	for _, part := range []struct{ name, dir string }{
		{"engine", "engine"}, {"registry", "registry"}, {"base images", "bases"},
	} {
		parts = append(parts, part.name+" "+cache.Bytes(cache.Size(l.cache.Path(part.dir))))
	}
	return strings.Join(parts, ", ")
}

func (l local) logs(context.Context) error {
	files, err := filepath.Glob(l.cache.Log("*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		fmt.Printf("%-9s %7s  %s\n", strings.TrimSuffix(filepath.Base(file), ".log"), cache.Bytes(info.Size()), file)
	}
	return nil
}

func (l local) printLog(part string) error {
	file, err := os.Open(l.cache.Log(filepath.Base(part)))
	if err != nil {
		return fmt.Errorf("printing the log of %s: %w; `logs` alone names those that there are", part, err)
	}
	defer file.Close()
	_, err = io.Copy(os.Stdout, file)
	return err
}

func (l local) stop(ctx context.Context) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return l.stopAll(ctx)
}

func (l local) stopAll(ctx context.Context) error {
	return errors.Join(l.engine.Stop(), registry.Stop(ctx, l.cache))
}

func (l local) clean(ctx context.Context) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.stopAll(ctx); err != nil {
		return fmt.Errorf("%w; the cache is not deleted", err)
	}
	if err := l.cache.Remove(); err != nil {
		return err
	}
	say("deleted %s", l.cache.Dir)
	return nil
}
