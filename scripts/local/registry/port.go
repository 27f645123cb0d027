package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// DefaultPort is not the customary 5000: macOS and others have that taken.
const DefaultPort = 5001

// tries is the number of ports looked at from DefaultPort on.
const tries = 50

// Holder says who has a port.
type Holder int

// A port is free, a registry's that serves this cache, or anybody else's.
const (
	Free Holder = iota
	Ours
	Other
)

// Choice is the outcome of looking for a port.
type Choice struct {
	Port    int
	Running bool // a registry of this cache answers there
	Taken   int  // the port that was wanted and is somebody else's, 0 for none
}

// choose takes the port that is asked for (0 when none is), else the one used
// last (0 when none was), else the first free one from DefaultPort on.
func choose(asked, last int, holder func(port int) Holder) (Choice, error) {
	if asked != 0 {
		who := holder(asked)
		if who == Other {
			return Choice{}, fmt.Errorf("starting the registry: port %d (DOTNET_MULTIARCH_PORT) is taken by another program; "+
				"name another one, or unset it to have one chosen", asked)
		}
		return Choice{Port: asked, Running: who == Ours}, nil
	}
	var taken int
	for _, port := range candidates(last) {
		switch holder(port) {
		case Ours:
			return Choice{Port: port, Running: true, Taken: taken}, nil
		case Free:
			return Choice{Port: port, Taken: taken}, nil
		case Other:
			if taken == 0 {
				taken = port
			}
		}
	}
	return Choice{}, fmt.Errorf("starting the registry: ports %d to %d of 127.0.0.1 are all taken; "+
		"name a free one with DOTNET_MULTIARCH_PORT", DefaultPort, DefaultPort+tries-1)
}

func candidates(last int) []int {
	var ports []int
	if last != 0 {
		ports = append(ports, last)
	}
	for port := DefaultPort; port < DefaultPort+tries; port++ {
		if port != last {
			ports = append(ports, port)
		}
	}
	return ports
}

// parsePort reads DOTNET_MULTIARCH_PORT; empty is 0: not asked for.
func parsePort(value string) (int, error) {
	if value == "" {
		return 0, nil
	}
	port, err := strconv.Atoi(value)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("starting the registry: DOTNET_MULTIARCH_PORT=%s is not a port; give a number from 1 to 65535", value)
	}
	return port, nil
}

// Address is host:port on the loopback interface.
func Address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// ask finds out who has a port, and the process number of a registry of ours.
func ask(ctx context.Context, port int, id string) (Holder, int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", Address(port))
	if err != nil {
		return Free, 0
	}
	_ = conn.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+Address(port)+"/v2/", nil)
	if err != nil {
		return Other, 0
	}
	// A client of its own: a proxy set in the environment has no part in this.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return Other, 0
	}
	defer response.Body.Close()
	pid, err := strconv.Atoi(response.Header.Get(headerPID))
	if response.StatusCode != http.StatusOK || response.Header.Get(headerCache) != id || err != nil {
		return Other, 0
	}
	return Ours, pid
}
