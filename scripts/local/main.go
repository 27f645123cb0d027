// Command local is behind scripts/dagger and scripts/dagger-local: it makes a
// machine ready for the module (a Dagger engine, a registry on 127.0.0.1, .NET
// base images) and runs dagger there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/engine"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

const usage = `usage: scripts/dagger-local SUBCOMMAND

  up       prepare everything: engine, registry, base images
  env      the same, and print the environment for calling dagger itself:
           eval "$(scripts/dagger-local env)"
  status   what runs, where, and how much space it takes
  logs     name the log files; with a name (engine, registry, build, apt), print one
  stop     stop engine and registry; what they hold is kept
  clean    stop them and delete the cache

scripts/dagger ARGUMENTS… prepares everything and runs dagger with the arguments.

environment:
  XDG_CACHE_HOME           where the cache is (default ~/.cache)
  DOTNET_MULTIARCH_PORT    port of the registry (default: 5001, or the next free one)
  DOTNET_MULTIARCH_BASES   where base images come from: mcr, bundle or npm
  DOTNET_MULTIARCH_ENGINE_LISTEN
                           where the engine answers besides its socket: tcp://127.0.0.1:PORT
  DOTNET_BUNDLE            archive of .NET roots, for machines without mcr.microsoft.com
`

// Exit codes of this program's own; dagger's are passed on.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

var errUsage = errors.New("wrong usage")

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	err := run(ctx, os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(exitUsage)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted; the next call goes on where this one stopped")
		os.Exit(exitInterrupted)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitFailure)
	}
}

// run takes either one of the subcommands by which this program starts itself, or
// `--source DIR SUBCOMMAND…` from the scripts.
func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 3 && args[0] == registry.ServeCommand:
		listener, err := registry.Inherited()
		if err != nil {
			return err
		}
		return registry.Serve(ctx, listener, args[1], args[2])
	case len(args) > 4 && args[0] == engine.RunCommand:
		return engine.Run(args[1], args[2], args[3], args[4:])
	case len(args) < 3 || args[0] != "--source":
		return errUsage
	}
	l, err := open(args[1])
	if err != nil {
		return err
	}
	return l.cache.Explain(l.subcommand(ctx, args[2], args[3:]))
}

func open(source string) (local, error) {
	dir, err := cache.Default(os.Getenv)
	if err != nil {
		return local{}, err
	}
	c, err := cache.Open(dir)
	if err != nil {
		return local{}, err
	}
	if source, err = filepath.Abs(source); err != nil {
		return local{}, err
	}
	if err := os.MkdirAll(c.Path("logs"), 0o755); err != nil {
		return local{}, err
	}
	return local{cache: c, engine: engine.Engine{Cache: c, Listen: os.Getenv(engine.ListenVariable), Source: source, Say: say}}, nil
}

// say writes a line for the person who waits. Standard output is dagger's.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[local] "+format+"\n", args...)
}

func (l local) subcommand(ctx context.Context, name string, args []string) error {
	if name == "dagger" {
		return l.dagger(ctx, args)
	}
	if name == "logs" && len(args) == 1 {
		return l.printLog(args[0])
	}
	commands := map[string]func(context.Context) error{
		"up": l.up, "env": l.env, "status": l.status, "logs": l.logs, "stop": l.stop, "clean": l.clean,
		"help": func(context.Context) error { _, err := fmt.Print(usage); return err },
	}
	command, ok := commands[name]
	if !ok || len(args) != 0 {
		return errUsage
	}
	return command(ctx)
}
