package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Cloud is a provider whose registries take logins of the moment, got with its own credentials, and whose repositories are made
// and ruled through its own API.
type Cloud interface {
	// Serves says whether a host is a registry of the cloud, and whether there are credentials for it.
	Serves(host string) (its, credentials bool)
	// Login gives the user and password of the moment. refused is a password that the registry did not take, and no answer
	// then; "" for none. Without credentials it is an error that says what to give, or "" where anybody is let in.
	Login(ctx context.Context, host, refused string) (user, password string, err error)
	// Prepare makes sure that a repository can be pushed to; a dry run writes nothing. keeps says whether a tag that exists
	// stays as it is; sure is false where the repository has no rule for the tag. nil is no rules.
	Prepare(ctx context.Context, host, repository string, dryRun bool) (keeps func(tag string) (keeps, sure bool), err error)
	// Notes are what a user should know of what was done, also where something failed later.
	Notes() []string
	// Unused says, when all is done, that credentials are there and nothing of the cloud's was asked for; "" otherwise.
	Unused() string
	// Cure says what to do about a status 401 or 403 that a request with the cloud's login got; nil where it is not known.
	Cure(status int, request *http.Request) string
}

// Notes are what the cloud did for this client, for the user, when all is done.
func (c *Client) Notes() []string {
	if c == nil || c.options.Cloud == nil {
		return nil
	}
	notes := c.options.Cloud.Notes()
	if unused := c.options.Cloud.Unused(); unused != "" {
		notes = append(notes, unused)
	}
	return notes
}

// Noted ends an error with what the cloud did before it, which stays: such as a repository that was made. nil stays nil.
func (c *Client) Noted(err error) error {
	if err == nil || c.options.Cloud == nil {
		return err
	}
	separator := "; "
	if strings.Contains(err.Error(), "\n") { // a tool's own lines
		separator = "\n"
	}
	for _, note := range c.options.Cloud.Notes() {
		err = fmt.Errorf("%w%snote: %s", err, separator, note)
	}
	return err
}

// Login gives a registry's user and password for a client that knows no more than these, which is what pulls the images of build
// steps. ok is false where none is known.
func (c *Client) Login(ctx context.Context, reference string) (host, username, password string, ok bool, err error) {
	if ref, err := parse(reference); err == nil {
		host = ref.Context().RegistryStr()
		if _, credentials := c.clouds(host); credentials {
			username, password, err = c.options.Cloud.Login(ctx, host, "")
			return host, username, password, err == nil, err
		}
	}
	if c.options.Logins == nil {
		return "", "", "", false, nil
	}
	host, username, password, ok = c.options.Logins.Login(reference)
	return host, username, password, ok, nil
}

// clouds says whether the cloud serves a host, and whether its credentials are used there.
func (c *Client) clouds(host string) (its, credentials bool) {
	if c.options.Cloud == nil || c.given(host) {
		return false, false
	}
	return c.options.Cloud.Serves(host)
}

// prepare lets the cloud see to a repository before anything is asked of its registry, once.
func (c *Client) prepare(ctx context.Context, repository name.Repository, dryRun bool) error {
	if _, credentials := c.clouds(repository.RegistryStr()); !credentials {
		return nil
	}
	if _, done := c.rules.Load(repository.Name()); done {
		return nil
	}
	keeps, err := c.options.Cloud.Prepare(ctx, repository.RegistryStr(), repository.RepositoryStr(), dryRun)
	if err != nil {
		return err
	}
	c.rules.Store(repository.Name(), keeps)
	return nil
}

// keeps says why a tag that exists stays as it is, "" where it may move. Where the repository has a rule of its own for the tag,
// that is what counts: it may let a tag move which --immutable-tags would keep.
func (c *Client) keeps(tag name.Tag, immutable bool) (why string) {
	if rule, _ := c.rules.Load(tag.Context().Name()); rule != nil {
		if rule, _ := rule.(func(string) (bool, bool)); rule != nil {
			if keeps, sure := rule(tag.TagStr()); sure {
				if keeps {
					return "the repository keeps it, which is immutable there"
				}
				return ""
			}
		}
	}
	if immutable {
		return "--immutable-tags keeps it"
	}
	return ""
}

// visitor is a login of the moment.
type visitor struct {
	cloud Cloud
	host  string
}

func (v visitor) Authorization() (*authn.AuthConfig, error) {
	return v.AuthorizationContext(context.Background())
}

func (v visitor) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	user, password, err := v.cloud.Login(ctx, v.host, "")
	if err != nil {
		return nil, told{err}
	}
	return &authn.AuthConfig{Username: user, Password: password}, nil
}

// wire is what requests go through: where there is a cloud, with logins that are renewed on the way.
func (c *Client) wire() http.RoundTripper {
	if c.options.Cloud == nil {
		return c.transport
	}
	return renewal{c}
}

// renewal asks the cloud for another login when a registry refuses the one that was shown, and sends the request again. A blob's
// bytes cannot be sent again from here: their upload starts anew, which the request's story asks for.
type renewal struct{ c *Client }

func (t renewal) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.c.transport.RoundTrip(r)
	_, shown, basic := r.BasicAuth()
	if err != nil || !basic {
		return response, err
	}
	if _, credentials := t.c.clouds(r.URL.Host); !credentials {
		return response, nil
	}
	if response.StatusCode != http.StatusUnauthorized && response.StatusCode != http.StatusForbidden {
		t.c.fruitless.CompareAndDelete(r.URL.Host, shown)
		return response, nil
	}
	if known, _ := t.c.fruitless.Load(r.URL.Host); known == shown {
		return response, nil // it is not the login that is refused
	}
	user, password, err := t.c.options.Cloud.Login(r.Context(), r.URL.Host, shown)
	if err != nil {
		response.Body.Close()
		return nil, told{err}
	}
	if !repeatable(r) {
		storyOf(r.Context()).startAnew()
		return response, nil
	}
	again := r.Clone(r.Context())
	again.SetBasicAuth(user, password)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	response.Body.Close()
	if response, err = t.c.transport.RoundTrip(again); err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		t.c.fruitless.Store(r.URL.Host, password)
	}
	return response, nil
}
