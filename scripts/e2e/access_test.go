//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// promotion is what --format json of copy and tag promises, docs/registries.md.
type promotion struct {
	Reference, From, Digest string
	Tags                    []string
	Platforms               []struct {
		Platform, Digest string
		Size             int64
	}
	Manifests int
	Blobs     struct{ Sent, Mounted, Present int }
	BytesSent int64
	Seconds   map[string]float64
	Notes     []string
}

// promote runs copy or tag: arguments of the constructor, then the function with its own.
func promote(t *testing.T, constructor []string, function ...string) promotion {
	t.Helper()
	r := dagger(t, append(append([]string{"--silent", "call"}, constructor...), append(function, "--format", "json")...)...)
	if r.code != 0 {
		t.Fatalf("%q: code %d\n%s", function, r.code, tail(r.stderr))
	}
	var p promotion
	if err := json.Unmarshal([]byte(r.stdout), &p); err != nil {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	return p
}

// guarded is a registry that wants a login, on an address that is not loopback. With a certificate it speaks https.
func guarded(t *testing.T, withCertificate bool) (host string, certificate []byte) {
	t.Helper()
	backend := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != "hunter2" {
			w.Header().Set("WWW-Authenticate", `Basic realm="e2e"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	})
	address := outward(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(address.String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = listener
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	if !withCertificate {
		server.Start()
		return listener.Addr().String(), nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{address}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	return listener.Addr().String(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// outward is an address of this machine that a container reaches.
func outward(t *testing.T) net.IP {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return network.IP
		}
	}
	t.Skip("this machine has no address but loopback: give it a network")
	return nil
}

// loggedIn writes a config.json with a login for the hosts, and gives its path.
func loggedIn(t *testing.T, hosts ...string) string {
	t.Helper()
	auths := map[string]map[string]string{}
	for _, h := range hosts {
		auths[h] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("robot:hunter2"))}
	}
	text, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "config.json", text)
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// same fails unless the index and all its manifests are there, byte for byte.
func same(t *testing.T, from, to string, options ...remote.Option) {
	t.Helper()
	var manifests [][]byte
	for _, reference := range []string{from, to} {
		ref, err := name.ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		index, err := remote.Index(ref, options...)
		if err != nil {
			t.Fatalf("%s: %v", reference, err)
		}
		if err := validate.Index(index, validate.Fast); err != nil {
			t.Errorf("%s: %v", reference, err)
		}
		raw, err := index.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, raw)
	}
	if !slices.Equal(manifests[0], manifests[1]) {
		t.Errorf("%s is %s\n%s is %s", from, manifests[0], to, manifests[1])
	}
}

func TestCopyPromotesADigestAndTagNamesIt(t *testing.T) {
	t.Parallel()
	from := repository(t)
	to := from + "/production"
	built, _ := push(t, nil, []string{"--image", from})
	copied := promote(t, nil, "copy", "--from", built.Reference, "--to", to+":1.0", "--tag", "stable")
	if copied.Digest != built.Digest || copied.Reference != to+"@"+built.Digest || copied.From != built.Reference {
		t.Errorf("built %s, copied %+v", built.Reference, copied)
	}
	if copied.Manifests != 2 || len(copied.Platforms) != 2 || copied.Platforms[1].Platform != "linux/arm64" || copied.Platforms[1].Size != built.Platforms[1].Size {
		t.Errorf("copied %+v", copied)
	}
	if copied.Blobs.Sent != 0 || copied.Blobs.Mounted == 0 {
		t.Errorf("within a registry blobs are mounted: %+v", copied.Blobs)
	}
	same(t, built.Reference, to+":1.0")
	same(t, built.Reference, to+":stable")
	if again := promote(t, nil, "copy", "--from", built.Reference, "--to", to+":1.0"); again.BytesSent != 0 {
		t.Errorf("a second copy sent %d bytes", again.BytesSent)
	}

	tagged := promote(t, nil, "tag", "--image", copied.Reference, "--tag", "2.0", "--tag", "latest")
	if tagged.Digest != built.Digest || !slices.Equal(tagged.Tags, []string{"2.0", "latest"}) || tagged.Blobs.Sent+tagged.Blobs.Mounted != 0 {
		t.Errorf("tagged %+v", tagged)
	}
	same(t, built.Reference, to+":2.0")
	same(t, built.Reference, to+":latest")
	absent := to + "@sha256:" + strings.Repeat("a", 64)
	r := dagger(t, "--silent", "call", "tag", "--image", absent, "--tag", "nowhere")
	if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "tagging "+absent+": it is not there") {
		t.Errorf("code %d\n%s", r.code, message)
	}
}

func TestCopyToARegistryOfItsOwn(t *testing.T) {
	t.Parallel()
	from := repository(t)
	built, _ := push(t, nil, []string{"--image", from})
	plain, _ := guarded(t, false)
	secure, certificate := guarded(t, true)
	config, authority := loggedIn(t, plain, "https://"+secure+"/v1/"), file(t, "ca.pem", certificate)
	login := []string{"--docker-config", "file://" + config}
	for _, c := range []struct {
		name, to    string
		constructor []string
		function    []string
		says        []string // nil: it works
	}{
		{"plain http", plain, login, nil, []string{plain + " speaks plain http", "--insecure"}},
		{"plain http, --insecure", plain, append([]string{"--insecure"}, login...), nil, nil},
		{"an authority that nobody knows", secure, login, nil, []string{"--ca-certificate FILE"}},
		{"no login", secure, []string{"--ca-certificate", authority}, nil, []string{"401 Unauthorized", "--username and --password", "--docker-config"}},
		{"a config that is none", secure, []string{"--docker-config", "file://" + authority}, nil, []string{"reading --docker-config: it is not the JSON"}},
		{"an authority that is none", secure, []string{"--ca-certificate", config}, nil, []string{"reading --ca-certificate", "PEM"}},
		{"a user without a password", secure, nil, []string{"--username", "robot"}, []string{"--username wants --password"}},
		{"--ca-certificate and --docker-config", secure, append([]string{"--ca-certificate", authority}, login...), nil, nil},
		{"--username and --password of a command", secure, []string{"--ca-certificate", authority}, []string{"--username", "robot", "--password", "cmd://echo hunter2"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := fmt.Sprintf("%s/production/%d", c.to, time.Now().UnixNano())
			function := append([]string{"copy", "--from", built.Reference, "--to", to + ":1.0"}, c.function...)
			if c.says != nil {
				r := dagger(t, append(append([]string{"--silent", "call"}, c.constructor...), function...)...)
				message := finalError(r.stderr)
				for _, s := range c.says {
					if !strings.Contains(message, s) {
						t.Errorf("code %d, and the error does not say %q:\n%s", r.code, s, message)
					}
				}
				if r.code == 0 || strings.Contains(r.stderr, "hunter2") {
					t.Errorf("code %d\n%s", r.code, r.stderr)
				}
				return
			}
			copied := promote(t, c.constructor, function...)
			if copied.Digest != built.Digest || copied.Manifests != 2 {
				t.Errorf("copied %+v", copied)
			}
			for _, p := range copied.Platforms {
				if !slices.ContainsFunc(built.Platforms, func(b struct {
					Platform, Digest string
					Size, AppSize    int64
				}) bool {
					return b.Platform == p.Platform && b.Digest == p.Digest && b.Size == p.Size
				}) {
					t.Errorf("%+v is not in what was built: %+v", p, built.Platforms)
				}
			}
		})
	}
}

// TestTheEnginePullsWithTheLoginOfDockerConfig: the engine takes plain http for loopback, so that a proxy which wants a login
// can stand before the registry with the SDK image.
func TestTheEnginePullsWithTheLoginOfDockerConfig(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	for _, c := range []struct {
		name, entry string
		challenge   func(host string) string
		token       http.HandlerFunc
		login       string
	}{
		{"user and password", `{"auth": "cm9ib3Q6aHVudGVyMg=="}`, func(string) string { return `Basic realm="e2e"` }, http.NotFound, "Basic cm9ib3Q6aHVudGVyMg=="},
		{"identity token", `{"identitytoken": "refresh-me"}`, func(host string) string { return `Bearer realm="http://` + host + `/token",service="e2e"` },
			func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("grant_type") != "refresh_token" || r.FormValue("refresh_token") != "refresh-me" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				fmt.Fprint(w, `{"access_token":"let-me-in"}`)
			}, "Bearer let-me-in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var letIn atomic.Int64
			proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host(t)})
			guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/token":
					c.token(w, r)
				case r.Header.Get("Authorization") != c.login:
					w.Header().Set("WWW-Authenticate", c.challenge(r.Host))
					w.WriteHeader(http.StatusUnauthorized)
				default:
					letIn.Add(1)
					proxy.ServeHTTP(w, r)
				}
			}))
			t.Cleanup(guard.Close)
			at := strings.TrimPrefix(guard.URL, "http://")
			call := []string{"--silent", "call", "--sdk-image", at + "/dotnet/sdk:10.0", "--runtime-image", host(t) + "/dotnet/aspnet:10.0"}
			if r := dagger(t, append(call, "describe")...); r.code == 0 || !strings.Contains(finalError(r.stderr), "fetching the SDK image "+at) {
				t.Errorf("without a login: code %d\n%s", r.code, finalError(r.stderr))
			}
			if letIn.Load() != 0 {
				t.Error("something was let in without a login")
			}
			config := file(t, "config.json", []byte(`{"auths": {"`+at+`": `+c.entry+`}}`))
			for range 2 { // a login is a session's
				r := dagger(t, append(call, "--docker-config", "file://"+config, "describe")...)
				if r.code != 0 || !strings.Contains(r.stdout, at+"/dotnet/sdk:10.0") || letIn.Load() == 0 {
					t.Errorf("with a login: code %d, %d requests let in\n%s%s", r.code, letIn.Load(), r.stdout, tail(r.stderr))
				}
			}
		})
	}
}

// TestABaseOnLoopbackThatOnlyTheProjectNames: neither the target nor the base registry says that loopback will be reached.
func TestABaseOnLoopbackThatOnlyTheProjectNames(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	source := sample(t, "loopback")
	edit(t, filepath.Join(source, "src", "SampleApp.Api", "SampleApp.Api.csproj"), "</Project>",
		"<PropertyGroup><ContainerBaseImage>"+host(t)+"/dotnet/aspnet:10.0</ContainerBaseImage></PropertyGroup></Project>")
	target, _ := guarded(t, false)
	p, _ := push(t, []string{
		"--source", source, "--base-registry", "mcr.microsoft.com", "--sdk-image", host(t) + "/dotnet/sdk:10.0",
		"--insecure", "--docker-config", "file://" + loggedIn(t, target),
	}, []string{"--image", target + "/app"})
	if p.Base != "localhost/dotnet/aspnet:10.0" || !strings.HasPrefix(p.Reference, target+"/app@sha256:") {
		t.Errorf("pushed %+v", p)
	}
}
