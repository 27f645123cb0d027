// Package aws says how Amazon Web Services are reached: with whose credentials, at which endpoint, and what their errors mean.
// It knows no service but STS, which gives credentials for an OIDC token; a service's room takes the configuration from here.
package aws

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// Options are what a caller says of AWS; the zero value is no credentials.
type Options struct {
	// RoleARN and WebIdentityToken, an OIDC token of a CI provider, stand together. They beat the keys in Credentials.
	RoleARN, WebIdentityToken string
	// SessionName is what CloudTrail calls the session of the role. Default: made of Subject.
	SessionName string
	// Subject is what the session is for, such as a repository's name.
	Subject string
	// Credentials are the text that aws configure export-credentials prints, in any of its formats; AWS's other variables may
	// stand in it, one a line.
	Credentials string
	// EndpointURL takes the place of every service's own address. It beats AWS_ENDPOINT_URL in Credentials.
	EndpointURL string
	// Endpoint gives host:port that all connections to AWS go to, for an endpoint that only the caller reaches; nil for none.
	// It is asked once, when it is needed. Without an EndpointURL it is spoken to in plain http.
	Endpoint func(context.Context) (address string, err error)
	// Authorities vouch for certificates; nil for the system's.
	Authorities *x509.CertPool

	// now is a seam for tests; nil for the clock.
	now func() time.Time
}

// Access reaches AWS. It is safe for concurrent use.
type Access struct {
	options  Options
	settings settings
	// keys are those of Options.Credentials; role is the session of Options.RoleARN. One of them at most is there.
	keys *sdk.Credentials
	role *role

	mu       sync.Mutex
	endpoint string
}

// roleARN, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
var roleARN = regexp.MustCompile(`^arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)

// CheckRole refuses what is no ARN of a role; the error says what one looks like.
func CheckRole(arn string) error {
	if !roleARN.MatchString(arn) {
		return errors.New("want arn:aws:iam::ACCOUNT:role/NAME, ACCOUNT of 12 digits, such as arn:aws:iam::123456789012:role/ci")
	}
	return nil
}

// sessionName, https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// New reads the options and connects to nothing. What they say wrong is an error here, before anything is built.
func New(o Options) (*Access, error) {
	if o.now == nil {
		o.now = time.Now
	}
	a := &Access{options: o}
	byRole := o.RoleARN != "" || o.WebIdentityToken != ""
	if o.Credentials != "" {
		if err := a.readCredentials(!byRole); err != nil {
			return nil, err
		}
	}
	if byRole {
		if err := a.readRole(); err != nil {
			return nil, err
		}
	} else if o.SessionName != "" {
		return nil, fmt.Errorf("reading --aws-role-session-name %q: it wants --aws-role-arn and --aws-web-identity-token with it", o.SessionName)
	}
	return a, a.checkEndpoint()
}

func (a *Access) readRole() error {
	o := a.options
	switch {
	case o.WebIdentityToken == "":
		return fmt.Errorf("reading --aws-role-arn %q: it wants --aws-web-identity-token with it, such as --aws-web-identity-token env://AWS_ID_TOKEN", o.RoleARN)
	case o.RoleARN == "":
		return fmt.Errorf("reading --aws-web-identity-token: it wants --aws-role-arn with it, such as arn:aws:iam::123456789012:role/ci")
	case CheckRole(o.RoleARN) != nil:
		return fmt.Errorf("reading --aws-role-arn %q: %w", o.RoleARN, CheckRole(o.RoleARN))
	case o.SessionName != "" && !sessionName.MatchString(o.SessionName):
		return fmt.Errorf("reading --aws-role-session-name %q: want 2 to 64 letters, digits or any of _+=,.@-", o.SessionName)
	}
	name := o.SessionName
	if name == "" {
		name = sessionFor(o.Subject)
	}
	a.role = &role{arn: o.RoleARN, token: o.WebIdentityToken, session: name, now: o.now}
	return nil
}

// sessionFor makes a session's name of what it is for.
func sessionFor(subject string) string {
	name := regexp.MustCompile(`[^\w+=,.@-]+`).ReplaceAllString(subject, "-")
	if len(name) > 64 {
		name = name[len(name)-64:] // the end of a repository's name says more than its start
	}
	if len(name) < 2 {
		return "dotnet-multiarch"
	}
	return name
}

// Given says whether there are credentials.
func (a *Access) Given() bool { return a.role != nil || a.keys != nil }

// Region is the one that the caller's credentials name, AWS_REGION or else AWS_DEFAULT_REGION; "" where they name none. firm is
// false where it is only a default.
func (a *Access) Region() (region string, firm bool) {
	if a.settings.Region != "" {
		return a.settings.Region, true
	}
	return a.settings.DefaultRegion, false
}

// Missing is the error where an image or a service wants credentials and there are none. The other ways are those that were
// tried besides AWS's.
func (a *Access) Missing(doing string, others ...string) error {
	tried := append([]string{"--aws-role-arn with --aws-web-identity-token", "--aws-credentials"}, others...)
	return fmt.Errorf("%s: no credentials; tried %s, and none is given: in CI give --aws-role-arn ARN --aws-web-identity-token env://AWS_ID_TOKEN, on your own machine --aws-credentials 'cmd://aws configure export-credentials --format env-no-export'", doing, strings.Join(tried, ", "))
}

// Config is what a client of the SDK is made of, for one region. An OIDC token is exchanged when this is first called: it lives
// for minutes, so that callers do it before they build. The session is kept, also for other regions.
func (a *Access) Config(ctx context.Context, region string) (sdk.Config, error) {
	if !a.Given() {
		return sdk.Config{}, a.Missing("reaching AWS in " + region)
	}
	c := sdk.Config{
		Region: region,
		// Throttling slows the next requests down as well: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
		Retryer: func() sdk.Retryer {
			return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
				o.StandardOptions = append(o.StandardOptions, func(s *retry.StandardOptions) {
					s.MaxAttempts = attempts
					s.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(quota)}, s.Retryables...)
				})
			})
		},
		AppID: "dotnet-multiarch",
	}
	if err := a.reach(ctx, &c); err != nil {
		return sdk.Config{}, err
	}
	if a.keys != nil {
		c.Credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) { return *a.keys, nil })
		return c, nil
	}
	if err := a.role.begin(ctx, c); err != nil {
		return sdk.Config{}, err
	}
	c.Credentials = a.role
	return c, nil
}

// quota says of an error that a quota of the account is used up, which no other try changes. The SDK takes it for throttling.
func quota(err error) sdk.Ternary {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "LimitExceededException" {
		return sdk.FalseTernary
	}
	return sdk.UnknownTernary
}

// attempts of one request, the first included: half a minute in all.
const attempts = 6

func (a *Access) checkEndpoint() error {
	if err := a.checkURL("--aws-endpoint-url", a.options.EndpointURL); err != nil {
		return err
	}
	if err := a.checkURL("AWS_ENDPOINT_URL of --aws-credentials", a.settings.EndpointURL); err != nil {
		return err
	}
	for _, service := range slices.Sorted(maps.Keys(a.settings.services)) {
		if err := a.checkURL("AWS_ENDPOINT_URL_"+service+" of --aws-credentials", a.settings.services[service]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Access) checkURL(name, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return fmt.Errorf("reading %s: want http://HOST[:PORT] or https://HOST[:PORT]", name)
	}
	if loopback(u.Hostname()) && a.options.Endpoint == nil {
		return fmt.Errorf("reading %s %q: that is the module's own container here: give --aws-endpoint tcp://%s for an endpoint on your own machine", name, value, u.Host)
	}
	return nil
}
