package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
)

// errNoLoopback: in the module's container 127.0.0.1 is the container itself, so without a service nothing can answer.
var errNoLoopback = told{errors.New("the reference names a registry on your own machine, which is reached through --registry only: give --registry tcp://127.0.0.1:PORT, or use another host")}

// loopback is the registry on the caller's own machine, sought when a reference first names it.
type loopback struct {
	locate  func(context.Context) (address string, port int, err error)
	mu      sync.Mutex
	address string
	port    int
}

func (l *loopback) at(ctx context.Context) (address string, port int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locate == nil {
		return "", 0, errNoLoopback
	}
	if l.address == "" {
		if l.address, l.port, err = l.locate(ctx); err != nil {
			return "", 0, told{err}
		}
	}
	return l.address, l.port, nil
}

// IsLoopback says whether a host or host:port means the caller's own machine.
func IsLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// checkLoopbackPort refuses a reference to another port of the caller's machine than the registry's: the push would
// arrive, but the reference that it gives back would lead nowhere.
func (c *Client) checkLoopbackPort(ctx context.Context, repository name.Repository) error {
	host := repository.RegistryStr()
	if !IsLoopback(host) {
		return nil
	}
	_, served, err := c.loopback.at(ctx)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		port = "80"
	}
	if served != 0 && port != strconv.Itoa(served) {
		return fmt.Errorf("the reference names port %s and --registry serves port %d: make them equal", port, served)
	}
	return nil
}
