package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// hosts is a network of registries by their names, host:port; all else is unknown there.
type hosts map[string]*httptest.Server

func (w hosts) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if IsLoopback(address) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	server, known := w[strings.TrimSuffix(strings.TrimSuffix(address, ":443"), ":80")]
	if !known {
		host, _, _ := net.SplitHostPort(address)
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
}

// client of the hosts; a server of it is trusted where its certificate is among the authorities.
func (w hosts) client(o Options) *Client {
	o.dial, o.patience = w.dial, (&clock{}).patience()
	return New(o)
}

// guard lets a request pass to the registry behind it with a login only, as the registry's challenge asks for it: basic or bearer.
type guard struct {
	bearer   bool
	identity string // a refresh token that the token server takes
	registry http.Handler
	mu       sync.Mutex
	shown    []string
}

const user, secret = "robot", "hunter2"

func newGuard(bearer bool) *guard {
	return &guard{bearer: bearer, identity: "refresh-me", registry: memory.New(memory.Logger(log.New(io.Discard, "", 0)))}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.shown = append(g.shown, r.Header.Get("Authorization"))
	g.mu.Unlock()
	name, password, _ := r.BasicAuth()
	authentic := name == user && password == secret
	switch {
	case r.URL.Path == "/token":
		if r.Method == http.MethodPost {
			authentic = r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == g.identity
		}
		if !authentic {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"token":"let-me-in","access_token":"let-me-in"}`)
	case g.bearer && r.Header.Get("Authorization") != "Bearer let-me-in":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="test"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	case !g.bearer && !authentic:
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
	default:
		g.registry.ServeHTTP(w, r)
	}
}

// wasShown says whether a login reached the registry.
func (g *guard) wasShown(login string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.shown, login)
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// secured serves https with a certificate for the names, valid for years from a day on. It gives that certificate in PEM.
func secured(t *testing.T, handler http.Handler, from time.Time, years int, names ...string) (*httptest.Server, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: from, NotAfter: from.AddDate(years, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func authorities(t *testing.T, pems ...[]byte) *Authorities {
	t.Helper()
	a, err := ParseAuthorities(bytes.Join(pems, nil))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func logins(t *testing.T, text string) *DockerConfig {
	t.Helper()
	d, err := ParseDockerConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var lastYear = time.Now().AddDate(-1, 0, 0)

func TestEveryFormOfLoginIsTaken(t *testing.T) {
	const host = "registry.example.com"
	login := basic(user, secret)
	for _, c := range []struct {
		name, config string
		bearer       bool
	}{
		{"auth", `{"auths": {"registry.example.com": {"auth": "` + login + `"}}}`, false},
		{"auth, bearer", `{"auths": {"registry.example.com": {"auth": "` + login + `"}}}`, true},
		{"username and password", `{"auths": {"registry.example.com": {"username": "robot", "password": "hunter2"}}}`, true},
		{"identity token", `{"auths": {"registry.example.com": {"auth": "` + basic("00000000", "") + `", "identitytoken": "refresh-me"}}}`, true},
		{"registry token", `{"auths": {"registry.example.com": {"registrytoken": "let-me-in"}}}`, true},
		{"key with scheme", `{"auths": {"https://registry.example.com": {"auth": "` + login + `"}}}`, true},
		{"key with scheme and path", `{"auths": {"https://registry.example.com/v1/": {"auth": "` + login + `"}}}`, true},
		{"key with path", `{"auths": {"registry.example.com/v2/": {"auth": "` + login + `"}}}`, true},
		{"key with the port of https", `{"auths": {"https://registry.example.com:443": {"auth": "` + login + `"}}}`, true},
		{"key of the namespace before that of the registry", `{"auths": {"registry.example.com": {"auth": "` + basic("x", "y") + `"}, "registry.example.com/team": {"auth": "` + login + `"}, "registry.example.com/tea": {"auth": "` + basic("x", "z") + `"}}}`, false},
		{"an old key without a login beside one with it", `{"auths": {"registry.example.com": {}, "https://registry.example.com/v1/": {"auth": "` + login + `"}}}`, false},
		{"a helper for another registry", `{"credHelpers": {"gcr.io": "gcloud"}, "auths": {"registry.example.com": {"auth": "` + login + `"}}}`, true},
		{"a helper for all, and yet a login", `{"credsStore": "desktop", "auths": {"registry.example.com": {"auth": "` + login + `"}}}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, certificate := secured(t, newGuard(c.bearer), lastYear, 2, host)
			client := hosts{host: server}.client(Options{Authorities: authorities(t, certificate), Logins: logins(t, c.config)})
			to := target(t, host+"/team/app:1")
			if err := client.Check(context.Background(), to); err != nil {
				t.Fatal(err)
			}
			idx := index(t)
			digest, _, err := client.Push(context.Background(), idx, to)
			if err != nil {
				t.Fatal(err)
			}
			bases, err := client.Bases(context.Background(), host+"/team/app:1", "x", platform.Default())
			if err != nil || len(bases) != 2 {
				t.Errorf("pushed %s, read back %d bases, %v", digest, len(bases), err)
			}
		})
	}
}

func TestDockerHubsKeyIsOdd(t *testing.T) {
	for _, key := range []string{"https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://registry-1.docker.io"} {
		d := logins(t, `{"auths": {"`+key+`": {"auth": "`+basic(user, secret)+`"}}}`)
		host, name, password, ok := d.Login("docker.io/me/app")
		if host != "index.docker.io" || name != user || password != secret || !ok {
			t.Errorf("%s: %s, %s, %v", key, host, name, ok)
		}
	}
}

func TestLoginForTheEngine(t *testing.T) {
	d := logins(t, `{"credHelpers": {"gcr.io": "gcloud"}, "auths": {"a.example:5000": {"auth": "`+basic("me", "s:1")+`"}, "b.example": {"identitytoken": "i"}, "c.example": {"registrytoken": "r"}, "d.example": {}}}`)
	for reference, want := range map[string]string{
		"a.example:5000/dotnet/sdk:10.0": "a.example:5000 me s:1 true", "b.example/sdk": "b.example  i true",
		"a.example/sdk": "a.example   false", "c.example/sdk": "c.example   false", "d.example/sdk": "d.example   false", "gcr.io/sdk": "gcr.io   false", "//": "   false",
	} {
		host, name, password, ok := d.Login(reference)
		if got := fmt.Sprint(host, " ", name, " ", password, " ", ok); got != want {
			t.Errorf("%s: %q, want %q", reference, got, want)
		}
	}
}

func TestALoginIsShownToItsRegistryAlone(t *testing.T) {
	mine, other := newGuard(false), newGuard(false)
	a, pemA := secured(t, mine, lastYear, 2, "a.example")
	b, pemB := secured(t, other, lastYear, 2, "b.example")
	w := hosts{"a.example": a, "b.example": b, "a.example:5000": b}
	ca := authorities(t, pemA, pemB)
	for _, c := range []struct {
		name    string
		options Options
	}{
		{"given", Options{Host: "a.example", Username: user, Password: secret}},
		{"in the config", Options{Logins: logins(t, `{"auths": {"a.example": {"auth": "`+basic(user, secret)+`"}}}`)}},
		{"the given one before the config's", Options{Host: "a.example", Username: user, Password: secret, Logins: logins(t, `{"auths": {"a.example": {"auth": "`+basic("x", "y")+`"}}}`)}},
		{"the given one before a helper", Options{Host: "a.example", Username: user, Password: secret, Logins: logins(t, `{"credHelpers": {"a.example": "pass"}}`)}},
	} {
		c.options.Authorities = ca
		client := w.client(c.options)
		if err := client.Check(context.Background(), target(t, "a.example/app")); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, foreign := range []string{"b.example/app", "a.example:5000/app"} {
			if err := client.Check(context.Background(), target(t, foreign)); err == nil {
				t.Errorf("%s: %s lets in", c.name, foreign)
			}
		}
	}
	if !mine.wasShown("Basic "+basic(user, secret)) || other.wasShown("Basic "+basic(user, secret)) {
		t.Error("the login was not shown to its registry, or to another")
	}
	if mine.wasShown("Basic " + basic("x", "y")) {
		t.Error("the config's login was shown although one was given")
	}
}

func TestHelpersAreNamed(t *testing.T) {
	server, certificate := secured(t, newGuard(true), lastYear, 2, "a.example", "index.docker.io")
	w := hosts{"a.example": server, "index.docker.io": server}
	for _, c := range []struct {
		name, config, reference string
		target                  bool
		says                    []string
	}{
		{"the registry's own", `{"credHelpers": {"https://a.example": "ecr-login"}}`, "a.example/me/app", true, []string{"docker-credential-ecr-login", "cannot run", `--password cmd://"echo a.example | docker-credential-ecr-login get | jq -r .Secret"`}},
		{"the one for all, with an entry of docker login", `{"credsStore": "desktop", "auths": {"a.example": {}}}`, "a.example/me/app", true, []string{"docker-credential-desktop", "--password cmd://"}},
		{"the one for all, without an entry", `{"credsStore": "osxkeychain"}`, "a.example/me/app", true, []string{"401", "docker-credential-osxkeychain", "--password cmd://"}},
		{"Docker Hub", `{"credsStore": "desktop", "auths": {"https://index.docker.io/v1/": {}}}`, "me/app", true, []string{"echo https://index.docker.io/v1/ | docker-credential-desktop get"}},
		{"of a base", `{"credHelpers": {"a.example": "pass"}}`, "a.example/me/app", false, []string{"resolving base image a.example/me/app", "docker-credential-pass", "a config that holds the login itself"}},
	} {
		options := Options{Authorities: authorities(t, certificate), Logins: logins(t, c.config)}
		var err error
		if to := target(t, c.reference); c.target {
			options.Host = to.Repository.RegistryStr()
			err = w.client(options).Check(context.Background(), to)
		} else {
			_, err = w.client(options).Bases(context.Background(), c.reference, "x", platform.Default())
		}
		checkLine(t, c.name, err, c.says...)
	}
}

func TestABadDockerConfigShowsNothingOfItself(t *testing.T) {
	for text, says := range map[string]string{
		"": "it is empty", " \n": "it is empty", "hunter2": "not the JSON", `{"auths": {"a.example": {"auth": "hunter2"}}}`: "USER:PASSWORD in base64",
		`{"auths": {"a.example": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("hunter2")) + `"}}}`: "USER:PASSWORD in base64",
		`{"auths": "hunter2"}`: "not the JSON", `["hunter2"]`: "not the JSON",
	} {
		_, err := ParseDockerConfig(text)
		checkLine(t, text, err, "reading --docker-config", says)
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	const host = "registry.example.com"
	open := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	good, goodPEM := secured(t, open, lastYear, 2, host)
	expired, expiredPEM := secured(t, open, lastYear.AddDate(-2, 0, 0), 1, host)
	early, earlyPEM := secured(t, open, time.Now().AddDate(1, 0, 0), 1, host)
	named, namedPEM := secured(t, open, lastYear, 2, "other.example.com", "third.example.com")
	plain := httptest.NewServer(open)
	t.Cleanup(plain.Close)
	for _, c := range []struct {
		name        string
		server      *httptest.Server
		authorities *Authorities
		insecure    bool
		host        string
		says        []string // nil: it works
	}{
		{"trusted", good, authorities(t, goodPEM), false, host, nil},
		{"among others", good, authorities(t, expiredPEM, namedPEM, goodPEM), false, host, nil},
		{"unknown authority", good, nil, false, host, []string{"an authority that is not known here", "--ca-certificate FILE"}},
		{"unknown authority with --ca-certificate", good, authorities(t, namedPEM), false, host, []string{"not in --ca-certificate either"}},
		{"expired", expired, authorities(t, expiredPEM), false, host, []string{"is valid from", " to " + lastYear.AddDate(-1, 0, 0).UTC().Format(time.DateOnly), "renew it"}},
		{"not valid yet", early, authorities(t, earlyPEM), false, host, []string{"is valid from", "clock"}},
		{"another host's", named, authorities(t, namedPEM), false, host, []string{"is for other.example.com, third.example.com and not for registry.example.com"}},
		{"plain http", plain, nil, false, host, []string{"speaks plain http", "--insecure"}},
		{"plain http on a private address", plain, nil, false, "10.0.0.7:5000", []string{"speaks plain http", "--insecure"}},
		{"a certificate on a private address", good, nil, false, "10.0.0.7:5000", []string{"is for registry.example.com and not for 10.0.0.7"}},
		{"insecure: unknown authority", good, nil, true, host, nil},
		{"insecure: expired", expired, nil, true, host, nil},
		{"insecure: another host's", named, nil, true, host, nil},
		{"insecure: plain http", plain, nil, true, host, nil},
		{"insecure: plain http on a private address", plain, nil, true, "10.0.0.7:5000", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := hosts{c.host: c.server}.client(Options{Authorities: c.authorities, Insecure: c.insecure})
			to := target(t, c.host+"/team/app:1")
			err := client.Check(context.Background(), to)
			if c.says != nil {
				checkLine(t, c.name, err, append(c.says, "checking that "+c.host+"/team/app can be pushed to")...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := client.Push(context.Background(), index(t), to); err != nil {
				t.Error(err)
			}
		})
	}
	for _, bad := range [][]byte{nil, []byte("hunter2"), {0x30, 0x82}, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")} {
		_, err := ParseAuthorities(bad)
		checkLine(t, string(bad), err, "--ca-certificate", "PEM")
	}
}

func TestARedirectNeverLeadsToPlainHTTP(t *testing.T) {
	const host = "registry.example.com"
	plainly := newGuard(false)
	plain := httptest.NewServer(plainly)
	t.Cleanup(plain.Close)
	server, certificate := secured(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://plain.example"+r.URL.Path, http.StatusTemporaryRedirect)
	}), lastYear, 2, host)
	client := hosts{host: server, "plain.example": plain}.client(Options{
		Authorities: authorities(t, certificate), Host: host, Username: user, Password: secret,
	})
	checkLine(t, "redirect", client.Check(context.Background(), target(t, host+"/app")), "plain http", "--insecure")
	if len(plainly.shown) > 0 {
		t.Errorf("plain http was spoken: %q", plainly.shown)
	}
}

func TestTheRegistryOnLoopbackIsStartedWhenNamed(t *testing.T) {
	s := serve(t)
	if _, _, err := s.client().Push(context.Background(), index(t), target(t, s.host+"/dotnet/aspnet:10.0")); err != nil {
		t.Fatal(err)
	}
	started := 0
	client := hosts{}.client(Options{Loopback: func(context.Context) (string, int, error) { started++; return s.host, 0, nil }})
	_, err := client.Bases(context.Background(), "registry.example.com/base", "x", platform.Default())
	checkLine(t, "another host", err, "registry.example.com is not known")
	if started != 0 {
		t.Error("it was started for another host")
	}
	for range 2 {
		if _, err := client.Bases(context.Background(), "localhost:5001/dotnet/aspnet:10.0", "x", platform.Default()); err != nil {
			t.Fatal(err)
		}
	}
	if started != 1 {
		t.Errorf("it was started %d times", started)
	}
	failing := New(Options{Loopback: func(context.Context) (string, int, error) {
		return "", 0, fmt.Errorf("reaching the registry given with --registry: no such service")
	}})
	checkLine(t, "no service", failing.Check(context.Background(), target(t, "127.0.0.1:5001/a")), "checking that", "no such service")
}
