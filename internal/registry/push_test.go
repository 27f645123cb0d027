package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger writes down what registries are asked, host first.
type ledger struct {
	mu    sync.Mutex
	lines []string
}

func (l *ledger) before(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.lines = append(l.lines, r.Host+" "+kindOf(r)+" "+r.URL.Path)
		l.mu.Unlock()
		registry.ServeHTTP(w, r)
	})
}

func (l *ledger) count(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.Contains(line, " "+kind+" ") {
			n++
		}
	}
	return n
}

func (w *world) pusher(t testing.TB) *Client {
	t.Helper()
	client, closed := w.client((&clock{}).patience())
	t.Cleanup(closed)
	return client
}

func targets(t testing.TB, references string, tags ...string) []Target {
	t.Helper()
	targets, err := ParseTargets(references, tags)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

func TestBlobsAreCountedByWhatBecameOfThem(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		grant bool
		want  Sent
	}{
		"mounts granted": {true, Sent{Uploaded: 5, Mounted: 1}},
		"mounts refused": {false, Sent{Uploaded: 6}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			s := w.scene(t, fmt.Sprint("counted", c.grant), c.grant, l.before)
			client := w.pusher(t)
			a := newApp(t, client, context.Background(), "first", s.host, s.others)
			to := targets(t, s.host+"/team/app:1")
			_, planned, err := client.PushAll(context.Background(), a.image, to, PushOptions{DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			_, sent, err := client.PushAll(context.Background(), a.image, to, PushOptions{})
			if err != nil {
				t.Fatal(err)
			}
			bytes := sent[0].Bytes
			if sent[0].Bytes = 0; sent[0] != c.want {
				t.Errorf("sent %+v, want %+v", sent[0], c.want)
			}
			// That a layer in another registry cannot be mounted is known, and it is not asked for.
			if n := l.count("mount"); n != 1 {
				t.Errorf("%d mounts were asked for", n)
			}
			if c.grant && (planned[0].Bytes != bytes || planned[0].Uploaded != 5 || planned[0].Mounted != 1 || planned[0].Present != 0) {
				t.Errorf("a dry run says %+v, sent were %d bytes", planned[0], bytes)
			}

			// The next app shares the base layers: they are there. Of its own it has two layers and two configs.
			b := newApp(t, client, context.Background(), "second", s.host, s.others)
			_, sent, err = client.PushAll(context.Background(), b.image, to, PushOptions{})
			if err != nil || sent[0].Uploaded != 4 || sent[0].Mounted != 0 || sent[0].Present != 2 {
				t.Errorf("the next app: %+v, %v", sent, err)
			}
			_, sent, err = client.PushAll(context.Background(), b.image, to, PushOptions{})
			if err != nil || sent[0] != (Sent{}) {
				t.Errorf("the same again: %+v, %v", sent, err)
			}
		})
	}
}

func TestADryRunReadsOnly(t *testing.T) {
	w := newWorld(t)
	l := &ledger{}
	s := w.scene(t, "dry", true, l.before)
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "dry", s.host, s.others)
	to := targets(t, s.host+"/team/app:1,"+s.host+"/team/copy:1")
	options := PushOptions{DryRun: true, ImmutableTags: true}
	if err := client.Preflight(context.Background(), to, options); err != nil {
		t.Fatal(err)
	}
	digest, sent, err := client.PushAll(context.Background(), a.image, to, options)
	if err != nil || digest.String() != a.digest {
		t.Fatalf("%s, %v", digest, err)
	}
	for _, kind := range []string{"mount", "start upload", "send blob", "commit blob", "put manifest", "put index", "put tag", "read base layer", "unknown:"} {
		if n := l.count(kind); n > 0 {
			t.Errorf("%d times %s", n, kind)
		}
	}
	if l.count("ask for blob") == 0 || l.count("token") == 0 {
		t.Errorf("asked %q", l.lines)
	}
	// What the first destination has by then, the second mounts.
	if sent[0].Uploaded != 5 || sent[1].Uploaded != 0 || sent[1].Mounted != a.blobs {
		t.Errorf("would send %+v", sent)
	}
	if s.store.tagged("team/app", "1") != "" {
		t.Error("a dry run tagged")
	}
}

// Before a tag is written at any destination, every destination has all manifests.
func TestSeveralDestinationsAreTaggedLast(t *testing.T) {
	w := newWorld(t)
	l := &ledger{}
	one, two := w.scene(t, "one", true, l.before), w.scene(t, "two", true, l.before)
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "spread", one.host, one.others)
	to := targets(t, one.host+"/team/app:a, "+two.host+"/team/app,"+one.host+"/team/copy:c,"+one.host+"/team/app:b", "t")
	digest, sent, err := client.PushAll(context.Background(), a.image, to, PushOptions{})
	if err != nil {
		t.Fatal(err)
	}
	lastManifest, firstTag := 0, len(l.lines)
	for i, line := range l.lines {
		switch {
		case strings.Contains(line, " put manifest ") || strings.Contains(line, " put index "):
			lastManifest = i
		case strings.Contains(line, " put tag "):
			firstTag = min(firstTag, i)
		}
	}
	if lastManifest > firstTag {
		t.Errorf("a tag was written before a manifest: %q", l.lines[firstTag:lastManifest+1])
	}
	if len(sent) != 3 || sent[2].Uploaded != 0 || sent[2].Mounted != a.blobs {
		t.Errorf("another repository of a registry that has the blobs: %+v", sent)
	}
	for _, c := range []struct {
		s          *scene
		repository string
		tags       []string
	}{{one, "team/app", []string{"a", "t", "b"}}, {two, "team/app", []string{"t"}}, {one, "team/copy", []string{"c", "t"}}} {
		for _, tag := range c.tags {
			if is := c.s.store.tagged(c.repository, tag); is != digest.String() {
				t.Errorf("%s/%s:%s means %q", c.s.host, c.repository, tag, is)
			}
			if err := c.s.store.complete(c.repository, tag); err != nil {
				t.Error(err)
			}
		}
	}
}

// A destination that fails leaves all of them untagged.
func TestADestinationThatFailsLeavesAllUntagged(t *testing.T) {
	w := newWorld(t)
	one := w.scene(t, "good", true, nil)
	two := w.scene(t, "bad", true, func(registry http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kindOf(r) == "put index" {
				refuse(w, http.StatusForbidden, "DENIED", "not you")
				return
			}
			registry.ServeHTTP(w, r)
		})
	})
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "half", one.host, one.others)
	_, _, err := client.PushAll(context.Background(), a.image, targets(t, one.host+"/team/app:1,"+two.host+"/team/app:1"), PushOptions{})
	if err == nil || !strings.Contains(err.Error(), two.host) {
		t.Error(err)
	}
	if is := one.store.tagged("team/app", "1"); is != "" {
		t.Errorf("the destination that works was tagged %s", is)
	}
}

// Clean-ups delete manifests without tags, such as an index's own.
func TestAnIndexWhoseManifestsWereDeletedIsMended(t *testing.T) {
	w := newWorld(t)
	s := w.scene(t, "mended", true, nil)
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "mended", s.host, s.others)
	to := target(t, s.host+"/team/app:1")
	if _, _, err := client.Push(context.Background(), a.image, to); err != nil {
		t.Fatal(err)
	}
	manifest, err := a.image.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	gone := manifest.Manifests[1].Digest.String()
	r, err := http.NewRequest(http.MethodDelete, "/v2/team/app/manifests/"+gone, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.store.Handler.ServeHTTP(discard{}, r)
	if s.store.complete("team/app", "1") == nil {
		t.Fatal("the manifest was not deleted: the test proves nothing")
	}
	if _, _, err := w.pusher(t).Push(context.Background(), a.image, to); err != nil {
		t.Fatal(err)
	}
	if err := s.store.complete("team/app", "1"); err != nil {
		t.Error(err)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func TestImmutableTags(t *testing.T) {
	w := newWorld(t)
	l := &ledger{}
	s := w.scene(t, "immutable", true, l.before)
	client, ctx := w.pusher(t), context.Background()
	first := newApp(t, client, ctx, "first", s.host, s.others)
	second := newApp(t, client, ctx, "second", s.host, s.others)
	options := PushOptions{ImmutableTags: true}
	to := targets(t, s.host+"/team/app:1")
	for range 2 { // the second time it is there, and the same
		if err := client.Preflight(ctx, to, options); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.PushAll(ctx, first.image, to, options); err != nil {
			t.Fatal(err)
		}
	}
	writes := func() int {
		return l.count("start upload") + l.count("mount") + l.count("put manifest") + l.count("put tag")
	}
	for _, dry := range []bool{false, true} {
		before := writes()
		// The tag that is taken is the last of the last destination.
		_, _, err := client.PushAll(ctx, second.image, targets(t, s.host+"/team/copy:2,"+s.host+"/team/app:0,"+s.host+"/team/app:1"), PushOptions{ImmutableTags: true, DryRun: dry})
		if err == nil || !strings.Contains(err.Error(), first.digest) || !strings.Contains(err.Error(), second.digest) || !strings.Contains(err.Error(), "choose a tag that is free") {
			t.Errorf("another image under the tag: %v", err)
		}
		if n := writes() - before; n > 0 {
			t.Errorf("%d writes before the error", n)
		}
	}
	if _, _, err := client.PushAll(ctx, second.image, to, PushOptions{}); err != nil || s.store.tagged("team/app", "1") != second.digest {
		t.Errorf("without the flag the tag moves: %v", err)
	}
	// Two tags that exist and differ cannot both come to mean one image: known before anything is built.
	if _, _, err := client.PushAll(ctx, first.image, targets(t, s.host+"/team/app:2"), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	err := client.Preflight(ctx, targets(t, s.host+"/team/app:1,"+s.host+"/team/app:2"), options)
	if err == nil || !strings.Contains(err.Error(), first.digest) || !strings.Contains(err.Error(), second.digest) {
		t.Errorf("tags that differ: %v", err)
	}
}

// Registries have many words for a tag that they keep.
func TestARegistryThatKeepsTags(t *testing.T) {
	for name, answer := range map[string]struct {
		status        int
		code, message string
	}{
		"ecr":    {400, "TAG_INVALID", "The image tag '1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable."},
		"harbor": {412, "PRECONDITION", "Failed to process request due to 'team/app:1' configured as immutable."},
		"acr":    {405, "UNSUPPORTED", "The operation is disallowed on this registry, repository or image."},
		"others": {409, "CONFLICT", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			keep := false
			var race func()
			s := w.scene(t, "keeper", true, func(registry http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if kindOf(r) == "put tag" && race != nil {
						race()
					}
					if kindOf(r) == "put tag" && keep {
						refuse(w, answer.status, answer.code, answer.message)
						return
					}
					registry.ServeHTTP(w, r)
				})
			})
			client, ctx := w.pusher(t), context.Background()
			old := newApp(t, client, ctx, "old", s.host, s.others)
			to := target(t, s.host+"/team/app:stable")
			if _, _, err := client.Push(ctx, old.image, to); err != nil {
				t.Fatal(err)
			}
			keep = true
			next := newApp(t, client, ctx, "new", s.host, s.others)
			_, _, err := client.Push(ctx, next.image, to)
			if err == nil || !strings.Contains(err.Error(), old.digest) || !strings.Contains(err.Error(), "choose a tag that is free") || strings.Contains(err.Error(), "\n") {
				t.Errorf("another image: %v", err)
			}
			if _, _, err := client.Push(ctx, old.image, to); err != nil {
				t.Errorf("the same image: %v", err)
			}
			// Somebody else pushes the same image between our look and our write.
			to = target(t, s.host+"/team/app:2")
			race = func() {
				w := &answerOf{header: http.Header{}}
				r, err := http.NewRequest(http.MethodPut, "/v2/team/app/manifests/2", strings.NewReader(string(s.store.manifest("team/app", next.digest))))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				if s.store.Handler.ServeHTTP(w, r); w.status != http.StatusCreated {
					t.Errorf("the other push: %d", w.status)
				}
			}
			if _, _, err := client.Push(ctx, next.image, to); err != nil {
				t.Errorf("the same image at the same time: %v", err)
			}
		})
	}
}

type answerOf struct {
	discard
	header http.Header
	status int
}

func (a *answerOf) Header() http.Header    { return a.header }
func (a *answerOf) WriteHeader(status int) { a.status = status }

func TestParseTargets(t *testing.T) {
	for _, c := range []struct {
		references string
		tags       []string
		want       string
	}{
		{"ghcr.io/a/b", nil, "[ghcr.io/a/b latest]"},
		{"ghcr.io/a/b:1,quay.io/c", nil, "[ghcr.io/a/b 1] [quay.io/c latest]"},
		{"ghcr.io/a/b:1, ghcr.io/a/b:2", []string{"3", "1"}, "[ghcr.io/a/b 1 3 2]"},
	} {
		var got []string
		for _, target := range targets(t, c.references, c.tags...) {
			got = append(got, fmt.Sprintf("[%s %s]", target.Repository.Name(), strings.Join(target.Tags, " ")))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q %q: %s, want %s", c.references, c.tags, s, c.want)
		}
	}
	for references, says := range map[string]string{"": "--image", "ghcr.io/a,": "comma", ",": "comma", "ghcr.io/a,HTTP://b": "scheme", "ghcr.io/a,B/C": "lower case"} {
		if _, err := ParseTargets(references, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", references, err)
		}
	}
}

// At no time are more blobs under way than jobs says, and so many are.
func TestBlobsUnderWayAreBounded(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var now, most int
	var once sync.Once
	full := make(chan struct{})
	s := w.scene(t, "bounded", false, func(registry http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if kindOf(r) == "ask for blob" {
				mu.Lock()
				now++
				if most = max(most, now); now == jobs {
					once.Do(func() { time.AfterFunc(20*time.Millisecond, func() { close(full) }) }) // for one too many to come
				}
				mu.Unlock()
				select {
				case <-full:
				case <-time.After(10 * time.Second):
					t.Error("fewer are under way")
				}
				mu.Lock()
				now--
				mu.Unlock()
			}
			registry.ServeHTTP(w, r)
		})
	})
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "bounded", s.host, s.others)
	if _, _, err := client.Push(context.Background(), a.image, target(t, s.host+"/team/app")); err != nil {
		t.Fatal(err)
	}
	if most > jobs {
		t.Errorf("%d at once, want at most %d", most, jobs)
	}
}

func TestAGateStandsBetweenManifestsAndTags(t *testing.T) {
	w := newWorld(t)
	s := w.scene(t, "gated", true, nil)
	client := w.pusher(t)
	a := newApp(t, client, context.Background(), "first", s.host, s.others)
	digest, err := a.image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	to := targets(t, s.host+"/team/app:1,"+s.host+"/team/other:1")
	red := errors.New("the check is red")
	for _, gate := range []error{red, nil} {
		asked := 0
		options := PushOptions{Gate: func(context.Context) error {
			asked++
			for _, repository := range []string{"team/app", "team/other"} {
				if err := s.store.complete(repository, digest.String()); err != nil {
					t.Errorf("at the gate %s has not all of the image: %v", repository, err)
				}
				if tagged := s.store.tagged(repository, "1"); tagged != "" {
					t.Errorf("at the gate %s is tagged", repository)
				}
			}
			return gate
		}}
		_, _, err := client.PushAll(context.Background(), a.image, to, options)
		if !errors.Is(err, gate) || asked != 1 {
			t.Errorf("the push says %v, and the gate was asked %d times", err, asked)
		}
		for _, repository := range []string{"team/app", "team/other"} {
			if tagged := s.store.tagged(repository, "1") != ""; tagged != (gate == nil) {
				t.Errorf("gate %v: %s tagged %v", gate, repository, tagged)
			}
		}
	}
	options := PushOptions{DryRun: true, Gate: func(context.Context) error { return red }}
	if _, _, err := client.PushAll(context.Background(), a.image, to, options); err != nil {
		t.Errorf("a dry run, which sends nothing, asks the gate: %v", err)
	}
}
