package registry

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
)

func TestChoose(t *testing.T) {
	for name, tc := range map[string]struct {
		asked, last int
		ours, other []int
		want        Choice
		err         string
	}{
		"first time":                      {want: Choice{Port: 5001}},
		"taken":                           {other: []int{5001, 5002}, want: Choice{Port: 5003, Taken: 5001}},
		"the last one again":              {last: 6000, want: Choice{Port: 6000}},
		"the last one is taken":           {last: 6000, other: []int{6000}, want: Choice{Port: 5001, Taken: 6000}},
		"ours, and its note is lost":      {ours: []int{5001}, want: Choice{Port: 5001, Running: true}},
		"another cache's has the default": {other: []int{5001}, want: Choice{Port: 5002, Taken: 5001}},
		"asked for":                       {asked: 7000, last: 6000, want: Choice{Port: 7000}},
		"asked for and running":           {asked: 7000, ours: []int{7000}, want: Choice{Port: 7000, Running: true}},
		"asked for and taken":             {asked: 7000, other: []int{7000}, err: "DOTNET_MULTIARCH_PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choose(tc.asked, tc.last, func(port int) Holder {
				for _, p := range tc.ours {
					if p == port {
						return Ours
					}
				}
				for _, p := range tc.other {
					if p == port {
						return Other
					}
				}
				return Free
			})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

func TestChooseEndsWhenAllPortsAreTaken(t *testing.T) {
	if _, err := choose(0, 0, func(int) Holder { return Other }); err == nil {
		t.Fatal("no error")
	}
}

func TestParsePort(t *testing.T) {
	for value, want := range map[string]int{"": 0, "1": 1, "65535": 65535} {
		if got, err := parsePort(value); err != nil || got != want {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
	for _, bad := range []string{"x", "0", "-1", "65536", "5001 "} {
		if _, err := parsePort(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestServedImagesOutliveTheRegistry(t *testing.T) {
	dir := t.TempDir()
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	port, stop := serve(t, dir, "id")
	if err := remote.Write(reference(t, port, "app:1"), image); err != nil {
		t.Fatal(err)
	}
	stop()

	port, stop = serve(t, dir, "id")
	defer stop()
	got, err := remote.Head(reference(t, port, "app:1"))
	if err != nil || got.Digest != want {
		t.Fatalf("after a restart: %v, %v; want %s", got, err, want)
	}
	if err := remote.Delete(reference(t, port, "app@"+want.String())); err != nil {
		t.Errorf("deleting: %v", err)
	}
}

func TestAskTellsOursFromOthers(t *testing.T) {
	port, stop := serve(t, t.TempDir(), "id")
	if who, pid := ask(t.Context(), port, "id"); who != Ours || pid != os.Getpid() {
		t.Errorf("our own: %v, process %d", who, pid)
	}
	if who, _ := ask(t.Context(), port, "another cache"); who != Other {
		t.Errorf("that of another cache: %v", who)
	}
	stop()
	if who, _ := ask(t.Context(), port, "id"); who != Free {
		t.Errorf("stopped: %v", who)
	}
	listener := listen(t)
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	if who, _ := ask(t.Context(), portOf(listener), "id"); who != Other {
		t.Errorf("another server: %v", who)
	}
}

func TestLastPortOfADamagedFileIsNone(t *testing.T) {
	c := cache.Cache{Dir: t.TempDir()}
	if got := lastPort(c); got != 0 {
		t.Errorf("without a file: %d", got)
	}
	for content, want := range map[string]int{"5007\n": 5007, "": 0, "x": 0} {
		if err := cache.WriteFile(portFile(c), []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := lastPort(c); got != want {
			t.Errorf("%q: %d, want %d", content, got, want)
		}
	}
}

func serve(t *testing.T, dir, id string) (port int, stop func()) {
	t.Helper()
	listener := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, filepath.Join(dir, "data"), id) }()
	return portOf(listener), func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

func reference(t *testing.T, port int, rest string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(Address(port)+"/"+rest, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}
