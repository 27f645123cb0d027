package ecr

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const (
	region = "eu-west-1"
	host   = ecrtest.Account + ".dkr.ecr." + region + ".amazonaws.com"
)

// scene is an account with a registry, and the world's way there.
type scene struct {
	aws      *ecrtest.AWS
	registry *ecrtest.Registry
	api      string
	pem      []byte
	address  string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{aws: ecrtest.New()}
	s.registry = ecrtest.NewRegistry(s.aws, region, memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	api := httptest.NewServer(s.aws)
	t.Cleanup(api.Close)
	s.api = api.Listener.Addr().String()
	certificate, pem, err := ecrtest.Certificate(host, "public.ecr.aws")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.registry)
	server.TLS = tlsOf(certificate)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.pem, s.address = pem, server.Listener.Addr().String()
	return s
}

func tlsOf(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func byRole() aws.Options {
	return aws.Options{RoleARN: ecrtest.Role, WebIdentityToken: ecrtest.WebToken, Subject: "shop/api"}
}

func byKeys() aws.Options { return aws.Options{Credentials: ecrtest.Credentials()} }

// client reaches the scene.
func (s *scene) client(t *testing.T, access aws.Options, o Options) (*registry.Client, *Registries) {
	t.Helper()
	access.Endpoint = func(context.Context) (string, error) { return s.api, nil }
	var err error
	if o.Access, err = aws.New(access); err != nil {
		t.Fatal(err)
	}
	registries, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := registry.ParseAuthorities(s.pem)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(registry.Options{
		Cloud: registries, Authorities: authorities,
		Detour: func(_ context.Context, host string) (string, bool, error) {
			_, ok := ParseHost(host)
			return s.address, ok, nil
		},
	}), registries
}

// push is what build-and-push does: the preflight, then the image.
func push(t *testing.T, client *registry.Client, index v1.ImageIndex, reference string, o registry.PushOptions) (registry.Sent, error) {
	t.Helper()
	targets, err := registry.ParseTargets(reference, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Preflight(t.Context(), targets, o); err != nil {
		return registry.Sent{}, err
	}
	_, sent, err := client.PushAll(t.Context(), index, targets, o)
	if err != nil {
		return registry.Sent{}, err
	}
	return sent[0], nil
}

func newIndex(t *testing.T) (v1.ImageIndex, string) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := random.Image(256, 2)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return index, digest.String()
}

func checkLine(t *testing.T, name string, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	line := err.Error()
	for _, s := range says {
		if !strings.Contains(line, s) {
			t.Errorf("%s: %q does not say %q", name, line, s)
		}
	}
	if strings.Contains(line, "\n") {
		t.Errorf("%s: %q has several lines", name, line)
	}
	checkSecrets(t, name, line)
}

// checkSecrets fails where a text holds a secret of the fake.
func checkSecrets(t *testing.T, name, text string) {
	t.Helper()
	for _, secret := range []string{"hunter2", base64.StdEncoding.EncodeToString([]byte("AWS:ecr-token"))[:16]} {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds a secret: %s", name, text)
		}
	}
}
