// Package load drives the same HTTP load at two servers and says how each of them answered.
//
// The servers are loaded one after the other, never at once: they would share the processors of the machine that sends.
// Which is first alternates from round to round, and of what the rounds gave the median counts, so that a slow minute of
// the network or of this machine hits both alike.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Bounds of what one comparison may send. They keep a slip of the finger from being an attack, and the run within a job's time.
const (
	MaxRate     = 5000
	MaxRounds   = 21
	MaxRequests = 2_000_000
	MaxTotal    = 30 * time.Minute
)

// connections is how many requests may be under way at once. A server that keeps more waiting than that gets less than the
// rate, which the figures show.
const connections = 1000

// largestAnswer is how many bytes of an answer are held in memory; the rest is read and thrown away.
const largestAnswer = 1 << 20

// Plan is the load, the same for both servers.
type Plan struct {
	// Rate in requests a second.
	Rate int
	// Duration of one round at one server; WarmUp is sent before the first round, at the same rate, and is not counted.
	Duration, WarmUp time.Duration
	// Rounds for each server.
	Rounds int
	// Timeout of one request.
	Timeout time.Duration
}

// Validate reports a plan outside the bounds.
func (p Plan) Validate() error {
	total := 2 * (p.WarmUp + time.Duration(p.Rounds)*p.Duration)
	switch {
	case p.Rate < 1 || p.Rate > MaxRate:
		return fmt.Errorf("reading --rate %d: want requests a second, 1 to %d", p.Rate, MaxRate)
	case p.Rounds < 1 || p.Rounds > MaxRounds:
		return fmt.Errorf("reading --rounds %d: want 1 to %d", p.Rounds, MaxRounds)
	case p.Duration < 100*time.Millisecond || p.Duration > MaxTotal:
		return fmt.Errorf("reading --duration %s: want the time of one round, such as 10s, 100ms at least", p.Duration)
	case p.WarmUp < 0 || p.WarmUp > MaxTotal:
		return fmt.Errorf("reading --warm-up %s: want a time such as 5s, or 0s for none", p.WarmUp)
	case p.Timeout < time.Millisecond || p.Timeout > MaxTotal:
		return fmt.Errorf("reading --timeout %s: want how long one request may take, such as 10s", p.Timeout)
	case total > MaxTotal:
		return fmt.Errorf("planning the load: two servers × (%d rounds of %s and a warm-up of %s) take %s, the bound is %s: give fewer or shorter rounds",
			p.Rounds, p.Duration, p.WarmUp, total, MaxTotal)
	case float64(p.Rate)*total.Seconds() > MaxRequests:
		return fmt.Errorf("planning the load: %d requests/s for %s are %.0f requests, the bound is %d: give a lower rate or less time",
			p.Rate, total, float64(p.Rate)*total.Seconds(), MaxRequests)
	}
	return nil
}

// Target is one server.
type Target struct {
	// Name is what errors call it.
	Name string
	// URL that is asked, by GET.
	URL string
	// Address, host:port, takes the connections instead of the URL's host; "" for none.
	Address string
	// Transport makes the connections; nil is Go's own. It is cloned.
	Transport *http.Transport
}

// Validate reports a URL that cannot be asked.
func (t Target) Validate() error {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("reading --%s %q: want a URL such as https://app.example.com/health", t.Name, t.redacted())
	}
	if u.User != nil {
		return fmt.Errorf("reading --%s %q: leave out the user and the password, which would show in the result", t.Name, t.redacted())
	}
	return nil
}

func (t Target) redacted() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return "…"
	}
	return u.Redacted()
}

// Measured is how one server answered. Percentiles and rates are the medians of the rounds, counts are their sums.
type Measured struct {
	URL string `json:"url"`
	// Requests sent in the rounds, and WarmUp before them.
	Requests int `json:"requests"`
	WarmUp   int `json:"warmUpRequests"`
	// PerSecond counts answers with a status of 2xx; Latency is of every request.
	PerSecond float64 `json:"requestsPerSecond"`
	Latency   Latency `json:"latencyMilliseconds"`
	// Failed requests by the status of the answer, "none" where there was none.
	Failed map[string]int `json:"failed"`
	// Causes are the distinct reasons, at most maxCauses of them.
	Causes []string `json:"causes"`
	// Bytes of an answer's body, mean.
	Bytes  float64 `json:"bytesPerAnswer"`
	Rounds []Round `json:"rounds"`
}

// Failures is the number of failed requests.
func (m Measured) Failures() int {
	sum := 0
	for _, n := range m.Failed {
		sum += n
	}
	return sum
}

// Round is one round at one server.
type Round struct {
	Requests  int     `json:"requests"`
	Failures  int     `json:"failures"`
	PerSecond float64 `json:"requestsPerSecond"`
	Latency   Latency `json:"latencyMilliseconds"`
}

// Latency in milliseconds. Max of several rounds is the largest of them all.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// maxCauses bounds what is said of failures: with an address in each, every request could have one of its own.
const maxCauses = 5

// Compare loads both servers by the plan and gives what it measured, in their order. A server that does not answer at all, or
// leads elsewhere, is an error before any load.
func Compare(ctx context.Context, targets [2]Target, plan Plan) ([2]Measured, error) {
	var measured [2]Measured
	if err := errors.Join(plan.Validate(), targets[0].Validate(), targets[1].Validate()); err != nil {
		return measured, err
	}
	var attackers [2]*attacker
	for i, t := range targets {
		attackers[i] = newAttacker(t, plan)
		defer attackers[i].client.CloseIdleConnections()
		if err := attackers[i].probe(ctx); err != nil {
			return measured, err
		}
		measured[i] = Measured{URL: t.URL, Failed: map[string]int{}, Causes: []string{}}
	}
	for i, a := range attackers {
		if plan.WarmUp > 0 {
			warm, err := a.attack(ctx, plan.WarmUp)
			if err != nil {
				return measured, err
			}
			measured[i].WarmUp = int(warm.Requests)
		}
	}
	bytes := [2]uint64{}
	for round := range plan.Rounds {
		for k := range targets {
			i := (round + k) % 2
			m, err := attackers[i].attack(ctx, plan.Duration)
			if err != nil {
				return measured, err
			}
			measured[i].add(m, plan.Duration)
			bytes[i] += m.BytesIn.Total
		}
	}
	for i := range measured {
		measured[i].conclude(bytes[i])
	}
	return measured, nil
}

type attacker struct {
	target  Target
	plan    Plan
	client  *http.Client
	targets vegeta.Targeter
}

func newAttacker(t Target, plan Plan) *attacker {
	transport := http.DefaultTransport.(*http.Transport)
	if t.Transport != nil {
		transport = t.Transport
	}
	transport = transport.Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = connections, connections
	if t.Address != "" {
		dialer := &net.Dialer{Timeout: plan.Timeout}
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, t.Address)
		}
	}
	return &attacker{
		target: t, plan: plan,
		client: &http.Client{
			Transport: transport, Timeout: plan.Timeout,
			// A redirect that is followed is two requests, of which the second may go to another server.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		targets: vegeta.NewStaticTargeter(vegeta.Target{Method: http.MethodGet, URL: t.URL}),
	}
}

// probe asks once. An answer that is no success is refused: how fast an app fails is not what is compared.
func (a *attacker) probe(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.target.URL, nil)
	if err != nil {
		return fmt.Errorf("asking --%s: %w", a.target.Name, err)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return fmt.Errorf("asking --%s before the load: %s: check that the app runs there; what only your machine reaches is given with --%s-endpoint tcp://HOST:PORT", a.target.Name, unanswered(err, a.plan.Timeout), a.target.Name)
	}
	defer answer.Body.Close()
	if location := answer.Header.Get("Location"); answer.StatusCode/100 == 3 && location != "" {
		return fmt.Errorf("asking --%s before the load: %s leads to %s: give the address that answers itself", a.target.Name, a.target.URL, location)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("asking --%s before the load: %s answers %s: give an address that answers 2xx, or mend the app there", a.target.Name, a.target.URL, strings.TrimSpace(answer.Status))
	}
	return nil
}

// unanswered says why a request got no answer.
func unanswered(err error, timeout time.Duration) string {
	var dns *net.DNSError
	var failed *url.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		// Through Dagger's tunnel to the caller's machine a refused connection looks like this too.
		return "the connection ended before an answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there"
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %s is not known", dns.Name)
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return fmt.Sprintf("no answer in %s", timeout)
	case errors.As(err, &failed):
		return failed.Err.Error()
	}
	return err.Error()
}

// attack sends the load for a time.
func (a *attacker) attack(ctx context.Context, duration time.Duration) (*vegeta.Metrics, error) {
	sender := vegeta.NewAttacker(vegeta.Client(a.client), vegeta.MaxWorkers(connections), vegeta.MaxBody(largestAnswer))
	stop := context.AfterFunc(ctx, func() { sender.Stop() })
	defer stop()
	m := &vegeta.Metrics{}
	for result := range sender.Attack(a.targets, vegeta.Rate{Freq: a.plan.Rate, Per: time.Second}, duration, "") {
		m.Add(result)
	}
	m.Close()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("loading --%s: %w", a.target.Name, err)
	}
	return m, nil
}

func (m *Measured) add(v *vegeta.Metrics, duration time.Duration) {
	round := Round{Requests: int(v.Requests), Latency: Latency{
		Mean: milliseconds(v.Latencies.Mean), P50: milliseconds(v.Latencies.P50), P90: milliseconds(v.Latencies.P90),
		P95: milliseconds(v.Latencies.P95), P99: milliseconds(v.Latencies.P99), Max: milliseconds(v.Latencies.Max),
	}}
	for status, n := range v.StatusCodes {
		if strings.HasPrefix(status, "2") {
			continue
		}
		if status == "0" {
			status = "none"
		}
		m.Failed[status] += n
		round.Failures += n
	}
	// Over the round's whole time: from the first request to the last, as vegeta has it, a round of few requests looks faster
	// than it was sent.
	took := max(duration, v.End.Sub(v.Earliest))
	round.PerSecond = float64(round.Requests-round.Failures) / took.Seconds()
	m.Requests += round.Requests
	m.Rounds = append(m.Rounds, round)
	for _, cause := range v.Errors {
		if len(m.Causes) < maxCauses && !slices.Contains(m.Causes, cause) {
			m.Causes = append(m.Causes, cause)
		}
	}
}

func (m *Measured) conclude(bytes uint64) {
	slices.Sort(m.Causes)
	of := func(figure func(Round) float64) float64 {
		figures := make([]float64, len(m.Rounds))
		for i, r := range m.Rounds {
			figures[i] = figure(r)
		}
		return Median(figures)
	}
	m.PerSecond = of(func(r Round) float64 { return r.PerSecond })
	m.Latency = Latency{
		Mean: of(func(r Round) float64 { return r.Latency.Mean }),
		P50:  of(func(r Round) float64 { return r.Latency.P50 }),
		P90:  of(func(r Round) float64 { return r.Latency.P90 }),
		P95:  of(func(r Round) float64 { return r.Latency.P95 }),
		P99:  of(func(r Round) float64 { return r.Latency.P99 }),
	}
	for _, r := range m.Rounds {
		m.Latency.Max = max(m.Latency.Max, r.Latency.Max)
	}
	if m.Requests > 0 {
		m.Bytes = float64(bytes) / float64(m.Requests)
	}
}

// Statuses lists the failures, the statuses sorted: "503: 12, none: 3".
func (m Measured) Statuses() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(m.Failed)) {
		parts = append(parts, status+": "+strconv.Itoa(m.Failed[status]))
	}
	return strings.Join(parts, ", ")
}

// Median of numbers, of which there is one at least; of an even count the mean of the middle two.
func Median(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
