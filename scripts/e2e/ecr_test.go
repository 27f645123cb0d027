//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
)

const (
	ecrRegion = "eu-west-1"
	ecrHost   = ecrtest.Account + ".dkr.ecr." + ecrRegion + ".amazonaws.com"
)

// amazon is an account of AWS on this machine: its API, and its registry over TLS, whose data lies in the loopback registry.
type amazon struct {
	api      *ecrtest.AWS
	registry *ecrtest.Registry
	// constructor and function are the arguments that lead there, without credentials.
	constructor, function []string
}

func newAmazon(t *testing.T) *amazon {
	t.Helper()
	a := &amazon{api: ecrtest.New()}
	api := httptest.NewServer(a.api)
	t.Cleanup(api.Close)
	plain := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: host(t)})
			r.Out.Host = r.In.Host
			r.Out.Header.Set("X-Forwarded-Proto", "https")
			r.Out.Header.Del("Authorization")
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	a.registry = ecrtest.NewRegistry(a.api, ecrRegion, plain)
	certificate, pem, err := ecrtest.Certificate(ecrHost)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(a.registry)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	a.constructor = []string{"--ca-certificate", file(t, "ca.pem", pem)}
	a.function = []string{"--aws-endpoint", "tcp://" + api.Listener.Addr().String(), "--ecr-endpoint", "tcp://" + server.Listener.Addr().String()}
	return a
}

// collector keeps what the dagger command tells of a call: traces, logs and metrics.
type collector struct {
	mu   sync.Mutex
	told bytes.Buffer
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return
		}
		body = unzipped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	io.Copy(&c.told, body) //nolint:errcheck // what broke off is looked at as far as it came
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// TestFromARoleToAnImmutableTag is the whole way to ECR on a real engine, and nothing of its secrets is left anywhere.
func TestFromARoleToAnImmutableTag(t *testing.T) {
	start := time.Now()
	a, traces := newAmazon(t), &collector{}
	telemetry := httptest.NewServer(traces)
	t.Cleanup(telemetry.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", telemetry.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("AWS_ID_TOKEN", ecrtest.WebToken)
	role := append([]string{"--aws-role-arn", ecrtest.Role, "--aws-web-identity-token", "env://AWS_ID_TOKEN"}, a.function...)
	keys := append([]string{"--aws-credentials", "cmd://cat " + file(t, "credentials", []byte(ecrtest.Credentials()))}, a.function...)
	repository := strings.TrimPrefix(repository(t), host(t)+"/")
	image := ecrHost + "/" + repository
	policy := filepath.Join(root(t), "docs", "ecr", "lifecycle-policy.json")

	// The token ends in the middle of the first blob that is sent.
	var once sync.Once
	a.registry.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			once.Do(a.api.Expire)
		}
		return false
	}
	built, first := push(t, a.constructor, append([]string{"--image", image + ":1.4.2", "--immutable-tags", "--lifecycle-policy", policy}, role...))
	made, ok := a.api.Repository(ecrRegion, repository)
	if !ok || !made.ScanOnPush || made.Mutability != "IMMUTABLE" || !strings.Contains(made.LifecyclePolicy, "ci-*") {
		t.Errorf("the repository is %+v, %v", made, ok)
	}
	if built.Reference != image+"@"+built.Digest || built.Blobs.Sent == 0 || built.Blobs.Mounted != 0 {
		t.Errorf("pushed %+v", built)
	}
	if note := "made the repository " + image + ": scan on push, immutable tags"; !slices.Contains(built.Notes, note) {
		t.Errorf("notes %q", built.Notes)
	}
	if calls := strings.Join(a.api.Calls(), "\n"); strings.Count(calls, "AssumeRoleWithWebIdentity") != 1 || strings.Count(calls, "GetAuthorizationToken") != 2 {
		t.Errorf("the calls are\n%s", calls)
	}
	there, err := name.ParseReference(host(t) + "/" + repository + ":1.4.2")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}

	t.Run("the same image again writes nothing", func(t *testing.T) {
		before := len(a.registry.Writes())
		again, _ := push(t, a.constructor, append([]string{"--image", image + ":1.4.2"}, keys...))
		if again.Digest != built.Digest || again.BytesSent != 0 {
			t.Errorf("pushed %+v", again)
		}
		if writes := a.registry.Writes()[before:]; len(writes) > 0 {
			t.Errorf("it wrote %q", writes)
		}
	})
	said := first.stdout + first.stderr
	t.Run("another image is refused", func(t *testing.T) {
		before := len(a.registry.Writes())
		args := append([]string{"--progress=plain", "call", "--label", "of=another"}, a.constructor...)
		r := dagger(t, append(append(args, "build-and-push", "--image", image+":1.4.2"), keys...)...)
		message := finalError(r.stderr)
		if r.code == 0 || !strings.Contains(message, "it means "+built.Digest+", the image is sha256:") || !strings.Contains(message, "the repository keeps it") {
			t.Errorf("code %d\n%s", r.code, message)
		}
		if writes := a.registry.Writes()[before:]; len(writes) > 0 {
			t.Errorf("it wrote %q", writes)
		}
		said += r.stdout + r.stderr
	})
	t.Run("copy makes a repository and tag names it", func(t *testing.T) {
		to := image + "/production"
		copied := promote(t, a.constructor, append([]string{"copy", "--from", built.Reference, "--to", to + ":1.4.2"}, role...)...)
		tagged := promote(t, a.constructor, append([]string{"tag", "--image", copied.Reference, "--tag", "stable"}, keys...)...)
		if copied.Digest != built.Digest || tagged.Digest != built.Digest {
			t.Errorf("copied %+v, tagged %+v", copied, tagged)
		}
		if note := "made the repository " + to + ": scan on push"; !slices.Contains(copied.Notes, note) || len(tagged.Notes) > 0 {
			t.Errorf("notes %q, then %q", copied.Notes, tagged.Notes)
		}
		if made, ok := a.api.Repository(ecrRegion, repository+"/production"); !ok || made.Mutability != "MUTABLE" {
			t.Errorf("the repository is %+v, %v", made, ok)
		}
	})
	t.Run("without a right", func(t *testing.T) {
		a.api.Fail("CreateRepository", "AccessDeniedException", "User: arn:aws:sts::"+ecrtest.Account+":assumed-role/ci/x is not authorized to perform: ecr:CreateRepository on resource: x")
		defer a.api.Fail("CreateRepository", "", "")
		args := append(append([]string{"--progress=plain", "call"}, a.constructor...), "build-and-push", "--image", image+"/denied:1")
		r := dagger(t, append(args, role...)...)
		if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "creating the repository "+image+"/denied") || !strings.Contains(message, "allow ecr:CreateRepository") {
			t.Errorf("code %d\n%s", r.code, message)
		}
		said += r.stdout + r.stderr
	})

	t.Run("no secret is left", func(t *testing.T) {
		leaks := newLeaks(a.api.Secrets())
		leaks.look(t, "the log", []byte(said))
		traces.mu.Lock()
		defer traces.mu.Unlock()
		if !bytes.Contains(traces.told.Bytes(), []byte("buildAndPush")) {
			t.Errorf("the traces, %d bytes, do not name the function: they prove nothing", traces.told.Len())
		}
		leaks.look(t, "the traces", traces.told.Bytes())
		leaks.lookInto(t, index)
		leaks.lookBelow(t, engineState(t), start, repository)
	})
}

// leaks are the secrets in all forms that they are looked for.
type leaks struct{ forms [][]byte }

func newLeaks(secrets []string) leaks {
	var l leaks
	seen := map[string]bool{}
	add := func(form string) {
		if !seen[form] {
			seen[form] = true
			l.forms = append(l.forms, []byte(form))
		}
	}
	for _, s := range secrets {
		add(s)
		for _, text := range []string{s, "AWS:" + s} {
			add(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text)), "="))
			add(strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(text)), "="))
		}
	}
	return l
}

func (l leaks) look(t *testing.T, where string, content []byte) {
	t.Helper()
	for _, form := range l.forms {
		if bytes.Contains(content, form) {
			t.Errorf("%s holds a secret: %s", where, form)
			return
		}
	}
}

// lookInto looks into an index's manifests, configs and unpacked layers.
func (l leaks) lookInto(t *testing.T, index v1.ImageIndex) {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		for what, read := range map[string]func() ([]byte, error){"the manifest": image.RawManifest, "the config": image.RawConfigFile} {
			content, err := read()
			if err != nil {
				t.Fatal(err)
			}
			l.look(t, what, content)
		}
		layers, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers {
			unpacked, err := layer.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(unpacked)
			if err != nil {
				t.Fatal(err)
			}
			l.look(t, "a layer", content)
		}
	}
}

// engineState is where the engine of scripts/dagger keeps its cache and its database, unpacked.
func engineState(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	state := filepath.Join(cache, "dotnet-multiarch", "engine", "state")
	if _, err := os.Stat(state); err != nil {
		t.Skip("scripts/dagger uses an engine that is not its own here, whose state is not seen")
	}
	return state
}

// lookBelow looks at every file of a folder that was written since. One of them must hold what is known to be there.
func (l leaks) lookBelow(t *testing.T, dir string, since time.Time, known string) {
	t.Helper()
	files, sighted := 0, false
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // it went away meanwhile
		}
		info, err := entry.Info()
		if err != nil || changed(info).Before(since) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		files++
		sighted = sighted || bytes.Contains(content, []byte(known))
		l.look(t, path, content)
		return nil
	})
	if err != nil || !sighted {
		t.Errorf("looked at %d files, none of which holds %s, %v: that proves nothing", files, known, err)
	}
}

// changed is when a file last changed in any way: times of its own content are set to a constant in builds.
func changed(info fs.FileInfo) time.Time {
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Now()
	}
	return time.Unix(status.Ctim.Sec, status.Ctim.Nsec)
}
