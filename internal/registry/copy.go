package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Promotion is what to copy, and to where.
type Promotion struct {
	From name.Reference
	To   Target
}

// ParsePromotion reads the references of a copy. Without a tag in to and tags it is the tag of from, and latest where from
// is a digest.
func ParsePromotion(from, to string, tags []string) (Promotion, error) {
	if strings.TrimSpace(from) == "" {
		return Promotion{}, errors.New("reading image reference \"\": say what to copy with --from, such as --from registry.example.com/ci/app@sha256:…")
	}
	if strings.TrimSpace(to) == "" {
		return Promotion{}, errors.New("reading image reference \"\": say where to copy to with --to, such as --to registry.example.com/team/app:1.0")
	}
	source, err := parse(from)
	if err != nil {
		return Promotion{}, err
	}
	if _, _, tagged, _, _ := split(to); !tagged && len(tags) == 0 {
		if t, ok := source.(name.Tag); ok {
			tags = []string{t.TagStr()}
		}
	}
	target, err := ParseTarget(to, tags)
	return Promotion{source, target}, err
}

// Promoted is what was copied or tagged.
type Promoted struct {
	Digest v1.Hash
	// Contents are its images by platform, in the order of the index.
	Contents []Content
	// Manifests counts all below the index, also those of attestations; 1 where it is no index.
	Manifests int
	Sent      Sent
}

// Content is the image of one platform; Size counts its manifest, config and layers in bytes.
type Content struct {
	Platform string
	Digest   v1.Hash
	Size     int64
}

// Copy writes an index with all its manifests, or an image, to another repository, byte for byte, and the tags last. Blobs
// are mounted within a registry and streamed from one to another. Whatever can be refused is refused before anything is sent.
func (c *Client) Copy(ctx context.Context, p Promotion) (Promoted, error) {
	options, err := c.session(ctx)
	if err != nil {
		return Promoted{}, err
	}
	descriptor, err := c.get(ctx, "reading "+p.From.Name(), p.From, options...)
	if err != nil {
		return Promoted{}, err
	}
	if err := c.Preflight(ctx, []Target{p.To}, PushOptions{}); err != nil {
		return Promoted{}, err
	}
	doing := fmt.Sprintf("copying %s to %s", p.From.Name(), p.To.Repository.Name())
	promoted := Promoted{Digest: descriptor.Digest}
	if err := promoted.add(descriptor); err != nil {
		return Promoted{}, c.blame(doing, p, err)
	}
	root, err := contents(descriptor)
	if err != nil {
		return Promoted{}, c.blame(doing, p, err)
	}
	_, sent, err := c.pushAll(ctx, root, []Target{p.To}, PushOptions{})
	if err != nil {
		return Promoted{}, c.blame(doing, p, err)
	}
	promoted.Sent = sent[0]
	return promoted, nil
}

// contents gives what a descriptor describes: an index or an image.
func contents(d *remote.Descriptor) (pushable, error) {
	if d.MediaType.IsIndex() {
		return d.ImageIndex()
	}
	return d.Image()
}

// add notes what a descriptor holds.
func (p *Promoted) add(d *remote.Descriptor) error {
	if !d.MediaType.IsIndex() {
		img, err := d.Image()
		if err != nil {
			return err
		}
		config, err := img.ConfigFile()
		if err != nil {
			return err
		}
		p.Manifests++
		return p.addImage(img, v1.Descriptor{
			Digest: d.Digest, Size: d.Size, Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant},
		})
	}
	index, err := d.ImageIndex()
	if err != nil {
		return err
	}
	return p.addIndex(index)
}

func (p *Promoted) addIndex(index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		p.Manifests++
		switch {
		case m.MediaType.IsIndex():
			nested, err := index.ImageIndex(m.Digest)
			if err != nil {
				return err
			}
			if err := p.addIndex(nested); err != nil {
				return err
			}
		case m.MediaType.IsImage():
			img, err := index.Image(m.Digest)
			if err != nil {
				return err
			}
			if err := p.addImage(img, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Promoted) addImage(img v1.Image, d v1.Descriptor) error {
	if d.Platform == nil || d.Platform.OS == "unknown" || d.Platform.OS == "" { // attestations and other artifacts
		return nil
	}
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	content := Content{described(d.Platform.OS, d.Platform.Architecture, d.Platform.Variant), d.Digest, d.Size + manifest.Config.Size}
	for _, l := range manifest.Layers {
		content.Size += l.Size
	}
	p.Contents = append(p.Contents, content)
	return nil
}

// blame explains an error of a copy by the registry that it came from.
func (c *Client) blame(doing string, p Promotion, err error) error {
	var refused *transport.Error
	if !errors.As(err, &refused) || refused.Request == nil || !at(refused.Request, p.From.Context()) {
		return c.explain(doing, p.To.Repository, err)
	}
	if refused.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %s lacks a part of it, %s: it cannot be copied whole", doing, p.From.Context().Name(), path.Base(refused.Request.URL.Path))
	}
	return c.explain(doing, p.From.Context(), err)
}

func at(r *http.Request, repository name.Repository) bool {
	return r.URL.Host == repository.RegistryStr() && strings.HasPrefix(r.URL.Path, "/v2/"+repository.RepositoryStr()+"/")
}

// session shares connections' logins between the requests of one deed.
func (c *Client) session(ctx context.Context) ([]remote.Option, error) {
	options := c.remoteOptions(ctx)
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, err
	}
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return nil, err
	}
	return append(options, remote.Reuse(puller), remote.Reuse(pusher)), nil
}
