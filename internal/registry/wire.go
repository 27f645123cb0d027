package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// newWire lays over a transport what every request of a client passes: the tries, and for each the watch.
func newWire(base http.RoundTripper, p *patience) *retrier {
	return &retrier{base: &watch{base: base, patience: p}, patience: p}
}

// blobRequest tells what a request does to a blob, by the distribution specification,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints; "" when it is none of these.
func blobRequest(r *http.Request) string {
	// What stands behind an upload's Location is the registry's affair, so that these two are told by their methods.
	switch {
	case r.Method == http.MethodPatch:
		return "patch"
	case r.Method == http.MethodPut && !strings.Contains(r.URL.Path, "/manifests/"):
		return "commit"
	case !strings.Contains(r.URL.Path, "/blobs/"):
		return ""
	case r.Method == http.MethodHead:
		return "head"
	case r.Method == http.MethodPost && r.URL.Query().Get("mount") != "":
		return "mount"
	}
	return ""
}

// story is what became of one blob or manifest, written down as its requests go over the wire. A nil story is of no
// account.
type story struct {
	// bytes of request bodies, of all that one destination got.
	bytes *atomic.Int64

	mu sync.Mutex
	// What the registry answered.
	present, mounted, uploaded bool
	// Mounts and uploads that may have happened though no answer said so.
	maybeMounted, maybeUploaded bool
	// Of the last request: whether it was tried as often as may be, and how long the registry asked to wait.
	exhausted bool
	asked     time.Duration
	// anew asks for the whole blob again, with another login; renewed is that it was asked for: once is enough.
	anew, renewed bool
}

type storyKey struct{}

func withStory(ctx context.Context, s *story) context.Context {
	return context.WithValue(ctx, storyKey{}, s)
}

func storyOf(ctx context.Context) *story {
	s, _ := ctx.Value(storyKey{}).(*story)
	return s
}

// answer notes what one try of a request gave; status is 0 when it gave no answer.
func (s *story) answer(kind string, status int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unknown := status == 0 || passing(status)
	switch kind {
	case "head":
		s.present = status == http.StatusOK
	case "mount":
		s.mounted = status == http.StatusCreated
		s.maybeMounted = s.maybeMounted || unknown
	case "commit":
		s.uploaded = status == http.StatusCreated
		s.maybeUploaded = s.maybeUploaded || unknown
	}
}

func (s *story) end(exhausted bool, asked time.Duration) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exhausted, s.asked = exhausted, asked
}

func (s *story) last() (exhausted bool, asked time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exhausted, s.asked
}

// startAnew notes that a login was refused which could not be shown anew in the middle of a blob.
func (s *story) startAnew() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anew, s.renewed = !s.renewed, true
}

// again says whether the blob is to start anew, once.
func (s *story) again() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	anew := s.anew
	s.anew = false
	return anew
}

// count adds a blob that is in the registry. One that an unanswered try of ours brought there was not there before.
func (s *story) count(sent *Sent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.uploaded, s.present && s.maybeUploaded:
		sent.Uploaded++
	case s.mounted, s.present && s.maybeMounted:
		sent.Mounted++
	default:
		sent.Present++
	}
}

// errStalled is the end of a try in which nothing moved.
var errStalled = errors.New("the connection stood still")

// watch ends a try in which nothing moves, and writes its story.
type watch struct {
	base     http.RoundTripper
	patience *patience
}

func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	story, kind := storyOf(r.Context()), blobRequest(r)
	ctx, cancel := context.WithCancelCause(r.Context())
	m := &motion{ctx: ctx, cancel: cancel, stall: w.patience.stall}
	m.alarm = w.patience.alarm(m.stall, func() { cancel(errStalled) })
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &movingBody{ReadCloser: r.Body, motion: m, story: story}
	}
	response, err := w.base.RoundTrip(r)
	if err != nil {
		story.answer(kind, 0)
		defer m.end()
		return nil, m.reason(err)
	}
	story.answer(kind, response.StatusCode)
	m.alarm.Reset(m.stall)
	response.Body = &movingBody{ReadCloser: response.Body, motion: m, last: true}
	return response, nil
}

// motion is the alarm of one try.
type motion struct {
	alarm  alarm
	stall  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// reason is the alarm's where it ended the try: the transport says only that somebody did.
func (m *motion) reason(err error) error {
	if errors.Is(context.Cause(m.ctx), errStalled) {
		return errStalled
	}
	return err
}

func (m *motion) end() {
	m.alarm.Stop()
	m.cancel(nil)
}

// movingBody puts the alarm off with every read. The last body of a try, the answer's, ends it.
type movingBody struct {
	io.ReadCloser
	motion *motion
	story  *story
	last   bool
}

func (b *movingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.story != nil {
		b.story.bytes.Add(int64(n))
	}
	switch {
	case err == nil:
		b.motion.alarm.Reset(b.motion.stall)
	case b.last:
		if !errors.Is(err, io.EOF) {
			err = b.motion.reason(err)
		}
		b.motion.end()
	}
	return n, err
}

func (b *movingBody) Close() error {
	if b.last {
		defer b.motion.end()
	}
	return b.ReadCloser.Close()
}

// bound ties the requests of a caller that knows no context to one.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.base.RoundTrip(r.WithContext(b.ctx))
}
