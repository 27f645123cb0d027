package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// quick is a load of a second and a half for both servers together.
var quick = Plan{Rate: 200, Duration: 200 * time.Millisecond, WarmUp: 100 * time.Millisecond, Rounds: 3, Timeout: 5 * time.Second}

// server counts what it answers: a request of `every` with 503, after a pause.
type server struct {
	*httptest.Server
	requests, failed atomic.Int64
}

func serve(t *testing.T, pause time.Duration, every int64, seen func()) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.requests.Add(1)
		if seen != nil {
			seen()
		}
		time.Sleep(pause)
		if every > 0 && n%every == 0 {
			s.failed.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, "0123456789")
	}))
	t.Cleanup(s.Close)
	return s
}

func pair(a, b *server) [2]Target {
	return [2]Target{{Name: "arm64", URL: a.URL}, {Name: "amd64", URL: b.URL}}
}

func TestFiguresAreWhatTheServersSaw(t *testing.T) {
	good, bad := serve(t, 0, 0, nil), serve(t, 0, 20, nil)
	measured, err := Compare(t.Context(), pair(good, bad), quick)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []*server{good, bad} {
		m := measured[i]
		if seen := int(s.requests.Load()); m.Requests+m.WarmUp+1 != seen { // one asks whether it is there
			t.Errorf("%d requests and %d to warm up are reported, the server saw %d", m.Requests, m.WarmUp, seen)
		}
		// 200/s for 3 × 0.2 s; a machine under load may send fewer, never more.
		if m.Requests > 123 || m.Requests < 3 || len(m.Rounds) != 3 {
			t.Errorf("%d requests in %d rounds", m.Requests, len(m.Rounds))
		}
		sum := 0
		for _, r := range m.Rounds {
			sum += r.Requests
		}
		if sum != m.Requests || m.Bytes != 10 {
			t.Errorf("rounds have %d requests of %d, answers %g bytes", sum, m.Requests, m.Bytes)
		}
		if m.PerSecond <= 0 || m.PerSecond > 205 {
			t.Errorf("%g requests/s", m.PerSecond)
		}
	}
	if len(measured[0].Failed) != 0 {
		t.Errorf("failures of a server without any: %v", measured[0].Failed)
	}
	// Those of the warm-up are not counted: it is a twentieth of all either way, but for the rounding.
	failed, seen := measured[1].Failed["503"], int(bad.failed.Load())
	if failed != measured[1].Failures() || failed > seen || failed < seen-2 {
		t.Errorf("failures %v, the server failed %d times", measured[1].Failed, seen)
	}
	if !slices.Equal(measured[1].Causes, []string{"503 Service Unavailable"}) || measured[1].Statuses() != fmt.Sprintf("503: %d", failed) {
		t.Errorf("causes %q, statuses %q", measured[1].Causes, measured[1].Statuses())
	}
}

func TestEveryPercentileOfASlowServerHoldsItsPause(t *testing.T) {
	fast, slow := serve(t, 0, 0, nil), serve(t, 60*time.Millisecond, 0, nil)
	measured, err := Compare(t.Context(), pair(fast, slow), quick)
	if err != nil {
		t.Fatal(err)
	}
	l := measured[1].Latency
	if l.P50 < 60 || l.P90 < l.P50 || l.P95 < l.P90 || l.P99 < l.P95 || l.Max < l.P99 {
		t.Errorf("latencies %+v of a server that waits 60 ms", l)
	}
	for _, r := range measured[1].Rounds {
		if r.Latency.Max > l.Max {
			t.Errorf("a round's slowest answer took %g ms, the slowest of all %g", r.Latency.Max, l.Max)
		}
	}
}

func TestServersAreLoadedInTurnAndTheFirstAlternates(t *testing.T) {
	var mu sync.Mutex
	var order []string
	note := func(name string) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			if len(order) == 0 || order[len(order)-1] != name {
				order = append(order, name)
			}
		}
	}
	a, b := serve(t, 0, 0, note("a")), serve(t, 0, 0, note("b"))
	plan := quick
	plan.WarmUp = 0
	if _, err := Compare(t.Context(), pair(a, b), plan); err != nil {
		t.Fatal(err)
	}
	// The first two ask whether they are there; then a b, b a, a b.
	if got := strings.Join(order, ""); got != "ababab" {
		t.Errorf("turns %q", got)
	}
}

func TestAnAddressTakesTheConnectionsAndTheHostStays(t *testing.T) {
	var hosts sync.Map
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts.Store(r.Host, true) }))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	targets := [2]Target{{Name: "arm64", URL: "http://arm.example.test/", Address: address}, {Name: "amd64", URL: "http://amd.example.test/", Address: address}}
	measured, err := Compare(t.Context(), targets, quick)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"arm.example.test", "amd.example.test"} {
		if _, ok := hosts.Load(host); !ok {
			t.Errorf("nothing was asked of %s", host)
		}
	}
	if measured[0].Failures() != 0 {
		t.Error(measured[0].Statuses())
	}
}

func TestAServerThatDoesNotAnswerIsAFailureOfItsOwn(t *testing.T) {
	good, other := serve(t, 0, 0, nil), serve(t, 0, 0, nil)
	var answered atomic.Bool
	other.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if answered.Swap(true) {
			panic(http.ErrAbortHandler)
		}
	})
	plan := quick
	plan.WarmUp = 0
	measured, err := Compare(t.Context(), pair(good, other), plan)
	if err != nil {
		t.Fatal(err)
	}
	if m := measured[1]; m.Failed["none"] != m.Requests || m.PerSecond != 0 || len(m.Causes) == 0 || len(m.Causes) > maxCauses {
		t.Errorf("%+v", m)
	}
}

func TestCompareRefusesBeforeAnyLoad(t *testing.T) {
	good := serve(t, 0, 0, nil)
	gone := httptest.NewServer(nil)
	gone.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler("https://login.example.com/", http.StatusFound))
	defer elsewhere.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer broken.Close()
	aborting := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer aborting.Close()
	for name, c := range map[string]struct{ url, want string }{
		"gone":      {gone.URL, "asking --amd64 before the load: nothing listens there: check that the app runs there; what only your machine reaches is given with --amd64-endpoint"},
		"broken":    {broken.URL, "asking --amd64 before the load: " + broken.URL + " answers 503 Service Unavailable: give an address that answers 2xx"},
		"aborting":  {aborting.URL, "asking --amd64 before the load: the connection ended before an answer: check"},
		"nowhere":   {"http://app.invalid/", "the host app.invalid is not known"},
		"elsewhere": {elsewhere.URL, "https://login.example.com/"},
		"no scheme": {"app.example.com", `reading --amd64 "app.example.com"`},
		"a file":    {"file:///etc/passwd", "reading --amd64"},
		"password":  {strings.Replace(good.URL, "//", "//me:hunter2@", 1), "leave out the user"},
	} {
		t.Run(name, func(t *testing.T) {
			before := good.requests.Load()
			_, err := Compare(t.Context(), [2]Target{{Name: "arm64", URL: good.URL}, {Name: "amd64", URL: c.url}}, quick)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %v, want %q in one line", err, c.want)
			}
			if sent := good.requests.Load() - before; sent > 1 {
				t.Errorf("%d requests were sent", sent)
			}
		})
	}
}

func TestCompareEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Int64
	stopping := serve(t, 0, 0, func() {
		if seen.Add(1) > 10 {
			cancel()
		}
	})
	plan := quick
	plan.Duration, plan.Rounds = 10*time.Minute, 1
	if _, err := Compare(ctx, pair(stopping, serve(t, 0, 0, nil)), plan); err == nil || !strings.Contains(err.Error(), "loading --arm64") {
		t.Errorf("error %v after the context was cancelled", err)
	}
}

func TestPlanIsBounded(t *testing.T) {
	if err := quick.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Plan){
		"--rate 0":           func(p *Plan) { p.Rate = 0 },
		"--rate 5001":        func(p *Plan) { p.Rate = MaxRate + 1 },
		"--rounds 0":         func(p *Plan) { p.Rounds = 0 },
		"--rounds 22":        func(p *Plan) { p.Rounds = MaxRounds + 1 },
		"--duration 0s":      func(p *Plan) { p.Duration = 0 },
		"--warm-up -1s":      func(p *Plan) { p.WarmUp = -time.Second },
		"--timeout 0s":       func(p *Plan) { p.Timeout = 0 },
		"the bound is 30m0s": func(p *Plan) { p.Duration = 10 * time.Minute },
		"the bound is 20000": func(p *Plan) { p.Rate, p.Duration = MaxRate, 4*time.Minute },
	} {
		plan := quick
		change(&plan)
		if err := plan.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, of := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 2, 3}, 7: {7}} {
		if got := Median(of); got != want {
			t.Errorf("median of %v is %g, want %g", of, got, want)
		}
	}
}
