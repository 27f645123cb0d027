package registry

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Sent is what a push cost.
type Sent struct {
	// Blobs that were uploaded, mounted from another repository of the registry, and already there.
	Uploaded, Mounted, Present int
	// Bytes sent in request bodies: blobs and manifests.
	Bytes int64
}

// Push writes the index: blobs, manifests by digest, the index by digest, and only then the tags. A tag that already
// means the index is left alone.
func (c *Client) Push(ctx context.Context, index v1.ImageIndex, target Target) (v1.Hash, Sent, error) {
	digest, err := index.Digest()
	if err != nil {
		return v1.Hash{}, Sent{}, fmt.Errorf("computing the digest of the index: %w", err)
	}
	before := c.transport.sent()
	options := c.remoteOptions(ctx)
	byDigest := target.Repository.Digest(digest.String())
	doing := "pushing " + byDigest.Name()
	if _, err := remote.Head(byDigest, options...); err != nil {
		if err := remote.WriteIndex(byDigest, index, options...); err != nil {
			return v1.Hash{}, Sent{}, c.explain(doing, target.Repository, err)
		}
	}
	for _, t := range target.Tags {
		tag := target.Repository.Tag(t)
		if present, err := remote.Head(tag, options...); err == nil && present.Digest == digest {
			continue
		}
		if err := remote.Tag(tag, index, options...); err != nil {
			return v1.Hash{}, Sent{}, c.explain("tagging "+byDigest.Name()+" as "+t, target.Repository, err)
		}
	}
	return digest, c.transport.sent().minus(before), nil
}

// counter counts what goes over the wire.
type counter struct {
	base                       http.RoundTripper
	uploaded, mounted, present atomic.Int64
	bytes                      atomic.Int64
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = &countedBody{r.Body, &c.bytes}
	}
	response, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch kind, isBlob := blobRequest(r); {
	case !isBlob:
	case kind == "head" && response.StatusCode == http.StatusOK:
		c.present.Add(1)
	case kind == "mount" && response.StatusCode == http.StatusCreated:
		c.mounted.Add(1)
	case kind == "commit" && response.StatusCode == http.StatusCreated:
		c.uploaded.Add(1)
	}
	return response, nil
}

func (c *counter) sent() Sent {
	return Sent{int(c.uploaded.Load()), int(c.mounted.Load()), int(c.present.Load()), c.bytes.Load()}
}

func (s Sent) minus(t Sent) Sent {
	return Sent{s.Uploaded - t.Uploaded, s.Mounted - t.Mounted, s.Present - t.Present, s.Bytes - t.Bytes}
}
