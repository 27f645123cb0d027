package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// answers is a registry whose every answer but that to /v2/ is the same.
func answers(t *testing.T, code int, contentType, body string) *httptest.Server {
	t.Helper()
	server, _ := secured(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}), lastYear, 2, "registry.example.com")
	return server
}

func TestAnswersOfARegistryAreExplained(t *testing.T) {
	const host, asJSON = "registry.example.com", "application/json"
	errorOf := func(code, message, detail string) string {
		return fmt.Sprintf(`{"errors":[{"code":%q,"message":%q,"detail":%q}]}`, code, message, detail)
	}
	page := "<!DOCTYPE html>\n<html><body>\nWelcome to nginx\n</body></html>"
	for _, c := range []struct {
		name, contentType, body string
		code                    int
		says                    []string
	}{
		{"401", asJSON, errorOf("UNAUTHORIZED", "authentication required", ""), 401, []string{"401 Unauthorized (authentication required)", "--username and --password", "--docker-config"}},
		{"403", asJSON, errorOf("DENIED", "requested access to the resource is denied", ""), 403, []string{"403 Forbidden (requested access", "--password env://REGISTRY_TOKEN"}},
		{"403 without a body", "", "", 403, []string{"403 Forbidden: give --username"}},
		{"403 with a page", "text/html", page, 403, []string{"403 Forbidden with a web page, not as a registry"}},
		{"404 of a repository", asJSON, errorOf("NAME_UNKNOWN", "repository name not known to registry", ""), 404, []string{"404 Not Found (repository name not known", "ECR", "made first"}},
		{"404 of a page", "text/html", page, 404, []string{"404 Not Found with a web page, not as a registry: check the host"}},
		{"200 with a page", "text/html", page, 200, []string{"with a web page, not as a registry: check the host"}},
		{"405", "text/plain", "no", 405, []string{"405 Method Not Allowed"}},
		{"413", "text/html", page, 413, []string{"413", "client_max_body_size"}},
		{"Docker Hub's limit", asJSON, errorOf("TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit", ""), 429, []string{"429 Too Many Requests (you have reached", "limits requests without a login: give --username and --password"}},
		{"the disk is full", asJSON, errorOf("UNKNOWN", "unknown error", "filesystem: mkdir /var/lib/registry: no space left on device"), 500, []string{"500 Internal Server Error", "its disk is full: make room there"}},
		{"507", "", "", 507, []string{"507 Insufficient Storage: its disk is full"}},
		{"a message of several lines", asJSON, errorOf("DENIED", "line one\n\tline two", ""), 403, []string{"(line one line two)"}},
		{"500", "text/plain", "oops", 500, []string{"500 Internal Server Error", "run the command again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := hosts{host: answers(t, c.code, c.contentType, c.body)}.client(Options{Insecure: true, Host: host})
			err := client.Check(context.Background(), target(t, host+"/team/app:1"))
			checkLine(t, c.name, err, append(c.says, "checking that registry.example.com/team/app can be pushed to")...)
		})
	}
}

func TestALoginThatIsNotEnough(t *testing.T) {
	const host = "registry.example.com"
	refuses := func(code int, bearer bool) *httptest.Server {
		g := newGuard(bearer)
		g.registry = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				w.WriteHeader(code)
			}
		})
		server, _ := secured(t, g, lastYear, 2, host)
		return server
	}
	config := func(password string) string {
		return `{"auths": {"` + host + `": {"auth": "` + basic(user, password) + `"}}}`
	}
	for _, bearer := range []bool{false, true} {
		for _, c := range []struct {
			name, username, password, config string
			code                             int
			says                             string
		}{
			{"none", "", "", "", 403, "401 Unauthorized: give --username and --password"},
			{"a wrong one given", user, "wrong", "", 403, "401 Unauthorized: it does not take the login of --username and --password"},
			{"a wrong one in the config", "", "", config("wrong"), 403, "401 Unauthorized: it does not take the login of --docker-config"},
			{"one without the right", user, secret, "", 403, "403 Forbidden: it takes the login of --username and --password, which may not do this: check that it may in team/app"},
			{"one without the right in the config", "", "", config(secret), 403, "403 Forbidden: it takes the login of --docker-config"},
			{"limited in spite of it", user, secret, "", 429, "429 Too Many Requests: it asks for fewer requests"},
		} {
			options := Options{Insecure: true, Host: host, Username: c.username, Password: c.password}
			if c.config != "" {
				options.Logins = logins(t, c.config)
			}
			err := hosts{host: refuses(c.code, bearer)}.client(options).Check(context.Background(), target(t, host+"/team/app"))
			checkLine(t, c.name, err, c.says)
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "let-me-in")) {
				t.Errorf("%s: a secret is in the error: %v", c.name, err)
			}
		}
	}
}

func TestUnreachableHosts(t *testing.T) {
	silent := func(err error) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
	for _, c := range []struct {
		name string
		dial func(context.Context, string, string) (net.Conn, error)
		says string
	}{
		{"unknown", hosts{}.dial, "the host registry.example.com is not known: check"},
		{"a firewall", silent(&net.OpError{Op: "dial", Err: timeout{}}), "registry.example.com:5000 does not answer: check the host, the port and what a firewall"},
		{"anything else", silent(errors.New("no\nroute")), "no route"},
	} {
		client := New(Options{dial: c.dial, patience: (&clock{}).patience()})
		checkLine(t, c.name, client.Check(context.Background(), target(t, "registry.example.com:5000/app")), c.says)
		_, err := client.Bases(context.Background(), "registry.example.com:5000/base:1", "x", platform.Default())
		checkLine(t, c.name, err, "resolving base image registry.example.com:5000/base:1", c.says)
	}
}

type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }

// base puts an image or index into a registry and gives its reference.
func base(t *testing.T, s *server, tag string, what remote.Taggable) string {
	t.Helper()
	ref, err := name.ParseReference(s.host + "/base:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(ref, what); err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

// of is an image for a platform.
func of(t *testing.T, os, architecture string) v1.Image {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = os, architecture
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// indexOf has an image for each os/architecture; "" is one without a platform.
func indexOf(t *testing.T, platforms ...string) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, p := range platforms {
		os, architecture, _ := strings.Cut(p, "/")
		addendum := mutate.IndexAddendum{Add: of(t, os, architecture)}
		if p != "" {
			addendum.Platform = &v1.Platform{OS: os, Architecture: architecture}
		}
		index = mutate.AppendManifests(index, addendum)
	}
	return index
}

func TestBasesThatCannotBeBuiltOn(t *testing.T) {
	s := serve(t)
	chart := mutate.ConfigMediaType(of(t, "", ""), "application/vnd.cncf.helm.config.v1+json")
	for i, c := range []struct {
		name string
		what remote.Taggable
		says []string
	}{
		{"lacks a platform", indexOf(t, "linux/amd64", "linux/arm64", "linux/ppc64le", "unknown/unknown"), []string{"it has no linux/s390x, only linux/amd64, linux/arm64, linux/ppc64le:", "--platforms", "--runtime-image"}},
		{"lacks a platform, and has Windows", indexOf(t, "linux/amd64", "windows/amd64", "windows/amd64"), []string{"only linux/amd64, windows/amd64:"}},
		{"is Windows alone", indexOf(t, "windows/amd64", "windows/amd64"), []string{"it is a Windows image", "Linux base with --runtime-image"}},
		{"names no platform", indexOf(t, ""), []string{"names no platform"}},
		{"is empty", empty.Index, []string{"names no platform"}},
		{"is one manifest for another platform", of(t, "linux", "arm64"), []string{"it is for linux/arm64 alone, not linux/s390x", "--platforms linux/arm64"}},
		{"is one manifest for Windows", of(t, "windows", "amd64"), []string{"it is a Windows image"}},
		{"is no image", chart, []string{"no image but application/vnd.cncf.helm.config.v1+json"}},
	} {
		reference := base(t, s, fmt.Sprint(i), c.what)
		s390x, err := platform.Parse("linux/s390x")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.client().Bases(context.Background(), reference, "x", []platform.Platform{s390x})
		checkLine(t, c.name, err, append(c.says, "resolving base image "+reference)...)
	}
	_, err := s.client().Bases(context.Background(), s.host+"/base:nowhere", "x", platform.Default())
	checkLine(t, "missing", err, "404 Not Found", "check the name and tag")
	_, err = s.client().Bases(context.Background(), "ghcr.io/A", "x", platform.Default())
	checkLine(t, "malformed", err, "resolving base image ghcr.io/A", "lower case")
}

func TestABaseThatIsNoManifest(t *testing.T) {
	const host = "registry.example.com"
	for _, c := range []struct{ name, contentType, body, says string }{
		{"a page", "text/html; charset=utf-8", "<html>\n<body>Log in to the hotel's network</body></html>", "answered with a web page, not as a registry: check the host"},
		{"text", "text/plain", "hello", "something else than a manifest (text/plain)"},
		{"nothing", "application/json", "", "something else than a manifest"},
		{"schema 1", string(types.DockerManifestSchema1Signed), `{"schemaVersion": 1}`, "Docker's first format"},
		{"half an index", string(types.OCIImageIndex), `{"schemaVersion": 2, "manifests": [`, "unexpected EOF"},
	} {
		client := hosts{host: answers(t, 200, c.contentType, c.body)}.client(Options{Insecure: true})
		_, err := client.Bases(context.Background(), host+"/base:1", "x", platform.Default())
		checkLine(t, c.name, err, "resolving base image registry.example.com/base:1", c.says)
	}
}

func TestABaseBehindDockerHubsLimit(t *testing.T) {
	server := answers(t, 429, "application/json", `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`)
	client := hosts{"index.docker.io": server}.client(Options{Insecure: true, Host: "ghcr.io", Username: user, Password: secret})
	_, err := client.Bases(context.Background(), "me/base", "x", platform.Default())
	checkLine(t, "limit", err, "429 Too Many Requests (you have reached your pull rate limit.)", "give a login for index.docker.io with --docker-config")
}

// TestAReferenceWithoutAHost: Docker Hub is asked for it, which whoever leaves the host out by mistake is to be told.
func TestAReferenceWithoutAHost(t *testing.T) {
	const note = "no host is written before the repository, so that Docker Hub was asked"
	server := answers(t, 404, "application/json", `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`)
	client := hosts{"index.docker.io": server, "a.example": server}.client(Options{Insecure: true})
	for text, hostless := range map[string]bool{"sample-app": true, "me/app:1": true, "docker.io/me/app": false, "a.example/me/app": false} {
		_, err := client.Read(t.Context(), text)
		checkLine(t, text, err, "reading image "+text)
		if err != nil && strings.Contains(err.Error(), note) != hostless {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatIsDeployedHasATagOrADigest(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for image, want := range map[string]string{
		"example.com/app:1":              "example.com/app:1",
		"example.com/app@" + digest:      "example.com/app@" + digest,
		"example.com/app:1@" + digest:    "example.com/app@" + digest,
		"example.com:5000/app@" + digest: "example.com:5000/app@" + digest,
	} {
		if ref, err := ParseDeployed(image); err != nil || ref.Name() != want {
			t.Errorf("%q: %v, %v", image, ref, err)
		}
	}
	for image, says := range map[string]string{
		"": "--image", " ": "--image", "example.com/app": "or a tag", "example.com:5000/app": "or a tag", "app": "or a tag",
		"example.com/app:": "the tag after ':' is missing", "example.com/app@sha256:1": "not well formed", "https://example.com/app:1": "leave out the scheme",
	} {
		_, err := ParseDeployed(image)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", image, err)
		}
	}
}
