package registry

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// blobRequest tells what a request does to a blob, by the distribution specification,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
func blobRequest(r *http.Request) (kind string, isBlob bool) {
	if !strings.Contains(r.URL.Path, "/blobs/") {
		return "", false
	}
	upload := strings.Contains(r.URL.Path, "/blobs/uploads/")
	switch {
	case r.Method == http.MethodHead && !upload:
		return "head", true
	case r.Method == http.MethodPost && r.URL.Query().Get("mount") != "":
		return "mount", true
	case r.Method == http.MethodPut && upload:
		return "commit", true
	}
	return "", false
}

type countedBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}

// bound ties the requests of a caller that knows no context to one.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.base.RoundTrip(r.WithContext(b.ctx))
}
