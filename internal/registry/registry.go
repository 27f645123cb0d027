// Package registry speaks to OCI registries: it reads references, resolves base images, checks that a push will be
// allowed, and pushes an index so that no reader ever sees a tag whose parts are missing.
package registry

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Options say how registries are reached.
type Options struct {
	// Loopback gives where references whose host is loopback really go, as host:port, and the port that the caller knows
	// that registry by, 0 for any. It is asked when such a reference is first used; nil when the caller gave no registry of
	// its own.
	Loopback func(context.Context) (address string, port int, err error)
	// Host is the registry that Username and Password are for; no other registry is shown them. They beat Logins.
	Host               string
	Username, Password string
	// Logins are those of --docker-config, for any registry; nil for none.
	Logins *DockerConfig
	// Cloud logs in to registries of its own, and beats Logins there; nil for none.
	Cloud Cloud
	// Detour gives host:port where the connections to a host go, whose name stays in all else; ok is false for hosts without
	// one. nil for none.
	Detour func(ctx context.Context, host string) (address string, ok bool, err error)
	// Authorities are trusted besides the system's; nil for none.
	Authorities *Authorities
	// Insecure allows plain http and certificates that nobody vouches for, which else only loopback may use.
	Insecure bool

	// Seams for tests, which have no other hosts than loopback and wait for nothing; nil for what users get.
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	patience *patience
}

// Client reaches registries. It is safe for concurrent use.
type Client struct {
	options   Options
	loopback  *loopback
	transport *retrier
	// rules are what the cloud said of a repository's tags, by its name; fruitless the logins that were new and yet refused, by host.
	rules, fruitless sync.Map
	// uploads bounds how many blobs are under way at once, of however many images.
	uploads chan struct{}
}

// New makes a client; it connects to nothing yet.
func New(o Options) *Client {
	l := &loopback{locate: o.Loopback}
	wire := newWire(newTransport(o, l), cmp.Or(o.patience, patient()))
	return &Client{options: o, loopback: l, transport: wire, uploads: make(chan struct{}, jobs)}
}

// Target is where an image is pushed.
type Target struct {
	Repository name.Repository
	// Tags without repeats, in the order given.
	Tags []string
}

// validTag and sha256Digest are the distribution specification's rules.
var (
	validTag     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

const wantTag = "want up to 128 letters, digits, '_', '.' or '-', not starting with '.' or '-'"

// ParseTarget reads the reference to push to and further tags. The reference may carry a tag and then that one is used
// as well; without any tag it is "latest". A digest is refused: it is the result of a push.
func ParseTarget(reference string, tags []string) (Target, error) {
	return parseTarget(reference, reference, tags)
}

func parseTarget(typed, reference string, tags []string) (Target, error) {
	doing := fmt.Sprintf("reading image reference %q", shown(typed))
	if strings.TrimSpace(reference) == "" {
		return Target{}, fmt.Errorf("%s: say where to push with --image, such as --image registry.example.com/team/app", doing)
	}
	if _, _, _, digest, _ := split(reference); strings.Contains(digest, ":") && !strings.Contains(digest, "/") {
		return Target{}, fmt.Errorf("%s: leave out the digest; it is what the push gives back", doing)
	}
	parsed, err := parseTyped(typed, reference)
	if err != nil {
		return Target{}, err
	}
	target := Target{Repository: parsed.Context()}
	if strings.HasPrefix(target.Repository.Name(), name.DefaultRegistry+"/library/") {
		return Target{}, fmt.Errorf("%s: it means Docker's own images, to which nobody else pushes; %s, or USER/REPOSITORY on Docker Hub", doing, want)
	}
	if _, _, tagged, _, _ := split(reference); tagged || len(tags) == 0 {
		target.Tags = append(target.Tags, parsed.Identifier())
	}
	target.Tags, err = appendTags(target.Tags, tags)
	return target, err
}

// appendTags adds tags that are not there yet.
func appendTags(list, tags []string) ([]string, error) {
	for _, t := range tags {
		if !validTag.MatchString(t) {
			return nil, fmt.Errorf("reading tag %q: %s", t, wantTag)
		}
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list, nil
}

// Check fails when the repository cannot be pushed to. It uploads nothing.
func (c *Client) Check(ctx context.Context, target Target) error {
	doing := "checking that " + target.Repository.Name() + " can be pushed to"
	if err := c.checkLoopbackPort(ctx, target.Repository); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := c.prepare(ctx, target.Repository, false); err != nil {
		return err
	}
	// The check of go-containerregistry takes no context; its requests are bound to ours by the transport.
	err := remote.CheckPushPermission(target.Repository.Tag(target.Tags[0]), keychain{c}, bound{ctx, c.wire()})
	return c.explain(doing, target.Repository, err)
}

func (c *Client) remoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(c.wire()),
		remote.WithAuthFromKeychain(keychain{c}),
		remote.WithUserAgent("dotnet-multiarch"),
		remote.WithJobs(jobs),
		// Trying again is the transport's work: go-containerregistry's own waits cannot be interrupted and heed no Retry-After.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
}
