package ecrtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Registry is a registry of ECR before a plain one: it wants the token of the moment and a repository that exists, refuses
// mounts, and keeps the tags of an immutable repository.
type Registry struct {
	aws    *AWS
	region string
	plain  http.Handler

	mu  sync.Mutex
	log []string
	// Before is called with each request before it is answered; true says that it was.
	Before func(http.ResponseWriter, *http.Request) bool
}

// NewRegistry is the account's registry in a region.
func NewRegistry(aws *AWS, region string, plain http.Handler) *Registry {
	return &Registry{aws: aws, region: region, plain: plain}
}

// Log has a line METHOD PATH for each request that was let in, in order.
func (g *Registry) Log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.log...)
}

// Writes are the lines of the log that are not reads.
func (g *Registry) Writes() (writes []string) {
	for _, line := range g.Log() {
		if !strings.HasPrefix(line, "GET ") && !strings.HasPrefix(line, "HEAD ") {
			writes = append(writes, line)
		}
	}
	return writes
}

var resource = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs)/(.*)$`)

func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.Before != nil && g.Before(w, r) {
		return
	}
	user, password, shown := r.BasicAuth()
	switch {
	case !shown:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, r.Host))
		Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
		return
	case user != "AWS" || password == "" || password != g.aws.Token():
		Refuse(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
		return
	}
	g.mu.Lock()
	g.log = append(g.log, r.Method+" "+r.URL.Path)
	g.mu.Unlock()
	if match := resource.FindStringSubmatch(r.URL.Path); match != nil {
		repository, ok := g.aws.Repository(g.region, match[1])
		switch {
		case !ok:
			Refuse(w, http.StatusNotFound, "NAME_UNKNOWN", fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", match[1], Account))
			return
		case r.Method == http.MethodPut && match[2] == "manifests" && g.kept(repository, match[3], r):
			Refuse(w, http.StatusBadRequest, "TAG_INVALID", fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", match[3], match[1]))
			return
		}
	}
	query := r.URL.Query()
	query.Del("mount") // an account grants them only when it is told to
	query.Del("from")
	r.URL.RawQuery = query.Encode()
	g.plain.ServeHTTP(w, r)
}

// kept says whether a tag exists in a repository whose tags are all immutable.
func (g *Registry) kept(repository Repository, reference string, r *http.Request) bool {
	if repository.Mutability != "IMMUTABLE" || strings.HasPrefix(reference, "sha256:") {
		return false
	}
	head := r.Clone(r.Context())
	head.Method, head.Body, head.ContentLength = http.MethodHead, http.NoBody, 0
	answer := httptest.NewRecorder()
	g.plain.ServeHTTP(answer, head)
	return answer.Code == http.StatusOK
}

// Refuse answers as a registry does.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors": [{"code": %q, "message": %q}]}`, code, message)
}

// Certificate is one that vouches for itself and the hosts, for a test's time. It gives its PEM as well.
func Certificate(hosts ...string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
