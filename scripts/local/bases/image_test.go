package bases

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// testRegistry is an empty registry that counts the blobs sent to it.
func testRegistry(t *testing.T) (host string, sent *atomic.Int32) {
	t.Helper()
	sent = new(atomic.Int32)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			sent.Add(1)
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), sent
}

func layerOf(t *testing.T, files ...file) v1.Layer {
	t.Helper()
	w := testLayer(t)
	for _, f := range files {
		if err := add(f.header(), strings.NewReader(f.content), w); err != nil {
			t.Fatal(err)
		}
	}
	return closed(t, w)
}

func testComposition(t *testing.T, src source, v versions) composition {
	t.Helper()
	c := composition{source: src, dotnet: dotnet{versions: v, runtime: map[string]v1.Layer{}, aspnet: map[string]v1.Layer{}}, roots: map[string]debianRoot{}}
	c.sdk = debianRoot{layer: layerOf(t, file{name: "sdk-root", content: "1"}), packages: "apt=1 bash=2"}
	c.dotnet.sdk = []stratum{{layer: layerOf(t, file{name: "sdk", content: "2"})}, {layer: layerOf(t, file{name: "feed", content: "3"})}}
	for _, arch := range architectures {
		c.roots[arch] = debianRoot{layer: layerOf(t, file{name: "root", content: arch}), packages: "bash=2"}
		c.dotnet.runtime[arch] = layerOf(t, file{name: "runtime", content: arch})
		c.dotnet.aspnet[arch] = layerOf(t, file{name: "aspnet", content: arch})
	}
	return c
}

var net10 = versions{Runtime: "10.0.12", AspNet: "10.0.12", SDK: "10.0.401"}

func pushed10(t *testing.T, host string) []pushed {
	t.Helper()
	images, err := testComposition(t, bundle{path: "dotnet-10.0.tar.xz"}, net10).indexes(host)
	if err != nil {
		t.Fatal(err)
	}
	done, err := push(context.Background(), host, images)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func pull(t *testing.T, reference, arch string) (v1.Image, *v1.ConfigFile) {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return image, config
}

func TestSetIsPushedWholeAndShared(t *testing.T) {
	host, sent := testRegistry(t)
	done := pushed10(t, host)
	if !present(context.Background(), host, done) {
		t.Error("the set is not found after its push")
	}
	// Two architectures of three runtime layers, three layers of the SDK, and
	// seven configs: what is shared is sent once.
	if got := sent.Load(); got != 2*3+3+7 {
		t.Errorf("%d blobs were sent, want 16", got)
	}
	image, config := pull(t, host+"/dotnet/aspnet:10.0", "arm64")
	layers, err := image.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatal(layers, err)
	}
	expect(t, contents(t, layers[2]), map[string]string{"aspnet": "arm64"})
	if config.Variant != "v8" || !config.Created.Equal(epoch) {
		t.Errorf("variant %q, created %v", config.Variant, config.Created)
	}
	manifest, err := image.Manifest()
	if err != nil || manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON || manifest.Layers[0].MediaType != types.OCILayer {
		t.Errorf("media types are not OCI's: %+v (%v)", manifest, err)
	}
	if got := config.Config.Labels["org.opencontainers.image.description"]; !strings.Contains(got, notMicrosofts) {
		t.Errorf("the description is %q", got)
	}
}

func TestSameInputsGiveTheSameDigests(t *testing.T) {
	one, _ := testRegistry(t)
	other, _ := testRegistry(t)
	if a, b := pushed10(t, one), pushed10(t, other); !slices.EqualFunc(a, b, func(x, y pushed) bool { return x.Index == y.Index }) {
		t.Errorf("digests differ: %v, %v", a, b)
	}
}

func TestMissingManifestIsNoticed(t *testing.T) {
	host, _ := testRegistry(t)
	done := pushed10(t, host)
	ref, err := name.NewDigest(host + "/" + done[2].Repository + "@" + done[2].Manifests[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(ref); err != nil {
		t.Fatal(err)
	}
	if present(context.Background(), host, done) {
		t.Error("a set without one of its manifests is taken for whole")
	}
	if present(context.Background(), host, nil) {
		t.Error("no images at all are taken for a set")
	}
}

func TestEnvironmentIsUpstreams(t *testing.T) {
	host, _ := testRegistry(t)
	for _, c := range []struct {
		source   source
		versions versions
		want     map[string]string // by repository
	}{
		{bundle{path: "dotnet-10.0.tar.xz"}, net10, map[string]string{
			"dotnet/runtime-deps": "APP_UID=1654 ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true",
			"dotnet/aspnet":       "APP_UID=1654 ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_VERSION=10.0.12 ASPNET_VERSION=10.0.12",
			"dotnet/sdk": "APP_UID=1654 ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true DOTNET_VERSION=10.0.12 ASPNET_VERSION=10.0.12 " +
				"DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_NOLOGO=true DOTNET_SDK_VERSION=10.0.401 DOTNET_USE_POLLING_FILE_WATCHER=true " +
				"NUGET_XMLDOC_MODE=skip NUGET_CERT_REVOCATION_MODE=offline",
		}},
		{npm{}, versions{Runtime: "3.1.2", AspNet: "3.1.2", SDK: "3.1.102"}, map[string]string{
			"dotnet/runtime-deps": "ASPNETCORE_URLS=http://+:80 DOTNET_RUNNING_IN_CONTAINER=true",
			"dotnet/sdk": "DOTNET_RUNNING_IN_CONTAINER=true DOTNET_GENERATE_ASPNET_CERTIFICATE=false DOTNET_NOLOGO=true DOTNET_SDK_VERSION=3.1.102 " +
				"DOTNET_USE_POLLING_FILE_WATCHER=true NUGET_XMLDOC_MODE=skip",
		}},
	} {
		images, err := testComposition(t, c.source, c.versions).indexes(host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := push(context.Background(), host, images); err != nil {
			t.Fatal(err)
		}
		for repository, want := range c.want {
			_, config := pull(t, host+"/"+repository+":"+c.versions.channel(), "amd64")
			if got := strings.Join(config.Config.Env[1:], " "); got != want {
				t.Errorf("that of %s is\n%s, want\n%s", repository, got, want)
			}
		}
	}
}

func TestRecordSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache", "bundle.json")
	rec := record{Recipe: recipe, Inputs: map[string]string{"a": "b"}, DotNet: net10, Images: []pushed{{Repository: "dotnet/sdk", Tag: "10.0", Index: "sha256:1", Manifests: []string{"sha256:2"}}}}
	if err := rec.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := readRecord(path)
	if err != nil || got.DotNet != rec.DotNet || got.Images[0].Manifests[0] != "sha256:2" {
		t.Errorf("read %+v (%v)", got, err)
	}
}
