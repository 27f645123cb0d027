// Package registry speaks to OCI registries: it reads references, resolves base images, checks that a push will be
// allowed, and pushes an index so that no reader ever sees a tag whose parts are missing.
package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Options say how registries are reached.
type Options struct {
	// Loopback is where references whose host is loopback really go, as host:port; "" when the caller gave no registry
	// of its own. It is never used for another host.
	Loopback string
	// LoopbackPort is the port that the caller knows that registry by; 0 means any.
	LoopbackPort int
	// Host is the registry that Username and Password are for; no other registry is shown them.
	Host               string
	Username, Password string
}

// Client reaches registries. It is safe for concurrent use.
type Client struct {
	options   Options
	transport *counter
}

// New makes a client; it connects to nothing yet.
func New(o Options) *Client {
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if IsLoopback(address) {
			if o.Loopback == "" {
				return nil, errNoLoopback
			}
			address = o.Loopback
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &Client{options: o, transport: &counter{base: transport}}
}

// Target is where an image is pushed.
type Target struct {
	Repository name.Repository
	// Tags without repeats, in the order given.
	Tags []string
}

// validTag is the distribution specification's rule.
var validTag = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// ParseTarget reads the reference to push to and further tags. The reference may carry a tag and then that one is used
// as well; without any tag it is "latest". A digest is refused: it is the result of a push.
func ParseTarget(reference string, tags []string) (Target, error) {
	doing := fmt.Sprintf("reading image reference %q", reference)
	if strings.TrimSpace(reference) == "" {
		return Target{}, fmt.Errorf("%s: say where to push with --image, such as --image registry.example.com/team/app", doing)
	}
	if strings.Contains(reference, "://") {
		return Target{}, fmt.Errorf("%s: leave out the scheme; a reference is HOST/REPOSITORY[:TAG]", doing)
	}
	if strings.Contains(reference, "@") {
		return Target{}, fmt.Errorf("%s: leave out the digest; it is what the push gives back", doing)
	}
	parsed, err := name.ParseReference(reference)
	if err != nil {
		return Target{}, fmt.Errorf("%s: want HOST/REPOSITORY[:TAG], the repository in lower case", doing)
	}
	target := Target{Repository: parsed.Context()}
	if afterSlash := reference[strings.LastIndex(reference, "/")+1:]; strings.Contains(afterSlash, ":") || len(tags) == 0 {
		target.Tags = append(target.Tags, parsed.Identifier())
	}
	for _, t := range tags {
		if !validTag.MatchString(t) {
			return Target{}, fmt.Errorf("reading tag %q: want up to 128 letters, digits, '_', '.' or '-', not starting with '.' or '-'", t)
		}
		if !slices.Contains(target.Tags, t) {
			target.Tags = append(target.Tags, t)
		}
	}
	return target, nil
}

// Check fails when the repository cannot be pushed to. It uploads nothing.
func (c *Client) Check(ctx context.Context, target Target) error {
	doing := "checking that " + target.Repository.Name() + " can be pushed to"
	if err := c.checkLoopbackPort(target.Repository); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	// The check of go-containerregistry takes no context; its requests are bound to ours by the transport.
	err := remote.CheckPushPermission(target.Repository.Tag(target.Tags[0]), keychain{c}, bound{ctx, c.transport})
	return c.explain(doing, target.Repository, err)
}

// Bases resolves the base image of every platform from one reference, from an index or, for a single platform, from a
// plain manifest. Only manifests and configs are read. The canonical name is what annotations call the image.
func (c *Client) Bases(ctx context.Context, reference, canonical string, platforms []platform.Platform) ([]image.Base, error) {
	doing := "resolving base image " + reference
	ref, descriptor, err := c.open(ctx, doing, reference)
	if err != nil {
		return nil, err
	}
	var find func(platform.Platform) (v1.Image, error)
	if descriptor.MediaType.IsIndex() {
		find, err = inIndex(descriptor)
	} else {
		find, err = asManifest(descriptor)
	}
	if err != nil {
		return nil, c.explain(doing, ref.Context(), err)
	}
	bases := make([]image.Base, len(platforms))
	for i, p := range platforms {
		img, err := find(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		digest, err := img.Digest()
		if err != nil {
			return nil, c.explain(doing, ref.Context(), err)
		}
		bases[i] = image.Base{Name: canonical, Digest: digest, Resolved: descriptor.Digest, Image: &mountable{Image: img, from: ref}}
	}
	return bases, nil
}

func (c *Client) remoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(c.transport),
		remote.WithAuthFromKeychain(keychain{c}),
		remote.WithUserAgent("dotnet-multiarch"),
		remote.WithJobs(4),
	}
}

// keychain shows the caller's credentials to the one registry that they are for.
type keychain struct{ c *Client }

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	o := k.c.options
	if o.Username == "" && o.Password == "" || r.RegistryStr() != o.Host {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: o.Username, Password: o.Password}), nil
}
