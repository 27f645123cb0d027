package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// errPlainHTTP: a token or a layer would be readable on the way.
var errPlainHTTP = errors.New("it leads to plain http, which is used for registries on your own machine alone: give --insecure where that is meant")

// newTransport connects to registries: loopback through the caller's service, plain http only where it is allowed.
func newTransport(o Options, l *loopback) http.RoundTripper {
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	dial := o.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if o.Detour != nil {
			host, _, _ := net.SplitHostPort(address)
			switch by, ok, err := o.Detour(ctx, host); {
			case err != nil:
				return nil, told{err}
			case ok:
				return dial(ctx, network, by)
			}
		}
		if IsLoopback(address) {
			var err error
			if address, _, err = l.at(ctx); err != nil {
				return nil, err
			}
		}
		return dial(ctx, network, address)
	}
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: o.Insecure} //nolint:gosec // the caller's --insecure
	if o.Authorities != nil {
		transport.TLSClientConfig.RootCAs = o.Authorities.pool
	}
	return &schemes{base: transport, insecure: o.Insecure}
}

// schemes keeps plain http to loopback and --insecure. go-containerregistry would also fall back to it for private addresses.
// With --insecure a host that does not speak https is spoken to in plain http, from its first request, which has no body.
type schemes struct {
	base     http.RoundTripper
	insecure bool
	plain    sync.Map
}

func (s *schemes) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" && !s.insecure && !IsLoopback(r.URL.Host) {
		return nil, errPlainHTTP
	}
	if r.URL.Scheme != "https" || !s.insecure {
		return s.base.RoundTrip(r)
	}
	if _, known := s.plain.Load(r.URL.Host); known {
		return s.base.RoundTrip(inPlain(r))
	}
	response, err := s.base.RoundTrip(r)
	if err == nil || r.Context().Err() != nil || r.Body != nil && r.Body != http.NoBody {
		return response, err
	}
	again, failed := s.base.RoundTrip(inPlain(r))
	if failed != nil {
		return nil, err
	}
	s.plain.Store(r.URL.Host, true)
	return again, nil
}

func inPlain(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return r
}

// Authorities vouch for the certificates of registries.
type Authorities struct{ pool *x509.CertPool }

// Pool has them with the system's, for clients of other services; nil for the system's alone.
func (a *Authorities) Pool() *x509.CertPool {
	if a == nil {
		return nil
	}
	return a.pool
}

// ParseAuthorities reads certificates of authorities in PEM, which are trusted besides the system's.
func ParseAuthorities(pem []byte) (*Authorities, error) {
	pool, err := x509.SystemCertPool()
	if err != nil { // none on this system
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading --ca-certificate: there is no certificate in it: want PEM, lines from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; openssl x509 -inform der -in FILE makes that of a binary one")
	}
	return &Authorities{pool}, nil
}
