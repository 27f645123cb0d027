//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const oci = "org.opencontainers.image."

// pushed is a multi-platform image as the registry has it.
type pushed struct {
	index     *v1.IndexManifest
	manifests []*v1.Manifest
	configs   []v1.ConfigFile
}

func read(t *testing.T, reference string) (p pushed) {
	t.Helper()
	digest, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(digest)
	if err != nil {
		t.Fatal(err)
	}
	if p.index, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	for _, d := range p.index.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		p.manifests, p.configs = append(p.manifests, manifest), append(p.configs, *config)
	}
	return p
}

// each fails for every platform whose config is not as it should be.
func (p pushed) each(t *testing.T, what string, of func(v1.Config) []string, want ...string) {
	t.Helper()
	for i, c := range p.configs {
		if got := of(c.Config); !slices.Equal(got, want) {
			t.Errorf("%s of %s: %q, want %q", what, p.index.Manifests[i].Platform, got, want)
		}
	}
}

func entrypoint(c v1.Config) []string { return c.Entrypoint }
func cmd(c v1.Config) []string        { return c.Cmd }
func place(c v1.Config) []string      { return []string{c.User, c.WorkingDir} }
func exposed(c v1.Config) []string    { return slices.Sorted(maps.Keys(c.ExposedPorts)) }

func variables(names ...string) func(v1.Config) []string {
	return func(c v1.Config) (values []string) {
		for _, name := range names {
			values = append(values, unpacked{config: c}.env(name))
		}
		return values
	}
}

func labels(names ...string) func(v1.Config) []string {
	return func(c v1.Config) (values []string) {
		for _, name := range names {
			values = append(values, c.Labels[name])
		}
		return values
	}
}

// annotations fails unless index and manifests have exactly these and those of the base; the base of the index is its index, that of a
// manifest its manifest.
func (p pushed) annotations(t *testing.T, base string, want map[string]string) {
	t.Helper()
	all := []map[string]string{p.index.Annotations}
	for _, m := range p.manifests {
		all = append(all, m.Annotations)
	}
	seen := map[string]bool{}
	for _, annotations := range all {
		got := maps.Clone(annotations)
		digest := got[oci+"base.digest"]
		if got[oci+"base.name"] != base || !strings.HasPrefix(digest, "sha256:") || seen[digest] {
			t.Errorf("base %s@%s, want %s and a digest of its own", got[oci+"base.name"], digest, base)
		}
		seen[digest] = true
		delete(got, oci+"base.name")
		delete(got, oci+"base.digest")
		if !maps.Equal(got, want) {
			t.Errorf("annotations %v, want %v", got, want)
		}
	}
}

// TestContainerProperties: what the project says for the .NET SDK's container support is in the image, and a flag beats it.
func TestContainerProperties(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	const source = "scripts/e2e/testdata/container-properties"
	t.Run("the base", func(t *testing.T) {
		r := dagger(t, "--progress=plain", "call", "--source", source, "describe")
		var said struct {
			BaseImage string
			Platforms []struct{ RuntimeIdentifier string }
		}
		if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
			t.Fatalf("%v\n%s", err, tail(r.stderr))
		}
		if !strings.HasSuffix(said.BaseImage, "dotnet/aspnet:10.0-noble-chiseled-extra") || len(said.Platforms) != 2 {
			t.Errorf("described as %+v", said)
		}
	})

	// The project's own base is not to be had everywhere.
	constructor := []string{"--source", source, "--runtime-image", local(t, "BASE_REGISTRY") + "/dotnet/aspnet:10.0"}
	const base = "mcr.microsoft.com/dotnet/aspnet:10.0"
	said := map[string]string{
		oci + "title": "Container properties", oci + "description": "What the .NET SDK's container support reads",
		oci + "authors": "Example Authors", oci + "vendor": "Example Vendor", oci + "licenses": "MIT", oci + "version": "3.2.1",
		oci + "url": "https://example.com/project", oci + "documentation": "https://example.com/project",
		oci + "source": "https://example.com/repository",
	}
	t.Run("the project", func(t *testing.T) {
		p, _ := push(t, constructor, []string{"--image", repository(t)})
		image := read(t, p.Reference)
		image.each(t, "entry point", entrypoint, "dotnet", "/service/ContainerProperties.dll", "--always", "set")
		image.each(t, "cmd", cmd, "--greeting", "Hello")
		image.each(t, "user and folder", place, "root", "/service")
		image.each(t, "ports", exposed, "8081/tcp", "9090/udp")
		image.each(t, "environment", variables("ASPNETCORE_HTTP_PORTS", "FEATURES"), "8081", "one=1, two=2")
		image.each(t, "labels", labels("com.example.team", oci+"title", oci+"version", oci+"vendor", oci+"created", "net.dot.runtime.majorminor"),
			"Platform & tools", "Container properties", "3.2.1", "Example Vendor", "", "10.0")
		image.annotations(t, base, said)

		u := pull(t, p.Reference, "linux/amd64")
		address := u.start(t)
		facts := get(t, "http://"+address+"/facts")
		for name, want := range map[string]any{"workingDirectory": "/service", "baseDirectory": "/service/", "features": "one=1, two=2", "greeting": "Hello", "always": "set"} {
			if facts[name] != want {
				t.Errorf("the app says that %s is %v, want %v", name, facts[name], want)
			}
		}
		// Two files of one length: UseStaticFiles tells them apart by their times alone.
		one, two := etag(t, "http://"+address+"/one.txt"), etag(t, "http://"+address+"/two.txt")
		if one == "" || one == two {
			t.Errorf("ETags %q and %q", one, two)
		}
	})
	t.Run("the flags", func(t *testing.T) {
		p, _ := push(t, append(slices.Clone(constructor),
			"--port", "8443,53/udp", "--env-var", `"FEATURES=none, at all"`, "--env-var", "MORE=a=b", "--label", "com.example.team=Flags",
			"--annotation", "com.example.build=42", "--entrypoint", "dotnet,/srv/ContainerProperties.dll", "--cmd", "--greeting,Bye", "--user", "1654:0", "--working-dir", "/srv",
			"--version", "4.0.0", "--revision", "0123456789abcdef", "--source-url", "https://ci:token@example.com/fork.git", "--created", "2026-01-31T12:00:00Z",
		), []string{"--image", repository(t)})
		image := read(t, p.Reference)
		image.each(t, "entry point", entrypoint, "dotnet", "/srv/ContainerProperties.dll")
		image.each(t, "cmd", cmd, "--greeting", "Bye")
		image.each(t, "user and folder", place, "1654:0", "/srv")
		image.each(t, "ports", exposed, "53/udp", "8443/tcp")
		image.each(t, "environment", variables("ASPNETCORE_HTTP_PORTS", "FEATURES", "MORE"), "8081", "none, at all", "a=b")
		image.each(t, "labels", labels("com.example.team", oci+"version", oci+"revision", oci+"source"), "Flags", "4.0.0", "0123456789abcdef", "https://example.com/fork")
		flagged := maps.Clone(said)
		maps.Copy(flagged, map[string]string{
			oci + "version": "4.0.0", oci + "revision": "0123456789abcdef", oci + "source": "https://example.com/fork",
			oci + "created": "2026-01-31T12:00:00Z", "com.example.build": "42",
		})
		image.annotations(t, base, flagged)
	})
	t.Run("a bad flag", func(t *testing.T) {
		r := dagger(t, "call", "--source", source, "--port", "http", "build-and-push", "--image", repository(t))
		if r.code == 0 || !strings.Contains(r.stderr, `reading --port: port "http": want a number from 1 to 65535`) {
			t.Errorf("code %d\n%s", r.code, tail(r.stderr))
		}
	})
}

func etag(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, r.Status)
	}
	return r.Header.Get("ETag")
}
