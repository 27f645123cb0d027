package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scene is a registry with an empty repository team/app, and one that holds a base layer.
type scene struct {
	store        *store
	host, others string
}

// scene makes the registries of a test; before stands in front of the first.
func (w *world) scene(t testing.TB, name string, grant bool, before func(http.Handler) http.Handler) *scene {
	t.Helper()
	s := &scene{store: newStore(grant)}
	other := newStore(false)
	var handler http.Handler = s.store
	if before != nil {
		handler = before(handler)
	}
	s.host, s.others = w.host(name+".test", handler), w.host("other-"+name+".test", other)
	stock(t, s.store, other)
	return s
}

// atRequest calls f when a handler got its nth request, counted from 0, before or after the registry took it.
func atRequest(nth int, after bool, f func()) func(http.Handler) http.Handler {
	var mu sync.Mutex
	n := 0
	return func(registry http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			hit := n == nth
			n++
			mu.Unlock()
			if hit && !after {
				f()
				panic(http.ErrAbortHandler)
			}
			registry.ServeHTTP(w, r)
			if hit {
				f()
			}
		})
	}
}

// A push that is killed at any of its requests leaves the tag as it was or complete, and the next push completes.
func TestAKilledPushIsCompletedByTheNext(t *testing.T) {
	w := newWorld(t)
	kills := 0
	for position := 0; ; position++ {
		reached := false
		for _, after := range []bool{false, true} {
			ctx, cancel := context.WithCancel(context.Background())
			s := w.scene(t, fmt.Sprintf("killed-%d-%v", position, after), true, atRequest(position, after, func() {
				reached = true
				cancel()
			}))
			clock := &clock{}
			client, closed := w.client(clock.patience())
			to := target(t, s.host+"/team/app:stable")
			a := newApp(t, client, ctx, "killed", s.host, s.others)
			_, _, err := client.Push(ctx, a.image, to)
			if reached && err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("killed at request %d: %v", position, err)
			}
			if err == nil && s.store.tagged("team/app", "stable") != a.digest {
				t.Errorf("killed at request %d: success without the tag", position)
			}
			if is := s.store.tagged("team/app", "stable"); is != "" && is != a.digest {
				t.Errorf("killed at request %d: the tag means %s", position, is)
			} else if is != "" {
				if err := s.store.complete("team/app", "stable"); err != nil {
					t.Errorf("killed at request %d: %v", position, err)
				}
			}
			// The next push is another process.
			next, nextClosed := w.client(clock.patience())
			a = newApp(t, next, context.Background(), "killed", s.host, s.others)
			if _, _, err := next.Push(context.Background(), a.image, to); err != nil {
				t.Errorf("after a kill at request %d: %v", position, err)
			}
			if err := s.store.complete("team/app", "stable"); err != nil || s.store.tagged("team/app", "stable") != a.digest {
				t.Errorf("after a kill at request %d: the tag means %s, %v", position, s.store.tagged("team/app", "stable"), err)
			}
			cancel()
			closed()
			nextClosed()
		}
		if !reached {
			break
		}
		kills++
	}
	if kills < 30 {
		t.Errorf("killed at %d requests only", kills)
	}
	t.Logf("killed before and after each of %d requests; the next push completed every time", kills)
}

func TestTwoPushersOfOneTag(t *testing.T) {
	w := newWorld(t)
	won := map[string]int{}
	for round := range 30 {
		s := w.scene(t, fmt.Sprint("race", round), round%2 == 0, nil)
		names := []string{"left", "right"}
		digests := make([]string, len(names))
		var group sync.WaitGroup
		start := make(chan struct{})
		for i, named := range names {
			client, closed := w.client((&clock{}).patience())
			a := newApp(t, client, context.Background(), named, s.host, s.others)
			digests[i] = a.digest
			group.Go(func() {
				defer closed()
				<-start
				if _, _, err := client.Push(context.Background(), a.image, target(t, s.host+"/team/app:stable")); err != nil {
					t.Errorf("%s: %v", named, err)
				}
			})
		}
		close(start)
		group.Wait()
		is := s.store.tagged("team/app", "stable")
		for i, d := range digests {
			if is == d {
				won[names[i]]++
			}
			if err := s.store.complete("team/app", d); err != nil {
				t.Errorf("the image of %s: %v", names[i], err)
			}
		}
		if is != digests[0] && is != digests[1] {
			t.Errorf("the tag means %q, which nobody pushed", is)
		}
	}
	t.Logf("who tagged last: %v", won)
}

// A caller that goes away while a push waits for its next try is not kept. The clock here is synctest's.
func TestAWaitEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		if patient().pause(ctx, 1, time.Minute) {
			t.Error("there is a next try")
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("the wait ended after %v", waited)
		}
		if start = time.Now(); !patient().pause(t.Context(), 1, time.Minute) || time.Since(start) < time.Minute {
			t.Errorf("without an end the wait was %v", time.Since(start))
		}
		// What would end after the caller's deadline does not begin.
		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if start = time.Now(); patient().pause(ctx, 1, time.Minute) || time.Since(start) != 0 {
			t.Errorf("beyond the deadline it waited %v", time.Since(start))
		}
	})
}

func TestAPushEndsWithItsTimeout(t *testing.T) {
	w := newWorld(t)
	s := w.scene(t, "slow", true, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	})
	client, closed := w.client(patient())
	defer closed()
	a := newApp(t, client, context.Background(), "slow", s.host, s.others)
	options, err := ParsePushOptions("20ms", false, false)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = client.PushAll(context.Background(), a.image, []Target{target(t, s.host+"/team/app")}, options)
	if err == nil || !strings.Contains(err.Error(), "not done after 20ms") || !strings.Contains(err.Error(), "--push-timeout") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
	for _, timeout := range []string{"", "30", "0s", "-1m", "soon"} {
		if _, err := ParsePushOptions(timeout, false, false); err == nil || !strings.Contains(err.Error(), "--push-timeout") {
			t.Errorf("%q: %v", timeout, err)
		}
	}
}

// What is tried again, how often, and after which waits.
func TestWaits(t *testing.T) {
	const ms = time.Millisecond
	// With a jitter in the middle: half of the wait, and half of its other half.
	growing := []time.Duration{375 * ms, 750 * ms, 1500 * ms, 3000 * ms, 6000 * ms, 11250 * ms}
	for _, c := range []struct {
		name   string
		status int
		after  string
		want   []time.Duration
	}{
		{"408", 408, "", growing},
		{"500", 500, "", growing},
		{"503", 503, "", growing},
		{"429 that says when", 429, "40", []time.Duration{40125 * ms, 40250 * ms, 40500 * ms, 41000 * ms, 42000 * ms, 43750 * ms}},
		{"503 that names the second", 503, time.Date(2030, 1, 1, 0, 0, 30, 0, time.UTC).Format(http.TimeFormat), []time.Duration{30125 * ms, 30250 * ms, 30500 * ms, 31000 * ms, 32000 * ms, 33750 * ms}},
		{"429 for an hour", 429, "3600", nil},
		{"400", 400, "", nil},
		{"401", 401, "", nil},
		{"404", 404, "", nil},
		{"409", 409, "", nil},
		{"501", 501, "", nil},
		{"507", 507, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			requests := 0
			s := w.scene(t, "status", true, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					requests++
					if c.after != "" {
						w.Header().Set("Retry-After", c.after)
					}
					w.WriteHeader(c.status)
				})
			})
			clock := &clock{}
			p := clock.patience()
			p.now = func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }
			client, closed := w.client(p)
			defer closed()
			// A check begins with one request: /v2/. A 401 to it is no refusal yet.
			if err := client.Check(context.Background(), target(t, s.host+"/team/app")); err == nil {
				t.Fatal("success")
			}
			if got := clock.waited(); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("waited %v, want %v", got, c.want)
			}
			if most := len(c.want) + 1; requests != most && c.status != 401 {
				t.Errorf("%d requests, want %d", requests, most)
			}
		})
	}
}

// A token that expires while blobs are sent costs one upload that starts anew, not the push.
func TestATokenExpiresInTheMiddle(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	expired := false
	s := w.scene(t, "expiring", false, func(registry http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			expire := !expired && r.Method == http.MethodPatch
			expired = expired || expire
			mu.Unlock()
			if expire {
				r.Header.Del("Authorization")
			}
			registry.ServeHTTP(w, r)
		})
	})
	client, closed := w.client((&clock{}).patience())
	defer closed()
	a := newApp(t, client, context.Background(), "expiring", s.host, s.others)
	if _, _, err := client.Push(context.Background(), a.image, target(t, s.host+"/team/app:stable")); err != nil {
		t.Fatal(err)
	}
	if err := s.store.complete("team/app", "stable"); err != nil || !expired {
		t.Errorf("expired %v, %v", expired, err)
	}
}
