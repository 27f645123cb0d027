package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

// ServeCommand is the subcommand of this program that serves: its arguments are
// the folder of the data and the cache's id, its descriptor 3 the listener.
const ServeCommand = "serve-registry"

// Running is the port of the cache's registry that answers, 0 when none does.
func Running(ctx context.Context, c cache.Cache) int {
	port := lastPort(c)
	if port == 0 {
		return 0
	}
	if who, _ := ask(ctx, port, c.ID); who != Ours {
		return 0
	}
	return port
}

// suits says whether a registry on port is what the caller asks for.
func suits(port, want int) bool {
	return port != 0 && (want == 0 || want == port)
}

// Ensure returns the port of the cache's registry, which it starts when it does
// not run or runs on another port than asked (the value of
// DOTNET_MULTIARCH_PORT). The caller holds the cache's lock.
func Ensure(ctx context.Context, c cache.Cache, asked string, say func(format string, args ...any)) (int, error) {
	want, err := parsePort(asked)
	if err != nil {
		return 0, err
	}
	running := Running(ctx, c)
	if suits(running, want) {
		return running, nil
	}
	choice, err := choose(want, lastPort(c), func(port int) Holder {
		who, _ := ask(ctx, port, c.ID)
		return who
	})
	if err != nil {
		return 0, err
	}
	if running != 0 && running != choice.Port {
		if err := Stop(ctx, c); err != nil {
			return 0, err
		}
	}
	if !choice.Running {
		if err := start(ctx, c, choice.Port); err != nil {
			return 0, err
		}
		say("registry: %s%s", Address(choice.Port), takenNote(choice.Taken))
	}
	return choice.Port, cache.WriteFile(portFile(c), []byte(strconv.Itoa(choice.Port)+"\n"))
}

func takenNote(port int) string {
	if port == 0 {
		return ""
	}
	return fmt.Sprintf(" (port %d is taken by another program; DOTNET_MULTIARCH_PORT can name one)", port)
}

func start(ctx context.Context, c cache.Cache, port int) error {
	// The listener is made here and given to the daemon: nobody can take the port
	// in between.
	listener, err := net.Listen("tcp", Address(port))
	if err != nil {
		return fmt.Errorf("starting the registry: %w; name a free port with DOTNET_MULTIARCH_PORT", err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer file.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	process, err := daemon.Start(daemon.Spec{
		What:  "starting the registry",
		Args:  []string{self, ServeCommand, c.Path("registry", "data"), c.ID},
		Env:   []string{"HOME=" + c.Dir}, // nothing of the caller's
		Log:   c.Log("registry"),
		Files: []*os.File{file},
	})
	if err != nil {
		return err
	}
	return process.Await(ctx, 20*time.Second, func() bool {
		who, _ := ask(ctx, port, c.ID)
		return who == Ours
	})
}

// Inherited is the listener that Ensure gave to the daemon.
func Inherited() (net.Listener, error) {
	syscall.CloseOnExec(3)
	file := os.NewFile(3, "listener")
	if file == nil {
		return nil, errors.New("serving the registry: no listener was given; this subcommand is not for people")
	}
	defer file.Close()
	return net.FileListener(file)
}

// Stop ends the cache's registry; none is no error.
func Stop(ctx context.Context, c cache.Cache) error {
	who, pid := ask(ctx, lastPort(c), c.ID)
	if who != Ours {
		return nil
	}
	return daemon.Stop(pid, 5*time.Second)
}

func portFile(c cache.Cache) string { return c.Path("registry", "port") }

// lastPort is 0 when no registry was ever started, or the file is damaged.
func lastPort(c cache.Cache) int {
	data, err := os.ReadFile(portFile(c))
	if err != nil {
		return 0
	}
	port, err := parsePort(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return port
}
