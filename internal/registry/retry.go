package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// patience says how a request that failed in passing is tried again. Its clock and its jitter can be replaced, so that a test
// waits for nothing.
type patience struct {
	// tries of one request or one blob, the first included.
	tries int
	// The wait after the first try is up to shortest; each next one doubles, up to longest.
	shortest, longest time.Duration
	// mercy is the longest Retry-After that is waited for; a registry that asks for more has refused.
	mercy time.Duration
	// stall ends a try in which no byte moved in either direction for so long.
	stall time.Duration

	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	alarm  func(time.Duration, func()) alarm
	random func() float64
}

// alarm is what time.AfterFunc gives.
type alarm interface {
	Stop() bool
	Reset(time.Duration) bool
}

// patient waits half a minute in all before it gives a request up: what a registry takes to be restarted.
func patient() *patience {
	return &patience{
		tries: 7, shortest: 500 * time.Millisecond, longest: 15 * time.Second, mercy: 2 * time.Minute, stall: 2 * time.Minute,
		now: time.Now, sleep: sleep, random: rand.Float64,
		alarm: func(d time.Duration, f func()) alarm { return time.AfterFunc(d, f) },
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pause waits before the try that follows try n, for as long as the registry asked if it did. False says that there is no
// next try: tries or time are used up, or the caller went away.
func (p *patience) pause(ctx context.Context, n int, asked time.Duration) bool {
	if n >= p.tries || asked > p.mercy {
		return false
	}
	d := min(p.shortest<<(n-1), p.longest)
	// Half of it is chance, so that many who were refused together do not come back together.
	d = max(asked, d/2) + time.Duration(p.random()*float64(d/2))
	if deadline, ok := ctx.Deadline(); ok && p.now().Add(d).After(deadline) {
		return false
	}
	return p.sleep(ctx, d) == nil
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date. Without it, 0.
func (p *patience) retryAfter(r *http.Response) time.Duration {
	value := r.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(p.now()))
	}
	return 0
}

// passing says whether the same request may be answered otherwise in a moment: 408, 429 and the server's own failures.
// Not 501, which says that it never will be, and not 507: a full disk is for a person.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusInsufficientStorage:
		return false
	}
	return status >= http.StatusInternalServerError
}

// retrier tries again what failed in passing, where the request can be sent again as it is: everything but the bytes of a
// blob. Whether a broken upload took some of them nobody knows, so that the whole blob starts anew; upload does that.
type retrier struct {
	base     http.RoundTripper
	patience *patience
	// answered are the hosts that once answered. One that never did is more likely misspelt than being restarted.
	answered sync.Map
}

func (t *retrier) RoundTrip(r *http.Request) (*http.Response, error) {
	story := storyOf(r.Context())
	for n := 1; ; n++ {
		response, err := t.try(r)
		var asked time.Duration
		if err == nil {
			asked = t.patience.retryAfter(response)
		}
		again := err == nil && passing(response.StatusCode) || err != nil && t.broken(r, err)
		if !again || !repeatable(r) {
			story.end(false, asked)
			return response, err
		}
		if !t.patience.pause(r.Context(), n, asked) {
			story.end(true, asked)
			if err != nil && n > 1 {
				err = fmt.Errorf("%w, %d times", err, n)
			}
			return response, err
		}
		if err == nil {
			response.Body.Close()
		}
		if r.GetBody != nil {
			r = r.WithContext(r.Context())
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// try reads a short answer to its end, so that one which breaks off is tried again too. Blobs pass as they come.
func (t *retrier) try(r *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.answered.Store(r.URL.Host, true)
	blob := strings.Contains(r.URL.Path, "/blobs/") && response.StatusCode == http.StatusOK
	if r.Method == http.MethodHead || response.ContentLength > shortAnswer || response.ContentLength < 0 && blob {
		return response, nil
	}
	start, err := io.ReadAll(io.LimitReader(response.Body, shortAnswer))
	if err != nil {
		response.Body.Close()
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), response.Body), response.Body}
	return response, nil
}

// shortAnswer, in bytes, holds tokens, errors, manifests and configs.
const shortAnswer = 1 << 20

// repeatable says whether a request can be sent again as it is.
func repeatable(r *http.Request) bool {
	if kind := blobRequest(r); kind == "patch" || kind == "commit" {
		return false
	}
	return r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
}

// broken says whether an error is of a connection that may hold the next time.
func (t *retrier) broken(r *http.Request, err error) bool {
	if r.Context().Err() != nil || lasting(err) {
		return false
	}
	if _, answered := t.answered.Load(r.URL.Host); answered {
		return true
	}
	var operation *net.OpError
	var dns *net.DNSError
	if errors.As(err, &dns) || errors.As(err, &operation) && operation.Op == "dial" {
		return false
	}
	// Through Dagger's tunnel to the caller's machine a refused connection looks like one that breaks.
	return !IsLoopback(r.URL.Host)
}

// lasting says whether an error is none of the connection: a certificate, the wrong protocol, a registry that was not given.
func lasting(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var operation *net.OpError
	var complete told
	return errors.As(err, &complete) || errors.Is(err, errPlainHTTP) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &certificate) || errors.As(err, &record) ||
		errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error") // alerts of TLS
}
