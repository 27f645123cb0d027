// Package ecr lets a push reach Amazon's registries with AWS credentials alone: it recognises them by their hosts, asks for
// their tokens, makes repositories, and knows which tags they keep.
package ecr

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	private "github.com/aws/aws-sdk-go-v2/service/ecr"
	public "github.com/aws/aws-sdk-go-v2/service/ecrpublic"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Options say with what registries are reached, and what a repository is like that is made for a push.
type Options struct {
	Access *aws.Access
	// Create makes a repository that is missing; without it that is an error.
	Create bool
	// Immutable, RepositoryPolicy and LifecyclePolicy, JSON or "", are of a repository that is made; one that exists is left alone.
	Immutable                         bool
	RepositoryPolicy, LifecyclePolicy string

	// now is a seam for tests; nil for the clock.
	now func() time.Time
}

// Registries are all of ECR that one caller's credentials reach. It is safe for concurrent use.
type Registries struct {
	options Options

	mu     sync.Mutex // of the tokens: whoever wants one waits for who asks for it
	tokens map[Host]token

	// serving is whether a registry of ECR was asked for.
	serving atomic.Bool

	noteMu sync.Mutex
	notes  []string
}

var _ registry.Cloud = (*Registries)(nil)

// token is a login of a registry.
type token struct {
	user, password string
	asked, until   time.Time // until is zero where the answer's end was past already: the clocks differ
}

// New reads the options and connects to nothing.
func New(o Options) (*Registries, error) {
	for _, p := range []struct{ flag, text string }{{"--repository-policy", o.RepositoryPolicy}, {"--lifecycle-policy", o.LifecyclePolicy}} {
		var document map[string]any
		if p.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(p.text), &document); err != nil {
			return nil, fmt.Errorf("reading %s: it is not a policy's JSON: %w", p.flag, err)
		}
	}
	if o.now == nil {
		o.now = time.Now
	}
	return &Registries{options: o, tokens: map[Host]token{}}, nil
}

// Serves says whether a host is a registry of ECR, and whether there are credentials for it.
func (r *Registries) Serves(host string) (its, credentials bool) {
	if _, its = ParseHost(host); its {
		r.serving.Store(true)
	}
	return its, its && r.options.Access.Given()
}

// Notes are what a user should know of what was done, in order.
func (r *Registries) Notes() []string {
	r.noteMu.Lock()
	defer r.noteMu.Unlock()
	return slices.Clone(r.notes)
}

// Unused says, when all is done, that there are credentials and nothing was asked for where they are for; "" otherwise.
func (r *Registries) Unused() string {
	if !r.options.Access.Given() || r.serving.Load() {
		return ""
	}
	return "the AWS credentials were shown to nobody: no image was asked for in a registry of Amazon ECR, or --username is the login there"
}

func (r *Registries) note(format string, args ...any) {
	r.noteMu.Lock()
	defer r.noteMu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// Login gives the user and password of the moment. It asks ECR when there is none, when half of its time is over, and when the
// registry refused the one there is. Without credentials the public registry is spoken to anonymously, and another not at all.
func (r *Registries) Login(ctx context.Context, host, refused string) (user, password string, err error) {
	h, _ := ParseHost(host)
	if !r.options.Access.Given() {
		if h.Public {
			return "", "", nil
		}
		return "", "", r.options.Access.Missing("logging in to "+host, "--username with --password", "--docker-config")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h.Account = "" // a token serves all registries of a region that the credentials may reach
	have := r.tokens[h]
	now := r.options.now()
	usable := have.password != "" && have.password != refused
	if usable && (have.until.IsZero() || now.Before(have.asked.Add(have.until.Sub(have.asked)/2))) {
		return have.user, have.password, nil
	}
	fresh, err := r.ask(ctx, h)
	if err != nil {
		if usable && now.Before(have.until) { // rather the old one than none
			return have.user, have.password, nil
		}
		return "", "", aws.Explain("getting the token of "+host, err)
	}
	fresh.asked = now
	if !now.Before(fresh.until) {
		fresh.until = time.Time{}
	}
	r.tokens[h] = fresh
	return fresh.user, fresh.password, nil
}

// ask gets a token.
func (r *Registries) ask(ctx context.Context, h Host) (token, error) {
	var encoded *string
	var until *time.Time
	if h.Public {
		client, err := r.public(ctx, h)
		if err != nil {
			return token{}, err
		}
		out, err := client.GetAuthorizationToken(ctx, &public.GetAuthorizationTokenInput{})
		if err != nil {
			return token{}, err
		}
		if out.AuthorizationData != nil {
			encoded, until = out.AuthorizationData.AuthorizationToken, out.AuthorizationData.ExpiresAt
		}
	} else {
		client, err := r.private(ctx, h)
		if err != nil {
			return token{}, err
		}
		out, err := client.GetAuthorizationToken(ctx, &private.GetAuthorizationTokenInput{})
		if err != nil {
			return token{}, err
		}
		if len(out.AuthorizationData) > 0 {
			encoded, until = out.AuthorizationData[0].AuthorizationToken, out.AuthorizationData[0].ExpiresAt
		}
	}
	text, err := base64.StdEncoding.DecodeString(sdk.ToString(encoded))
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok || password == "" {
		return token{}, errors.New("the answer holds no token: check --aws-endpoint-url and --aws-endpoint")
	}
	return token{user: user, password: password, until: sdk.ToTime(until)}, nil
}

func (r *Registries) private(ctx context.Context, h Host) (*private.Client, error) {
	config, err := r.options.Access.Config(ctx, h.Region)
	if err != nil {
		return nil, err
	}
	return private.NewFromConfig(config, func(o *private.Options) {
		if o.BaseEndpoint != nil { // the SDK takes these for its own endpoints alone
			return
		}
		if h.FIPS {
			o.EndpointOptions.UseFIPSEndpoint = sdk.FIPSEndpointStateEnabled
		}
		if h.DualStack {
			o.EndpointOptions.UseDualStackEndpoint = sdk.DualStackEndpointStateEnabled
		}
	}), nil
}

func (r *Registries) public(ctx context.Context, h Host) (*public.Client, error) {
	config, err := r.options.Access.Config(ctx, h.Region)
	if err != nil {
		return nil, err
	}
	return public.NewFromConfig(config, func(o *public.Options) {
		if h.DualStack && o.BaseEndpoint == nil {
			o.EndpointOptions.UseDualStackEndpoint = sdk.DualStackEndpointStateEnabled
		}
	}), nil
}
