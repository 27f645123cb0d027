package registry

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// upload brings blobs to a destination, a bounded number at once, and counts what became of them. Their bytes go from where
// they are, a file or another registry, straight into the request.
func (p *push) upload(ctx context.Context, d *destination, blobs []v1.Layer) error {
	stories := make([]*story, len(blobs))
	err := each(ctx, numbered(blobs), func(ctx context.Context, n int) error {
		stories[n] = d.story()
		return p.uploadOne(withStory(ctx, stories[n]), d, blobs[n])
	})
	if err != nil {
		return err
	}
	for n, s := range stories {
		digest, err := blobs[n].Digest()
		if err != nil {
			return err
		}
		if !d.counted[digest] { // a destination that is written again has it counted
			d.counted[digest] = true
			s.count(&d.sent)
		}
	}
	return nil
}

// uploadOne starts a blob anew when its upload broke. It begins by asking whether the blob is there, so that an upload whose
// answer alone was lost is not repeated.
func (p *push) uploadOne(ctx context.Context, d *destination, blob v1.Layer) error {
	select {
	case p.client.uploads <- struct{}{}:
		defer func() { <-p.client.uploads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	story := storyOf(ctx)
	for n := 1; ; n++ {
		err := p.pusher.Upload(ctx, d.Repository, blob)
		if err == nil || ctx.Err() != nil {
			return err
		}
		exhausted, asked := story.last()
		if exhausted || !worthAnother(err) && !story.again() || !p.client.transport.patience.pause(ctx, n, asked) {
			return err
		}
	}
}

// worthAnother says whether a broken upload may succeed when it starts anew. Whatever is no plain refusal may: connections
// break in many words.
func worthAnother(err error) bool {
	var file *fs.PathError
	if errors.As(err, &file) || lasting(err) {
		return false
	}
	refused := refusal(err)
	return refused == nil || passing(refused.StatusCode) || garbled(refused)
}

// garbled says whether the registry lost the upload or got other bytes than were sent: a connection that broke, in other
// words. It needs the error codes of the specification, for other refusals have the same statuses,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
func garbled(refused *transport.Error) bool {
	switch refused.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable:
	default:
		return false
	}
	return slices.ContainsFunc(refused.Errors, func(d transport.Diagnostic) bool {
		switch d.Code {
		case transport.BlobUploadUnknownErrorCode, transport.BlobUploadInvalidErrorCode, transport.DigestInvalidErrorCode, transport.SizeInvalidErrorCode:
			return true
		}
		return false
	})
}
