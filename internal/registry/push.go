package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// jobs is how many blobs, or manifests, are under way at once.
const jobs = 4

// Sent is what a push to one destination cost.
type Sent struct {
	// Blobs that were uploaded, mounted from another repository of the registry, and already there. All are 0 when the whole
	// index was.
	Uploaded, Mounted, Present int
	// Bytes sent in request bodies, blobs and manifests, those of tries that failed included.
	Bytes int64
}

// PushOptions are the caller's wishes for a push.
type PushOptions struct {
	// ImmutableTags makes a tag that means another image an error before anything is sent.
	ImmutableTags bool
	// DryRun sends nothing, and what was sent is what would be.
	DryRun bool
	// Timeout of the whole push; 0 is none.
	Timeout time.Duration
	// Gate is asked when every target has all of its index by digest, and no tag is written yet; an error is the end of the
	// push. nil asks nobody. A dry run, which sends nothing, does not ask.
	Gate func(context.Context) error
}

// ParsePushOptions reads the caller's words; the timeout is one of Go's durations, such as 90s or 1h30m.
func ParsePushOptions(timeout string, immutableTags, dryRun bool) (PushOptions, error) {
	d, err := time.ParseDuration(timeout)
	if err != nil || d <= 0 {
		return PushOptions{}, fmt.Errorf("reading --push-timeout %q: want a duration above zero, such as 90s, 30m or 1h30m", timeout)
	}
	return PushOptions{ImmutableTags: immutableTags, DryRun: dryRun, Timeout: d}, nil
}

// Push writes the index to one target, as PushAll does.
func (c *Client) Push(ctx context.Context, index v1.ImageIndex, target Target) (v1.Hash, Sent, error) {
	digest, sent, err := c.PushAll(ctx, index, []Target{target}, PushOptions{})
	if err != nil {
		return v1.Hash{}, Sent{}, err
	}
	return digest, sent[0], nil
}

// PushAll writes the index to every target: blobs, manifests by digest, the index by digest. Only when all targets have all
// of it come the tags. A tag that already means the index is left alone. What was sent comes in the order of the targets.
func (c *Client) PushAll(ctx context.Context, index v1.ImageIndex, targets []Target, o PushOptions) (v1.Hash, []Sent, error) {
	return c.pushAll(ctx, index, targets, o)
}

// Parcel is one index and where it goes.
type Parcel struct {
	Index   v1.ImageIndex
	Targets []Target
}

// Receipt is what the push of a parcel cost, in the order of its targets.
type Receipt struct {
	Digest v1.Hash
	Sent   []Sent
}

// PushEach pushes several indexes as PushAll does one: no tag is written before every target of every parcel has all of its
// index. Receipts come in the order of the parcels.
func (c *Client) PushEach(ctx context.Context, parcels []Parcel, o PushOptions) ([]Receipt, error) {
	ctx, cancel := o.within(ctx)
	defer cancel()
	all := make([]*push, len(parcels))
	for i, parcel := range parcels {
		var err error
		if all[i], err = c.newPush(parcel.Index, parcel.Targets, o); err != nil {
			return nil, err
		}
	}
	if err := carry(ctx, all, o); err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(all))
	for i, p := range all {
		receipts[i] = Receipt{Digest: p.digest, Sent: p.sent()}
	}
	return receipts, nil
}

func (c *Client) pushAll(ctx context.Context, root pushable, targets []Target, o PushOptions) (v1.Hash, []Sent, error) {
	ctx, cancel := o.within(ctx)
	defer cancel()
	p, err := c.newPush(root, targets, o)
	if err != nil {
		return v1.Hash{}, nil, err
	}
	if err := carry(ctx, []*push{p}, o); err != nil {
		return v1.Hash{}, nil, err
	}
	return p.digest, p.sent(), nil
}

// within bounds a push by the caller's patience.
func (o PushOptions) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.Timeout <= 0 {
		return ctx, func() {}
	}
	over := fmt.Errorf("not done after %s: give it longer with --push-timeout; what was sent stays there, and the next push goes on from it", o.Timeout)
	return context.WithTimeoutCause(ctx, o.Timeout, over)
}

// pushable is what a push sends: an index, or an image alone.
type pushable interface {
	partial.Describable
	remote.Taggable
}

// push is one index, or image, on its way to its destinations.
type push struct {
	client       *Client
	root         pushable
	digest       v1.Hash
	immutable    bool
	parts        *parts
	pusher       *remote.Pusher
	puller       *remote.Puller
	destinations []*destination
}

type destination struct {
	Target
	sent  Sent
	bytes atomic.Int64
	// counted are the blobs that sent has.
	counted map[v1.Hash]bool
}

// sent is what the push cost so far, in the order of the destinations.
func (p *push) sent() []Sent {
	sent := make([]Sent, len(p.destinations))
	for i, d := range p.destinations {
		sent[i] = d.sent
		sent[i].Bytes = d.bytes.Load()
	}
	return sent
}

func (d *destination) story() *story { return &story{bytes: &d.bytes} }

func (c *Client) newPush(root pushable, targets []Target, o PushOptions) (*push, error) {
	digest, err := root.Digest()
	if err != nil {
		return nil, fmt.Errorf("computing the digest of the image: %w", err)
	}
	p := &push{client: c, root: root, digest: digest, immutable: o.ImmutableTags}
	if p.parts, err = partsOf(root); err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", digest, err)
	}
	options := c.remoteOptions(context.Background())
	if p.pusher, err = remote.NewPusher(options...); err != nil {
		return nil, err
	}
	if p.puller, err = remote.NewPuller(options...); err != nil {
		return nil, err
	}
	for _, t := range targets {
		p.destinations = append(p.destinations, &destination{Target: t, counted: map[v1.Hash]bool{}})
	}
	return p, nil
}

// carry keeps the order that lets no reader see a tag whose parts are missing, nor the tags of some images and not of others.
func carry(ctx context.Context, all []*push, o PushOptions) error {
	if err := each(ctx, all, func(ctx context.Context, p *push) error { return p.checkTags(ctx) }); err != nil {
		return err
	}
	if o.DryRun {
		return each(ctx, all, func(ctx context.Context, p *push) error { return p.rehearse(ctx) })
	}
	if err := each(ctx, all, func(ctx context.Context, p *push) error { return p.send(ctx) }); err != nil {
		return err
	}
	if o.Gate != nil {
		if err := o.Gate(ctx); err != nil {
			return err
		}
	}
	if len(all) > 1 || o.Gate != nil || len(all[0].destinations) > 1 {
		// Sending takes its time: rather no tag at all than some.
		if err := each(ctx, all, func(ctx context.Context, p *push) error { return p.checkTags(ctx) }); err != nil {
			return err
		}
	}
	return each(ctx, all, func(ctx context.Context, p *push) error { return p.tags(ctx) })
}

// send brings every destination all but the tags.
func (p *push) send(ctx context.Context) error {
	for i, d := range p.destinations {
		if err := p.write(ctx, d, p.destinations[:i]); err != nil {
			return p.client.failed(ctx, "pushing "+p.name(d), d.Repository, err)
		}
	}
	return nil
}

// tags lets the tags mean what the destinations have by now.
func (p *push) tags(ctx context.Context) error {
	for _, d := range p.destinations {
		for _, t := range d.Tags {
			if err := p.tag(ctx, d, d.Repository.Tag(t)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *push) name(d *destination) string { return d.Repository.Digest(p.digest.String()).Name() }

// rewrites of a destination whose registry lost what it had, such as layers that a clean-up took away in this moment.
const rewrites = 3

// write brings a destination all but the tags, and begins again where parts of it were lost on the way.
func (p *push) write(ctx context.Context, d *destination, earlier []*destination) error {
	for n := 1; ; n++ {
		err := p.writeOnce(ctx, d, earlier)
		if err == nil || n > rewrites || !lostParts(err) || !p.client.transport.patience.pause(ctx, n, 0) {
			return err
		}
		// A pusher asks once for each blob; a fresh one asks again.
		if p.pusher, err = remote.NewPusher(p.client.remoteOptions(ctx)...); err != nil {
			return err
		}
	}
}

// lostParts says whether a manifest was refused for what it names: blobs, or the manifests of an index. ECR's LayersNotFound and
// ReferencedImagesNotFound are told as this code.
func lostParts(err error) bool {
	refused := refusal(err)
	return refused != nil && slices.ContainsFunc(refused.Errors, func(d transport.Diagnostic) bool {
		return d.Code == transport.ManifestBlobUnknownErrorCode
	})
}

// writeOnce lets blobs be mounted from earlier destinations in the same registry.
func (p *push) writeOnce(ctx context.Context, d *destination, earlier []*destination) error {
	missing, err := p.missing(ctx, d)
	if err != nil {
		return err
	}
	blobs, err := missing.blobs()
	if err != nil {
		return err
	}
	if err := p.upload(ctx, d, p.from(blobs, d, earlier)); err != nil {
		return err
	}
	// Manifests before the indexes that name them.
	for _, level := range missing {
		err := each(ctx, level, func(ctx context.Context, m manifest) error {
			err := p.pusher.Put(withStory(ctx, d.story()), d.Repository.Digest(m.digest.String()), m.Taggable)
			if refused := refusal(err); refused != nil && refused.StatusCode == http.StatusConflict {
				if there, problem := p.has(ctx, d, m); problem == nil && there { // somebody pushed it in the same moment
					return nil
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// failed explains an error, unless the end of the caller's patience is what happened; nil stays nil.
func (c *Client) failed(ctx context.Context, doing string, repository name.Repository, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	var request *url.Error
	if errors.As(err, &request) && strings.Contains(request.URL, "?") {
		// An upload's address, or the one that a blob is redirected to, is as good as a password.
		err = fmt.Errorf("%s: %w", request.Op, request.Err)
	}
	return c.explain(doing, repository, err)
}
