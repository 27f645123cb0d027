package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// errNoLoopback: in the module's container 127.0.0.1 is the container itself, so without a service nothing can answer.
var errNoLoopback = errors.New("the reference names a registry on your own machine, which is reached through --registry only: give --registry tcp://127.0.0.1:PORT, or push to another host")

// HostOf gives the part of a reference before its first slash.
func HostOf(reference string) string {
	host, _, _ := strings.Cut(reference, "/")
	return host
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
func (c *Client) checkLoopbackPort(repository name.Repository) error {
	host := repository.RegistryStr()
	if !IsLoopback(host) || c.options.Loopback == "" || c.options.LoopbackPort == 0 {
		return nil
	}
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		port = "80"
	}
	if port != strconv.Itoa(c.options.LoopbackPort) {
		return fmt.Errorf("the reference names port %s and --registry serves port %d: make them equal", port, c.options.LoopbackPort)
	}
	return nil
}
