package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a proxy can do to a request.
const (
	drop     = "dropped before the registry sees it"
	lose     = "taken by the registry, the answer lost"
	slow     = "delayed"
	hang     = "never answered"
	busy     = "429"
	late     = "408"
	broke    = "500"
	away     = "503"
	truncate = "answer truncated"
	cut      = "connection closed in the middle of the body"
	shorten  = "body shortened, as if that were all"
	lie      = "Range and Location wrong"
)

var faults = []string{drop, lose, slow, hang, busy, late, broke, away, truncate, cut, shorten, lie}

// kinds are the requests of a push, as kindOf tells them.
var kinds = []string{
	"ping", "token", "ask for blob", "ask for manifest", "mount", "start upload", "send blob", "commit blob", "read base layer",
	"put manifest", "put index", "put tag",
}

func kindOf(r *http.Request) string {
	last := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	switch {
	case r.URL.Path == "/v2/":
		return "ping"
	case r.URL.Path == "/token":
		return "token"
	case strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodHead:
		return "ask for manifest"
	case strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodPut && !strings.HasPrefix(last, "sha256:"):
		return "put tag"
	case strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodPut && strings.Contains(r.Header.Get("Content-Type"), "index"):
		return "put index"
	case strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodPut:
		return "put manifest"
	case r.Method == http.MethodHead:
		return "ask for blob"
	case r.Method == http.MethodGet:
		return "read base layer"
	case r.Method == http.MethodPost && r.URL.Query().Get("mount") != "":
		return "mount"
	case r.Method == http.MethodPost:
		return "start upload"
	case r.Method == http.MethodPatch:
		return "send blob"
	case r.Method == http.MethodPut:
		return "commit blob"
	}
	return "unknown: " + r.Method + " " + r.URL.Path
}

// planned is a fault at the nth request of a kind, or at the nth of all where kind is "".
type planned struct {
	kind  string
	nth   int
	fault string
}

// proxy stands before the registries of one run.
type proxy struct {
	clock *clock
	plan  []planned
	lie   int

	mu sync.Mutex
	sightings
}

// sightings are what a proxy saw.
type sightings struct {
	// requests by kind; all under "".
	requests map[string]int
	// met are the faults that came to be, by kind, and at which positions.
	met       []planned
	positions []int
	// patched counts the bodies that each upload was sent.
	patched map[string]int
}

func (p *proxy) snapshot() sightings {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sightings{maps.Clone(p.requests), slices.Clone(p.met), slices.Clone(p.positions), maps.Clone(p.patched)}
}

func (p *proxy) before(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(registry, w, r) })
}

// meet gives the fault of a request, "" for none.
func (p *proxy) meet(kind, path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind == "send blob" && !strings.HasSuffix(path, somebody) {
		p.patched[path]++
	}
	nth, position := p.requests[kind], p.requests[""]
	p.requests[kind]++
	p.requests[""]++
	for _, f := range p.plan {
		if f.kind == kind && f.nth == nth || f.kind == "" && f.nth == position {
			p.met = append(p.met, planned{kind, nth, f.fault})
			p.positions = append(p.positions, position)
			return f.fault
		}
	}
	return ""
}

func (p *proxy) serve(registry http.Handler, w http.ResponseWriter, r *http.Request) {
	fault := p.meet(kindOf(r), r.URL.Path)
	if fault == drop {
		panic(http.ErrAbortHandler)
	}
	length := r.ContentLength
	if fault == cut {
		length /= 2
	}
	body := make([]byte, max(0, length))
	if _, err := io.ReadFull(r.Body, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	switch fault {
	case slow:
		time.Sleep(time.Millisecond)
	case shorten:
		body = body[:len(body)/2]
	case hang:
		p.clock.ring()
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case busy:
		w.Header().Set("Retry-After", "3")
		refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "slower")
		return
	case late:
		refuse(w, http.StatusRequestTimeout, "UNKNOWN", "later")
		return
	case broke:
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "broken")
		return
	case away:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	forwarded := r.Clone(r.Context())
	forwarded.Body, forwarded.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	registry.ServeHTTP(answer, forwarded)
	switch fault {
	case lose, cut:
		panic(http.ErrAbortHandler)
	case truncate:
		if r.Method == http.MethodHead {
			answer.Body.Reset()
		}
		p.truncate(w, answer)
		return
	case lie:
		p.mislead(answer.Header(), r.Host)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()) //nolint:errcheck // the client may be gone
}

// truncate sends half of an answer: of its body where it has one, else of its head.
func (p *proxy) truncate(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	response := answer.Result()
	response.ContentLength = int64(answer.Body.Len())
	var whole bytes.Buffer
	response.Write(&whole) //nolint:errcheck // a buffer does not fail
	n := whole.Len() / 2
	if body := answer.Body.Len(); body > 0 {
		n = whole.Len() - body/2 - 1
	}
	conn.Write(whole.Bytes()[:n]) //nolint:errcheck // the client may be gone
}

// somebody else's upload.
const somebody = "of-somebody-else"

func (p *proxy) mislead(header http.Header, host string) {
	header.Set("Range", "0-7")
	if header.Get("Location") == "" {
		return
	}
	switch p.lie % 4 {
	case 0:
		header.Del("Location")
	case 1:
		header.Set("Location", "/v2/team/app/blobs/uploads/"+somebody)
	case 2:
		header.Set("Location", "https://elsewhere.test/v2/team/app/blobs/uploads/1")
	}
}

// run is one push through a proxy, from an empty repository.
type run struct {
	seen  sightings // as it was when the push ended: requests that the client gave up may still be under way
	store *store
	app   app
	old   string
	sent  Sent
	err   error
}

func (w *world) run(t testing.TB, seed int, plan []planned, grant, old bool) *run {
	t.Helper()
	clock := &clock{}
	client, closed := w.client(clock.patience())
	defer closed()
	proxy := &proxy{clock: clock, plan: plan, lie: seed, sightings: sightings{requests: map[string]int{}, patched: map[string]int{}}}
	r := &run{store: newStore(grant)}
	other := newStore(false)
	host := w.host(fmt.Sprintf("run%d.test", seed), proxy.before(r.store))
	otherHost := w.host(fmt.Sprintf("other%d.test", seed), proxy.before(other))
	defer w.hosts.Delete(host)
	defer w.hosts.Delete(otherHost)
	stock(t, r.store, other)
	ctx := context.Background()
	if old {
		r.old = r.store.seed(t, newApp(t, client, ctx, "old", host, otherHost))
	}
	r.app = newApp(t, client, ctx, "new", host, otherHost)
	to, err := ParseTarget(host+"/team/app:stable", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, r.sent, r.err = client.Push(ctx, r.app.image, to)
	r.seen = proxy.snapshot()
	return r
}

// seed puts an image into the repository past the network, tags it stable, and gives its digest.
func (s *store) seed(t testing.TB, a app) string {
	t.Helper()
	manifest := func(reference string, raw []byte, mediaType string) {
		r := httptest.NewRequest(http.MethodPut, "/v2/team/app/manifests/"+reference, bytes.NewReader(raw))
		r.Header.Set("Content-Type", mediaType)
		s.Handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	index, err := a.image.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range index.Manifests {
		image, err := a.image.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := image.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := image.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		s.put("team/app", parsed.Config.Digest, config)
		for i, l := range []string{"runtime", "other", "app old" + m.Platform.Architecture} {
			layer := blob(l, map[int]int{0: 900, 1: 40_000, 2: 2000}[i])
			rc, err := layer.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(rc)
			if err != nil {
				t.Fatal(err)
			}
			s.put("team/app", parsed.Layers[i].Digest, content)
		}
		manifest(m.Digest.String(), raw, string(m.MediaType))
	}
	raw, err := a.image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest("stable", raw, string(index.MediaType))
	if err := s.complete("team/app", "stable"); err != nil {
		t.Fatal(err)
	}
	return a.digest
}

// check is what has to hold whatever happened.
func (r *run) check() error {
	is := r.store.tagged("team/app", "stable")
	if is != r.old && is != r.app.digest {
		return fmt.Errorf("the tag means %q, neither the old image nor the new", is)
	}
	if is != "" {
		if err := r.store.complete("team/app", "stable"); err != nil {
			return fmt.Errorf("the tag means something incomplete: %w", err)
		}
	}
	for upload, n := range r.seen.patched {
		if n > 1 {
			return fmt.Errorf("%d bodies were sent to %s: a broken upload was gone on with, of which nobody knows how much arrived", n, upload)
		}
	}
	if r.err != nil {
		if strings.Contains(r.err.Error(), "\n") || strings.Contains(r.err.Error(), "?digest=") {
			return fmt.Errorf("an error of several lines, or with an upload's address: %w", r.err)
		}
		return nil
	}
	if is != r.app.digest {
		return errors.New("success was reported, and the tag does not mean the new image")
	}
	if all := r.sent.Uploaded + r.sent.Mounted + r.sent.Present; all != r.app.blobs {
		return fmt.Errorf("%d blobs were counted of %d: %+v", all, r.app.blobs, r.sent)
	}
	if r.old == "" && r.sent.Present > 0 {
		return fmt.Errorf("the repository was empty, and yet blobs were there: %+v", r.sent)
	}
	return nil
}

// survivable says whether a push has to succeed in spite of a fault. It must not where the registry got another manifest
// than was sent and refused it with a plain 400.
func survivable(f planned) bool {
	return f.fault != shorten || !strings.HasPrefix(f.kind, "put ")
}

// TestFaults is 1,000 pushes through a proxy that breaks them. The plan sees to it that every kind of request meets every
// kind of fault, and that every position of a push is hit.
func TestFaults(t *testing.T) {
	const runs, workers = 1000, 4
	log.SetOutput(io.Discard) // of go-containerregistry's registry, which tells of each blob that it refuses
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	w := newWorld(t)
	clean := w.run(t, runs, nil, true, false)
	if clean.err != nil {
		t.Fatal(clean.err)
	}
	if err := clean.check(); err != nil {
		t.Fatal(err)
	}
	positions := clean.seen.requests[""]

	type cell struct{ kind, fault string }
	var mu sync.Mutex
	met, hit, total, failed := map[cell]int{}, map[int]bool{}, 0, 0
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for seed := worker; seed < runs; seed += workers {
				random := rand.New(rand.NewPCG(uint64(seed), 6))
				kind := kinds[seed%len(kinds)]
				plan := []planned{
					{kind, random.IntN(clean.seen.requests[kind]), faults[seed/len(kinds)%len(faults)]},
					{"", seed % positions, faults[random.IntN(len(faults))]},
				}
				if random.IntN(2) == 0 {
					plan = append(plan, planned{"", random.IntN(2 * positions), faults[random.IntN(len(faults))]})
				}
				r := w.run(t, seed, plan, random.IntN(3) > 0, random.IntN(2) == 0)
				if err := r.check(); err != nil {
					t.Errorf("seed %d, %v: %v", seed, r.seen.met, err)
				}
				if n := r.seen.requests[""]; n > 4*positions {
					t.Errorf("seed %d, %v: %d requests, without faults it is %d", seed, r.seen.met, n, positions)
				}
				must := true
				mu.Lock()
				for _, f := range r.seen.met {
					met[cell{f.kind, f.fault}]++
					must = must && survivable(f)
					total++
				}
				for _, p := range r.seen.positions {
					hit[p] = true
				}
				if r.err != nil {
					failed++
				}
				mu.Unlock()
				if r.err != nil && must {
					t.Errorf("seed %d, %v: %v", seed, r.seen.met, r.err)
				}
			}
		})
	}
	group.Wait()
	for _, k := range kinds {
		for _, f := range faults {
			if met[cell{k, f}] == 0 {
				t.Errorf("no %q was %s", k, f)
			}
		}
	}
	for p := range positions {
		if !hit[p] {
			t.Errorf("nothing happened to request %d of a push", p)
		}
	}
	t.Logf("%d pushes met %d faults: %d kinds of request × %d kinds of fault, each at least once, at every one of %d positions; "+
		"%d pushes succeeded, %d failed and said so, no tag ever meant something incomplete",
		runs, total, len(kinds), len(faults), positions, runs-failed, failed)
}
