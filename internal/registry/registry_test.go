package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// server is an in-process registry that writes down what is asked of it. A refusal answers a request instead of it.
type server struct {
	host   string
	refuse func(*http.Request) int
	mu     sync.Mutex
	log    []string
}

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{}
	backend := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		line := r.Method + " " + r.URL.Path
		if r.URL.Query().Get("mount") != "" {
			line += " from " + r.URL.Query().Get("from")
		}
		s.log = append(s.log, line)
		code := 0
		if s.refuse != nil {
			code = s.refuse(r)
		}
		s.mu.Unlock()
		if code != 0 {
			w.WriteHeader(code)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	u, err := url.Parse(listener.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.host = u.Host
	return s
}

func (s *server) requests(method string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, line := range s.log {
		if strings.HasPrefix(line, method+" ") {
			found = append(found, line)
		}
	}
	return found
}

// refusing sets what the server refuses from here on; nil is nothing. It forgets what it was asked before.
func (s *server) refusing(refuse func(*http.Request) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse, s.log = refuse, nil
}

func (s *server) client() *Client {
	return New(Options{Loopback: served(s.host, 0), patience: (&clock{}).patience()})
}

// served is a registry on the caller's own machine, which the caller knows by a port; 0 is any.
func served(address string, port int) func(context.Context) (string, int, error) {
	return func(context.Context) (string, int, error) { return address, port, nil }
}

func target(t *testing.T, reference string, tags ...string) Target {
	t.Helper()
	target, err := ParseTarget(reference, tags)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// index is a two-platform image of random content, the same for the same seed.
func index(t *testing.T) v1.ImageIndex {
	t.Helper()
	idx := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(256, 2)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config.OS, config.Architecture = "linux", arch
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return idx
}

func TestPushWritesTagsLast(t *testing.T) {
	s := serve(t)
	idx := index(t)
	digest, sent, err := s.client().Push(context.Background(), idx, target(t, s.host+"/team/app:1", "2"))
	if err != nil {
		t.Fatal(err)
	}
	puts := s.requests("PUT")
	if got := puts[len(puts)-2:]; got[0] != "PUT /v2/team/app/manifests/1" || got[1] != "PUT /v2/team/app/manifests/2" {
		t.Errorf("the last writes are %q", got)
	}
	if want := "PUT /v2/team/app/manifests/" + digest.String(); puts[len(puts)-3] != want {
		t.Errorf("before the tags comes %q, want %q", puts[len(puts)-3], want)
	}
	if sent.Uploaded == 0 || sent.Bytes == 0 {
		t.Errorf("sent %+v", sent)
	}
	ref, err := name.ParseReference(s.host + "/team/app:2")
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}
}

func TestPushOfWhatIsThereWritesNothing(t *testing.T) {
	s := serve(t)
	idx, to := index(t), target(t, s.host+"/team/app")
	if _, _, err := s.client().Push(context.Background(), idx, to); err != nil {
		t.Fatal(err)
	}
	s.refusing(nil)
	_, sent, err := s.client().Push(context.Background(), idx, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"PUT", "POST", "PATCH"} {
		if again := s.requests(method); len(again) > 0 {
			t.Errorf("wrote again: %q", again)
		}
	}
	if sent.Bytes != 0 {
		t.Errorf("sent %+v", sent)
	}
}

func TestAFailedPushLeavesTheTag(t *testing.T) {
	s := serve(t)
	to := target(t, s.host+"/team/app:stable")
	first, _, err := s.client().Push(context.Background(), index(t), to)
	if err != nil {
		t.Fatal(err)
	}
	for position := range 12 {
		n := 0
		s.refusing(func(r *http.Request) int {
			if r.Method != http.MethodPut && r.Method != http.MethodPatch && r.Method != http.MethodPost {
				return 0
			}
			if n++; n > position {
				return http.StatusForbidden
			}
			return 0
		})
		_, _, err := s.client().Push(context.Background(), index(t), to)
		s.refusing(nil)
		if err == nil {
			t.Fatalf("refused from write %d on, and yet the push succeeded", position)
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "403") {
			t.Errorf("error %q", err)
		}
		head, err := remote.Head(to.Repository.Tag("stable"))
		if err != nil || head.Digest != first {
			t.Errorf("refused from write %d on: the tag means %v, %v", position, head, err)
		}
	}
}

func TestBasesAreResolvedPerPlatform(t *testing.T) {
	s := serve(t)
	idx := index(t)
	if _, _, err := s.client().Push(context.Background(), idx, target(t, s.host+"/dotnet/aspnet:10.0")); err != nil {
		t.Fatal(err)
	}
	s.refusing(nil)
	bases, err := s.client().Bases(context.Background(), s.host+"/dotnet/aspnet:10.0", "mcr.microsoft.com/dotnet/aspnet:10.0", platform.Default())
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := idx.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range bases {
		if b.Resolved != resolved {
			t.Errorf("base %d: the name meant %s, want %s", i, b.Resolved, resolved)
		}
		if b.Digest != manifest.Manifests[i].Digest || b.Name != "mcr.microsoft.com/dotnet/aspnet:10.0" {
			t.Errorf("base %d: %s %s", i, b.Name, b.Digest)
		}
	}
	for _, r := range s.requests("GET") {
		if strings.Contains(r, "/blobs/") {
			for i := range bases {
				config, err := bases[i].Image.ConfigName()
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(r, config.String()) {
					goto next
				}
			}
			t.Errorf("a base layer was read: %s", r)
		}
	next:
	}

	s390x, err := platform.Parse("linux/s390x")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client().Bases(context.Background(), s.host+"/dotnet/aspnet:10.0", "x", []platform.Platform{s390x})
	if err == nil || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
		t.Errorf("a platform that the base lacks: %v", err)
	}
}

func TestCanonicalNames(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for reference, want := range map[string]string{
		"mcr.microsoft.com/dotnet/aspnet:10.0": "mcr.microsoft.com/dotnet/aspnet:10.0",
		"debian":                               "docker.io/library/debian:latest",
		"me/base:1":                            "docker.io/me/base:1",
		"127.0.0.1:5001/team/base:1":           "localhost/team/base:1",
		"[::1]:5001/team/base":                 "localhost/team/base:latest",
		"registry.example.com:5000/base:1":     "registry.example.com:5000/base:1",
		"example.com/base:1" + digest:          "example.com/base:1" + digest,
		"example.com/base" + digest:            "example.com/base" + digest,
		"no reference":                         "no reference",
	} {
		if got := Canonical(reference); got != want {
			t.Errorf("%s: %s, want %s", reference, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	s := serve(t)
	idx := index(t)
	want, _, err := s.client().Push(context.Background(), idx, target(t, s.host+"/dotnet/aspnet:10.0"))
	if err != nil {
		t.Fatal(err)
	}
	bases, err := s.client().Bases(context.Background(), s.host+"/dotnet/aspnet:10.0", "x", platform.Default())
	if err != nil || bases[0].Resolved != want || bases[1].Resolved != want {
		t.Errorf("bases %+v, %v", bases, err)
	}
	for _, c := range []struct {
		reference string
		digest    v1.Hash
		has       []platform.Platform
	}{
		{":10.0", want, platform.Default()},
		{":10.0@" + want.String(), want, platform.Default()},
		{"@" + bases[1].Digest.String(), bases[1].Digest, platform.Default()[1:]},
	} {
		digest, platforms, err := s.client().Resolve(context.Background(), s.host+"/dotnet/aspnet"+c.reference)
		if err != nil || digest != c.digest || !slices.Equal(platforms, c.has) {
			t.Errorf("%s: %s %v %v", c.reference, digest, platforms, err)
		}
	}
	if got, digest, err := s.client().Index(context.Background(), s.host+"/dotnet/aspnet:10.0"); err != nil || digest != want || got == nil {
		t.Errorf("the index is %s, %v", digest, err)
	}
	if _, _, err := s.client().Index(context.Background(), s.host+"/dotnet/aspnet@"+bases[0].Digest.String()); err == nil || !strings.Contains(err.Error(), "not an index") {
		t.Errorf("a manifest that is no index: %v", err)
	}
}

// What an annotation calls localhost/… is read from the registry that --registry serves.
func TestTheCanonicalNameOfALoopbackImageIsRead(t *testing.T) {
	s := serve(t)
	want, _, err := s.client().Push(context.Background(), index(t), target(t, s.host+"/team/base:1"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(s.host)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	bases, err := New(Options{Loopback: served(s.host, port)}).Bases(context.Background(), Canonical(s.host+"/team/base:1"), "x", platform.Default())
	if err != nil || bases[0].Resolved != want {
		t.Errorf("%v, %v", bases, err)
	}
}

func TestADigestThatIsGone(t *testing.T) {
	s := serve(t)
	if _, _, err := s.client().Push(context.Background(), index(t), target(t, s.host+"/dotnet/aspnet:10.0")); err != nil {
		t.Fatal(err)
	}
	gone := s.host + "/dotnet/aspnet:10.0@sha256:" + strings.Repeat("0", 64)
	if _, err := s.client().Bases(context.Background(), gone, "x", platform.Default()); !errors.Is(err, ErrGone) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a digest: %v", err)
	}
	if _, err := s.client().Bases(context.Background(), s.host+"/dotnet/aspnet:9.9", "x", platform.Default()); err == nil || errors.Is(err, ErrGone) {
		t.Errorf("a tag: %v", err)
	}
}

func TestMountsOfBaseLayersAreAskedFor(t *testing.T) {
	s := serve(t)
	if _, _, err := s.client().Push(context.Background(), index(t), target(t, s.host+"/dotnet/aspnet:10.0")); err != nil {
		t.Fatal(err)
	}
	bases, err := s.client().Bases(context.Background(), s.host+"/dotnet/aspnet:10.0", "x", platform.Default())
	if err != nil {
		t.Fatal(err)
	}
	idx := v1.ImageIndex(empty.Index)
	for _, b := range bases {
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: b.Image})
	}
	// The in-process registry keeps one store for all repositories; a real one does not.
	s.refusing(func(r *http.Request) int {
		if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/team/app/blobs/") {
			return http.StatusNotFound
		}
		return 0
	})
	// It knows no mounts either, so that the layers are copied in the end: what a refusal has to lead to.
	if _, _, err := s.client().Push(context.Background(), idx, target(t, s.host+"/team/app")); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range s.requests("POST") {
		if strings.HasSuffix(r, " from dotnet/aspnet") {
			asked++
		}
	}
	if asked != 4 {
		t.Errorf("of 4 base layers %d were asked to be mounted", asked)
	}
}

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		reference string
		tags      []string
		want      string
	}{
		{"127.0.0.1:5001/sample-app", nil, "127.0.0.1:5001/sample-app latest"},
		{"ghcr.io/a/b:1.2", nil, "ghcr.io/a/b 1.2"},
		{"ghcr.io/a/b", []string{"1", "2", "1"}, "ghcr.io/a/b 1,2"},
		{"ghcr.io/a/b:1", []string{"2"}, "ghcr.io/a/b 1,2"},
		{"localhost:5001/b", []string{"2"}, "localhost:5001/b 2"},
	} {
		got := target(t, c.reference, c.tags...)
		if s := got.Repository.Name() + " " + strings.Join(got.Tags, ","); s != c.want {
			t.Errorf("%s %q: %s, want %s", c.reference, c.tags, s, c.want)
		}
	}
	for reference, says := range map[string]string{
		"": "--image", "https://ghcr.io/a": "scheme", "ghcr.io/A/B": "lower case",
		"ghcr.io/a@sha256:" + strings.Repeat("a", 64): "digest", "ghcr.io/a b": "", "ghcr.io/a:!": "",
	} {
		_, err := ParseTarget(reference, nil)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", reference, err)
		}
	}
	if _, err := ParseTarget("ghcr.io/a", []string{"-x"}); err == nil || !strings.Contains(err.Error(), `"-x"`) {
		t.Errorf("a bad tag: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := serve(t)
	for code, says := range map[int]string{
		http.StatusUnauthorized: "--password", http.StatusForbidden: "--password", http.StatusNotFound: "check the name", http.StatusInsufficientStorage: "disk is full",
	} {
		s.refusing(func(*http.Request) int { return code })
		client := New(Options{Host: s.host, Loopback: served(s.host, 0)})
		err := client.Check(context.Background(), target(t, s.host+"/team/app"))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), fmt.Sprint(code)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: %v", code, err)
		}
	}
	for reference, says := range map[string]string{
		"registry.invalid/a": "the host registry.invalid is not known",
		"127.0.0.1:1/a":      "no registry answers at 127.0.0.1:1",
		"app.localhost:1/a":  "no registry answers",
	} {
		err := New(Options{Loopback: served("127.0.0.1:1", 0)}).Check(context.Background(), target(t, reference))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", reference, err)
		}
	}
}

func TestLoopbackIsReachedThroughTheServiceOnly(t *testing.T) {
	s := serve(t)
	if err := New(Options{}).Check(context.Background(), target(t, s.host+"/a")); err == nil || !strings.Contains(err.Error(), "--registry tcp://127.0.0.1:PORT") {
		t.Errorf("without a service: %v", err)
	}
	if err := s.client().Check(context.Background(), target(t, "127.0.0.1:4711/a")); err != nil {
		t.Errorf("the name in the reference is the caller's, the connection the service's: %v", err)
	}
	err := New(Options{Loopback: served(s.host, 5001)}).Check(context.Background(), target(t, "127.0.0.1:5009/a"))
	if err == nil || !strings.Contains(err.Error(), "port 5009") || !strings.Contains(err.Error(), "port 5001") {
		t.Errorf("another port: %v", err)
	}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:5001": true, "127.8.9.1": true, "localhost": true, "LOCALHOST:1": true, "a.localhost": true, "[::1]:5000": true, "::1": true,
		"ghcr.io": false, "10.0.0.1:5000": false, "localhost.example.com": false, "": false,
	} {
		if IsLoopback(host) != want {
			t.Errorf("IsLoopback(%q) = %v", host, !want)
		}
	}
}

func TestCredentialsGoToTheirRegistryAlone(t *testing.T) {
	c := New(Options{Host: "ghcr.io", Username: "me", Password: "secret"})
	for host, want := range map[string]string{"ghcr.io": "secret", "mcr.microsoft.com": "", "127.0.0.1:5001": ""} {
		registry, err := name.NewRegistry(host)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := keychain{c}.Resolve(registry)
		if err != nil {
			t.Fatal(err)
		}
		config, err := auth.Authorization()
		if err != nil || config.Password != want {
			t.Errorf("%s is shown %q, %v", host, config.Password, err)
		}
	}
}
