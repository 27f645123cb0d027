package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store is go-containerregistry's in-process registry with what it lacks of a real one: every repository has blobs of its
// own, mounts are granted or refused, a manifest is taken only whole, and all of it wants a bearer token. As lax as the
// original it takes a manifest whose blobs are missing: the order of a push has to see to that.
type store struct {
	http.Handler
	grant bool

	mu    sync.Mutex
	blobs map[string]map[v1.Hash][]byte
}

func newStore(grant bool) *store {
	s := &store{grant: grant, blobs: map[string]map[v1.Hash][]byte{}}
	s.Handler = memory.New(memory.Logger(log.New(io.Discard, "", 0)), memory.WithBlobHandler(s))
	return s
}

func (s *store) Get(_ context.Context, repository string, h v1.Hash) (io.ReadCloser, error) {
	if blob, ok := s.blob(repository, h); ok {
		return io.NopCloser(bytes.NewReader(blob)), nil
	}
	return nil, memory.ErrNotFound
}

func (s *store) Stat(_ context.Context, repository string, h v1.Hash) (int64, error) {
	if blob, ok := s.blob(repository, h); ok {
		return int64(len(blob)), nil
	}
	return 0, memory.ErrNotFound
}

func (s *store) Put(_ context.Context, repository string, h v1.Hash, rc io.ReadCloser) error {
	defer rc.Close()
	blob, err := io.ReadAll(rc)
	if err != nil {
		return err
	}
	// The path of an upload has one element more than the original reckons with.
	s.put(strings.TrimSuffix(repository, "/blobs"), h, blob)
	return nil
}

func (s *store) put(repository string, h v1.Hash, blob []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs[repository] == nil {
		s.blobs[repository] = map[v1.Hash][]byte{}
	}
	s.blobs[repository][h] = blob
}

func (s *store) blob(repository string, h v1.Hash) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	blob, ok := s.blobs[repository][h]
	return blob, ok
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case r.URL.Path == "/token":
		fmt.Fprint(w, `{"token": "t"}`)
		return
	case r.Header.Get("Authorization") != "Bearer t":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="s"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.Method == http.MethodPost && query.Get("mount") != "":
		h, err := v1.NewHash(query.Get("mount"))
		if blob, ok := s.blob(query.Get("from"), h); err == nil && ok && s.grant {
			s.put(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/uploads/"), h, blob)
			w.WriteHeader(http.StatusCreated)
			return
		}
		r.URL.RawQuery = ""
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"):
		body, err := io.ReadAll(r.Body)
		digest, _, _ := v1.SHA256(bytes.NewReader(body))
		to := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if err != nil || !json.Valid(body) || strings.HasPrefix(to, "sha256:") && to != digest.String() {
			refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "not what the digest says")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.Handler.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors": [{"code": %q, "message": %q}]}`, code, message)
}

// manifest reads a manifest past the network; nil where there is none.
func (s *store) manifest(repository, reference string) []byte {
	w := httptest.NewRecorder()
	s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/"+repository+"/manifests/"+reference, nil))
	if w.Code != http.StatusOK {
		return nil
	}
	return w.Body.Bytes()
}

// complete walks an index and everything below it.
func (s *store) complete(repository, reference string) error {
	raw := s.manifest(repository, reference)
	if raw == nil {
		return fmt.Errorf("%s is not there", reference)
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	for _, m := range index.Manifests {
		raw := s.manifest(repository, m.Digest.String())
		if digest, _, _ := v1.SHA256(bytes.NewReader(raw)); digest != m.Digest {
			return fmt.Errorf("manifest %s holds %s", m.Digest, digest)
		}
		image, err := v1.ParseManifest(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		for _, l := range append(image.Layers, image.Config) {
			blob, ok := s.blob(repository, l.Digest)
			if digest, _, _ := v1.SHA256(bytes.NewReader(blob)); !ok || digest != l.Digest {
				return fmt.Errorf("blob %s: there %v, holds %s", l.Digest, ok, digest)
			}
		}
	}
	return nil
}

// tagged gives what a tag means, "" for nothing.
func (s *store) tagged(repository, tag string) string {
	raw := s.manifest(repository, tag)
	if raw == nil {
		return ""
	}
	digest, _, _ := v1.SHA256(bytes.NewReader(raw))
	return digest.String()
}

// world is a network of hosts that are one listener. They are spoken to as over TLS, without the work of it.
type world struct {
	address string
	hosts   sync.Map
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, ok := w.hosts.Load(r.Host)
		if !ok {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		host.(http.Handler).ServeHTTP(rw, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	w.address = u.Host
	return w
}

func (w *world) host(name string, h http.Handler) string {
	w.hosts.Store(name, h)
	return name
}

// client is a client in this world, and an end of its connections.
func (w *world) client(p *patience) (*Client, func()) {
	dialer := &net.Dialer{}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if _, ok := w.hosts.Load(host); !ok {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("no such host in this world")}
		}
		return dialer.DialContext(ctx, network, w.address)
	}
	transport := &http.Transport{DialTLSContext: dial, MaxIdleConnsPerHost: 8}
	c := New(Options{})
	c.transport = newWire(transport, p)
	return c, transport.CloseIdleConnections
}

// clock waits for nothing, and rings its alarms when it is told to.
type clock struct {
	mu     sync.Mutex
	waits  []time.Duration
	alarms map[*fakeAlarm]struct{}
}

type fakeAlarm struct {
	clock *clock
	ring  func()
}

func (a *fakeAlarm) Stop() bool {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	delete(a.clock.alarms, a)
	return true
}

func (a *fakeAlarm) Reset(time.Duration) bool { return true }

// ring is a standstill: whatever is under way has not moved for too long.
func (c *clock) ring() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.alarms {
		a.ring()
	}
}

func (c *clock) waited() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waits
}

// patience is what users get, with this clock.
func (c *clock) patience() *patience {
	c.alarms = map[*fakeAlarm]struct{}{}
	p := patient()
	p.random = func() float64 { return 0.5 }
	p.sleep = func(ctx context.Context, d time.Duration) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waits = append(c.waits, d)
		return context.Cause(ctx)
	}
	p.alarm = func(_ time.Duration, ring func()) alarm {
		c.mu.Lock()
		defer c.mu.Unlock()
		a := &fakeAlarm{c, ring}
		c.alarms[a] = struct{}{}
		return a
	}
	return p
}

// app is an index of two platforms with every kind of layer: one that can be mounted from base/runtime of the registry, one
// that is in another registry, and each platform's own.
type app struct {
	image  v1.ImageIndex
	digest string
	blobs  int
}

// blob is content that differs by its name.
func blob(name string, size int) v1.Layer {
	return static.NewLayer(bytes.Repeat([]byte(name+"\n"), size/(len(name)+1)), types.OCILayer)
}

var (
	runtimeLayer = blob("runtime", 900)
	otherLayer   = blob("other", 40_000)
)

// elsewhere reads its bytes from another registry when they are asked for.
type elsewhere struct {
	v1.Layer
	open func() (io.ReadCloser, error)
}

func (l elsewhere) Compressed() (io.ReadCloser, error) { return l.open() }

// newApp is the same for the same name.
func newApp(t testing.TB, c *Client, ctx context.Context, named, host, otherHost string) app {
	t.Helper()
	reference := func(s string) name.Reference {
		r, err := name.ParseReference(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	digest, err := otherLayer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	other := elsewhere{otherLayer, func() (io.ReadCloser, error) {
		at, err := name.NewDigest(otherHost + "/base/other@" + digest.String())
		if err != nil {
			return nil, err
		}
		l, err := remote.Layer(at, c.remoteOptions(ctx)...)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		image, err := mutate.AppendLayers(image,
			&remote.MountableLayer{Layer: runtimeLayer, Reference: reference(host + "/base/runtime:1")},
			&remote.MountableLayer{Layer: other, Reference: reference(otherHost + "/base/other:1")},
			blob("app "+named+arch, 2000))
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	h, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return app{index, h.String(), 6}
}

// stock puts the base layers where newApp says that they are.
func stock(t testing.TB, s *store, other *store) {
	t.Helper()
	for _, l := range []struct {
		in         *store
		repository string
		layer      v1.Layer
	}{{s, "base/runtime", runtimeLayer}, {other, "base/other", otherLayer}} {
		rc, err := l.layer.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := l.layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		l.in.put(l.repository, digest, content)
	}
}
