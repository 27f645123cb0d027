package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explain turns what a registry or the network said into one line of doing, cause and cure; nil stays nil.
func (c *Client) explain(doing string, repository name.Repository, err error) error {
	if err == nil {
		return nil
	}
	host := repository.RegistryStr()
	var refused *transport.Error
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNoLoopback):
		return fmt.Errorf("%s: %w", doing, errNoLoopback)
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %s answered %s%s", doing, host, answer(refused), c.cure(refused, repository))
	case errors.As(err, &dns):
		return fmt.Errorf("%s: the host %s is not known: check the reference's spelling and the network", doing, host)
	case errors.As(err, &certificate):
		return fmt.Errorf("%s: the certificate of %s is not trusted: %w", doing, host, certificate.Err)
	case IsLoopback(host) && closed(err):
		return fmt.Errorf("%s: no registry answers at %s: start one there (./scripts/dagger-local up does), or push elsewhere with --image HOST/REPOSITORY", doing, host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nothing answers at %s: check the host and port", doing, host)
	}
	return fmt.Errorf("%s: %w", doing, oneLine(err))
}

// closed says whether nobody is behind the connection. Through Dagger's tunnel to the caller's machine a refused connection
// looks like one that ends before the answer.
func closed(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) ||
		strings.HasSuffix(err.Error(), ": EOF")
}

func answer(e *transport.Error) string {
	status := fmt.Sprintf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	if len(e.Errors) == 0 {
		return status
	}
	first := e.Errors[0]
	said := strings.ToLower(strings.TrimSpace(first.Message))
	if said == "" {
		said = string(first.Code)
	}
	return status + " (" + said + ")"
}

func (c *Client) cure(e *transport.Error, repository name.Repository) string {
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		if c.options.Username == "" && c.options.Password == "" {
			return ": give --username and --password, such as --password env://REGISTRY_TOKEN"
		}
		return ": check that the user may do this in " + repository.RepositoryStr()
	case http.StatusNotFound:
		return ": check the name and tag"
	case http.StatusTooManyRequests:
		return ": it asks for fewer requests; wait and run the command again"
	case http.StatusInsufficientStorage:
		return ": its disk is full"
	}
	if e.StatusCode >= http.StatusInternalServerError {
		return ": the registry itself failed; run the command again"
	}
	return ""
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
