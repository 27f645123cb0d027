//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// registryProxy counts what is asked of the registry behind it.
type registryProxy struct {
	host string
	mu   sync.Mutex
	seen []string
}

func newRegistryProxy(t *testing.T, to string) *registryProxy {
	t.Helper()
	p := &registryProxy{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Method+" "+r.URL.Path)
		p.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.host = server.Listener.Addr().(*net.TCPAddr).AddrPort().String()
	return p
}

// take gives the requests since it was last asked.
func (p *registryProxy) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// cost is what a call took, in what does not depend on the machine.
type cost struct {
	execs    []string // commands that ran in containers
	read     []string // files of the source that were read from the host
	requests []string
	bytes    int64
	blobs    int
}

// executed gives the commands of a call's steps that ran to their end, one for each step that the progress numbers.
func executed(progress string) []string {
	commands := map[string]string{}
	for _, done := range regexp.MustCompile(`(?m)^(\d+) +: (?:┆ )+Container\.withExec DONE`).FindAllStringSubmatch(progress, -1) {
		step := done[1]
		commands[step] = cmp.Or(regexp.MustCompile(`(?m)^`+step+` +: (?:┆ )+withExec .*`).FindString(progress), step)
	}
	return slices.Sorted(maps.Values(commands))
}

// TestWhatAnEditCosts holds the counts that the time depends on. A greater one is a regression, whatever the clock says. It runs
// alone: a step that another test has begun counts as run here.
func TestWhatAnEditCosts(t *testing.T) {
	source := sample(t, "costs")
	proxy := newRegistryProxy(t, host(t))
	sdk := local(t, "SDK_IMAGE")
	if sdk == "" {
		sdk = host(t) + "/dotnet/sdk:10.0" // the engine's own pull does not go through the proxy
	}
	image := strings.Replace(repository(t), host(t), proxy.host, 1)
	program := filepath.Join(source, "src/SampleApp.Api/Program.cs")
	library := filepath.Join(source, "src/SampleApp.Core/PrimeSieve.cs")
	call := func() cost {
		t.Helper()
		opened := watch(t, source)
		proxy.take()
		p, r := push(t, []string{"--source", source, "--registry", "tcp://" + proxy.host, "--base-registry", proxy.host, "--sdk-image", sdk}, []string{"--image", image})
		return cost{
			execs: executed(r.stderr), read: opened(), requests: proxy.take(), bytes: p.BytesSent, blobs: p.Blobs.Sent,
		}
	}
	// The check that a push will be allowed begins an upload and takes it back: POST and DELETE, which write nothing.
	writes := func(c cost) (writes int) {
		for _, r := range c.requests {
			if strings.HasPrefix(r, "PUT ") || strings.HasPrefix(r, "PATCH ") {
				writes++
			}
		}
		return writes
	}
	layers := func(c cost) []string {
		return slices.DeleteFunc(slices.Clone(c.requests), func(r string) bool {
			return !strings.HasPrefix(r, "GET ") || !strings.Contains(r, "/dotnet/aspnet/blobs/")
		})
	}

	edit(t, program, "using", "// "+nonce+"\nusing") // so that this run's steps are new
	first := call()
	if len(first.execs) == 0 || len(first.read) < 10 || writes(first) == 0 {
		t.Fatalf("the counts see nothing: %d commands, %d files, %d requests", len(first.execs), len(first.read), len(first.requests))
	}
	for _, s := range []struct {
		name     string
		change   func(attempt string)
		execs    int
		read     []string
		requests int
		bytes    int64
		blobs    int
	}{
		{
			name: "no change", change: func(attempt string) {
				if attempt != "" { // what is built once more is new again
					edit(t, program, "using", "// built "+nonce+attempt+"\nusing")
					call()
				}
			},
			requests: 14,
		},
		{
			name: "an edit in the app", change: func(attempt string) { edit(t, program, "using", "// edited "+nonce+attempt+"\nusing") },
			execs: 1, read: []string{"Program.cs"}, requests: 41, bytes: 40_000, blobs: 3,
		},
		{
			name: "an edit in a library", change: func(attempt string) { edit(t, library, "namespace", "// edited "+nonce+attempt+"\nnamespace") },
			execs: 2, read: []string{"PrimeSieve.cs"}, requests: 41, bytes: 30_000, blobs: 3,
		},
	} {
		s.change("")
		c := call()
		// An engine whose machine is busy with other work lets go of a step now and then, which runs again. A regression does so
		// each time.
		for attempt := range 2 {
			if len(c.execs) <= s.execs {
				break
			}
			t.Logf("%s: once more, since %d commands ran in containers:\n%s", s.name, len(c.execs), strings.Join(c.execs, "\n"))
			s.change(fmt.Sprintf(" once more, %d", attempt))
			c = call()
		}
		t.Logf("%s: %d commands, read %v, %d requests of which %d write, %d bytes in %d blobs", s.name, len(c.execs), c.read, len(c.requests), writes(c), c.bytes, c.blobs)
		if len(c.execs) != s.execs {
			t.Errorf("%s: %d commands ran in containers, want %d:\n%s", s.name, len(c.execs), s.execs, strings.Join(c.execs, "\n"))
		}
		if !slices.Equal(c.read, s.read) {
			t.Errorf("%s: read %v from the host, want %v", s.name, c.read, s.read)
		}
		if len(c.requests) > s.requests {
			t.Errorf("%s: %d requests, want %d at most:\n%s", s.name, len(c.requests), s.requests, strings.Join(c.requests, "\n"))
		}
		if c.bytes > s.bytes {
			t.Errorf("%s: %d bytes sent, want %d at most", s.name, c.bytes, s.bytes)
		}
		if c.blobs != s.blobs {
			t.Errorf("%s: %d blobs sent, want %d", s.name, c.blobs, s.blobs)
		}
		if s.execs == 0 && writes(c) != 0 {
			t.Errorf("%s: wrote to the registry:\n%s", s.name, strings.Join(c.requests, "\n"))
		}
		// Manifests and configs are read of a base, its layers never.
		if got := layers(c); len(got) > 2 {
			t.Errorf("%s: reads more of the base than two configs: %v", s.name, got)
		}
	}
}
