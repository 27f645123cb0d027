package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// told is an error that already says all, cure included.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// explained is an answer in our words; it unwraps to the answer itself.
type explained struct {
	text   string
	answer *transport.Error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.answer }

// explain turns what a registry or the network said into one line of doing, cause and cure; nil stays nil.
func (c *Client) explain(doing string, repository name.Repository, err error) error {
	if err == nil {
		return nil
	}
	host := repository.RegistryStr()
	var complete told
	var certificate *tls.CertificateVerificationError
	var refused *transport.Error
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &complete):
		return fmt.Errorf("%s: %w", doing, complete.error)
	case errors.As(err, &certificate): // before an answer: where http is allowed it was tried as well
		return fmt.Errorf("%s: %s", doing, c.untrusted(host, certificate.Err))
	case errors.As(err, &refused):
		return explained{fmt.Sprintf("%s: %s answered %s%s", doing, host, answer(refused), c.cure(refused, repository)), refused}
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s: %s speaks plain http, which is used for registries on your own machine alone: give --insecure where that is meant", doing, host)
	case errors.As(err, &dns):
		return fmt.Errorf("%s: the host %s is not known: check the reference's spelling and the network", doing, dns.Name)
	case IsLoopback(host) && closed(err):
		return fmt.Errorf("%s: no registry answers at %s: start one there (./scripts/dagger-local up does), or push elsewhere with --image HOST/REPOSITORY", doing, host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nothing answers at %s: check the host and port", doing, host)
	case errors.Is(err, errPlainHTTP):
		return fmt.Errorf("%s: %w", doing, errPlainHTTP)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, oneLine(err))
	case errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%s: %s does not answer: check the host, the port and what a firewall lets through", doing, host)
	}
	return fmt.Errorf("%s: %w", doing, oneLine(err))
}

// untrusted says what is wrong with a certificate.
func (c *Client) untrusted(host string, err error) string {
	var authority x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority) && c.options.Authorities != nil:
		return fmt.Sprintf("the certificate of %s is signed by an authority that is not in --ca-certificate either: add the one that signed it to that file", host)
	case errors.As(err, &authority):
		return fmt.Sprintf("the certificate of %s is signed by an authority that is not known here: give that authority's certificate with --ca-certificate FILE", host)
	case errors.As(err, &other):
		names := slices.Clone(other.Certificate.DNSNames)
		for _, ip := range other.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("the certificate is for %s and not for %s: use a name that it has, or give the registry a certificate for this one", cmp.Or(strings.Join(names, ", "), "no host"), other.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate of %s is valid from %s to %s: renew it there, or set the clock of this machine", host, day(invalid.Cert.NotBefore), day(invalid.Cert.NotAfter))
	}
	return fmt.Sprintf("the certificate of %s is not trusted: %s", host, oneLine(err))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// closed says whether nobody is behind the connection. Through Dagger's tunnel to the caller's machine a refused connection
// looks like one that ends before the answer.
func closed(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) ||
		strings.HasSuffix(err.Error(), ": EOF")
}

func answer(e *transport.Error) string {
	status := fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	if webPage(e) {
		return status + " with a web page, not as a registry"
	}
	if len(e.Errors) == 0 {
		return status
	}
	first := e.Errors[0]
	said := strings.ToLower(strings.Join(strings.Fields(first.Message), " "))
	if said == "" {
		said = string(first.Code)
	}
	return status + " (" + said + ")"
}

// webPage says whether the answer's body is HTML.
func webPage(e *transport.Error) bool {
	said := strings.ToLower(e.Error())
	return len(e.Errors) == 0 && (strings.Contains(said, "<html") || strings.Contains(said, "<!doctype"))
}

// cure says what to do about an answer, from its status and the codes of the distribution specification,
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
func (c *Client) cure(e *transport.Error, repository name.Repository) string {
	coded := func(code transport.ErrorCode) bool {
		return slices.ContainsFunc(e.Errors, func(d transport.Diagnostic) bool { return d.Code == code })
	}
	switch status := e.StatusCode; {
	case status == http.StatusInsufficientStorage || strings.Contains(strings.ToLower(e.Error()), "no space left"):
		return ": its disk is full: make room there, then run the command again"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return c.denied(e, repository)
	case status == http.StatusTooManyRequests && c.loginOf(repository) == noLogin:
		return ": it limits requests without a login: " + c.giveLogin(repository)
	case status == http.StatusTooManyRequests:
		return ": it asks for fewer requests; wait and run the command again"
	case status == http.StatusRequestEntityTooLarge:
		return ": something before the registry limits the size of a blob, such as nginx by client_max_body_size: raise it there"
	case webPage(e):
		return ": check the host and port"
	case status == http.StatusNotFound && coded(transport.NameUnknownErrorCode):
		return ": check the name; a registry that makes no repository by itself, such as ECR, wants it made first"
	case status == http.StatusNotFound:
		return ": check the name and tag"
	case status >= http.StatusInternalServerError:
		return ": the registry itself failed; run the command again"
	}
	return ""
}

// Where the login of a registry comes from.
const (
	noLogin    = ""
	givenLogin = "--username and --password"
	cloudLogin = "the cloud's credentials"
	inConfig   = "--docker-config"
)

func (c *Client) loginOf(repository name.Repository) string {
	if c.given(repository.RegistryStr()) {
		return givenLogin
	}
	if _, credentials := c.clouds(repository.RegistryStr()); credentials {
		return cloudLogin
	}
	if c.options.Logins != nil {
		if login, _ := c.options.Logins.find(repository); hasLogin(login) {
			return inConfig
		}
	}
	return noLogin
}

// denied is the cure of an answer that wants a login, or another one.
func (c *Client) denied(e *transport.Error, repository name.Repository) string {
	status := e.StatusCode
	its, _ := c.clouds(repository.RegistryStr())
	switch from := c.loginOf(repository); {
	case from == cloudLogin, from == noLogin && its:
		return ": " + c.options.Cloud.Cure(status, e.Request)
	case from == noLogin:
		return ": " + c.giveLogin(repository)
	case status == http.StatusUnauthorized:
		return fmt.Sprintf(": it does not take the login of %s: check user and password, and whether a token expired", from)
	default:
		return fmt.Sprintf(": it takes the login of %s, which may not do this: check that it may in %s", from, repository.RepositoryStr())
	}
}

// giveLogin is the cure where no login is known.
func (c *Client) giveLogin(repository name.Repository) string {
	host := repository.RegistryStr()
	if c.options.Logins != nil {
		if helper, _ := c.options.Logins.helper(repository); helper != "" {
			return c.helperCure(helper, host)
		}
	}
	if canonicalHost(host) == canonicalHost(c.options.Host) {
		return "give --username and --password, such as --password env://REGISTRY_TOKEN, or --docker-config"
	}
	return "give a login for " + host + " with --docker-config, such as --docker-config file://$HOME/.docker/config.json"
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
