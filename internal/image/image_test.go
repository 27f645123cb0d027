package image

import (
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

func dockerBase(t *testing.T) Base {
	t.Helper()
	system, err := random.Layer(64, types.DockerLayer, random.WithSource(rand.NewSource(1)))
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(empty.Image,
		mutate.Addendum{Layer: system, MediaType: types.DockerLayer, History: v1.History{CreatedBy: "ADD rootfs", Created: v1.Time{Time: time.Unix(9, 0)}}},
		mutate.Addendum{History: v1.History{CreatedBy: "ENV", EmptyLayer: true}},
	)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(mutate.MediaType(img, types.DockerManifestSchema2), func() *v1.ConfigFile {
		c, _ := img.ConfigFile()
		c = c.DeepCopy()
		c.OS, c.Architecture, c.Author, c.Created = "linux", "arm64", "somebody", v1.Time{Time: time.Unix(99, 0)}
		c.Config = v1.Config{Env: []string{"PATH=/bin", "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080"}, Cmd: []string{"bash"}, Labels: map[string]string{"of": "base"}}
		return c
	}())
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return Base{Name: "mcr.microsoft.com/dotnet/aspnet:10.0", Digest: digest, Resolved: v1.Hash{Algorithm: "sha256", Hex: "1dec"}, Image: img}
}

func part(t *testing.T) Part {
	t.Helper()
	arm, err := platform.Parse("linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	return Part{Platform: arm, Base: dockerBase(t), Layers: []Layer{layer(t, tree(t))}, Settings: Settings{
		Entrypoint: []string{"dotnet", "/app/App.dll"}, WorkingDir: "/app", Env: map[string]string{"PATH": "/usr/bin", "NEW": "1"}, Labels: map[string]string{"mine": "1"},
		Annotations: map[string]string{"b": "2", "a": "1"},
	}}
}

func TestManifestIsTheBaseWithTheAppOnTop(t *testing.T) {
	p := part(t)
	img, err := p.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.MediaType != types.OCIManifestSchema1 || m.Config.MediaType != types.OCIConfigJSON || m.Layers[0].MediaType != types.OCILayer || m.Layers[1].MediaType != types.OCILayer {
		t.Errorf("media types are not OCI's: %+v", m)
	}
	if m.Annotations[annotationBaseName] != p.Base.Name || m.Annotations[annotationBaseDigest] != p.Base.Digest.String() {
		t.Errorf("annotations %v", m.Annotations)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "1654" || c.Config.WorkingDir != "/app" || len(c.Config.Cmd) != 0 || c.Architecture != "arm64" {
		t.Errorf("config %+v", c.Config)
	}
	if !slices.Equal(c.Config.Env, []string{"PATH=/usr/bin", "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "NEW=1"}) {
		t.Errorf("env %q", c.Config.Env)
	}
	if _, exposed := c.Config.ExposedPorts["8080/tcp"]; !exposed || c.Config.Labels["of"] != "base" || c.Config.Labels["mine"] != "1" {
		t.Errorf("ports %v, labels %v", c.Config.ExposedPorts, c.Config.Labels)
	}
	if !c.Created.Equal(Epoch.Time) || c.Author != "" || len(c.History) != 3 || c.History[0].CreatedBy != "ADD rootfs" || !c.History[2].Created.Equal(Epoch.Time) {
		t.Errorf("history or creation is not as it should: %+v", c)
	}
}

func TestIndexIsTheSameEveryTime(t *testing.T) {
	var digests []string
	for range 2 {
		index, err := Index([]Part{part(t)})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := layout.Write(t.TempDir(), index)
		if err != nil {
			t.Fatal(err)
		}
		again, err := stored.ImageIndex()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(again); err != nil {
			t.Error(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		// The base as its name means it: the index's digest, not one platform's.
		want := map[string]string{"a": "1", "b": "2", annotationBaseName: "mcr.microsoft.com/dotnet/aspnet:10.0", annotationBaseDigest: "sha256:1dec"}
		if !maps.Equal(manifest.Annotations, want) {
			t.Errorf("annotations %v, want %v", manifest.Annotations, want)
		}
		if exposed, err := Ports(index); err != nil || !slices.Equal(exposed, []string{"8080/tcp"}) {
			t.Errorf("exposes %q, %v", exposed, err)
		}
		digest, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %q", digests)
	}
}

func TestPorts(t *testing.T) {
	for env, want := range map[string]string{
		"": "", "ASPNETCORE_HTTP_PORTS=8080": "8080/tcp", "ASPNETCORE_HTTP_PORTS=8080;9090": "8080/tcp,9090/tcp",
		"ASPNETCORE_URLS=http://+:80": "80/tcp", "ASPNETCORE_URLS=http://*:5000;https://[::]:5001/": "5000/tcp,5001/tcp",
		"ASPNETCORE_URLS=https://localhost": "443/tcp", "ASPNETCORE_URLS=nonsense": "", "ASPNETCORE_HTTP_PORTS=x;0;70000": "",
		"ASPNETCORE_URLS=http://unix:/run/app.sock": "",
		// URLs that name no port are URLs all the same: the server reads no ports beside them.
		"ASPNETCORE_HTTP_PORTS=8080 ASPNETCORE_URLS=http://unix:/run/app.sock": "",
		"ASPNETCORE_HTTP_PORTS=8080 ASPNETCORE_URLS=":                          "8080/tcp",
		"DOTNET_URLS=http://+:90 ASPNETCORE_URLS=http://+:91":                  "91/tcp",
		"DOTNET_HTTP_PORTS=90 ASPNETCORE_HTTP_PORTS=91":                        "91/tcp",
		"ASPNETCORE_HTTP_PORTS=91 ASPNETCORE_HTTPS_PORTS=92;091":               "91/tcp,92/tcp",
		"ASPNETCORE_HTTP_PORTS=8080 ASPNETCORE_URLS=http://+:81":               "81/tcp", "DOTNET_HTTPS_PORTS=8443": "8443/tcp",
	} {
		if got := strings.Join(ports(strings.Fields(env)), ","); got != want {
			t.Errorf("%s: exposes %q, want %q", env, got, want)
		}
	}
}

func TestParsePort(t *testing.T) {
	for text, want := range map[string]string{
		"8080": "8080/tcp", "53/udp": "53/udp", " 53/TCP ": "53/tcp", "08080": "8080/tcp", "65535": "65535/tcp",
		"": "", "0": "", "65536": "", "-1": "", "+80": "", "80/": "80/tcp", "80/sctp": "", "http": "", "80/tcp/udp": "", "1.5": "",
	} {
		if got, err := ParsePort(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestWhatTheBaseSaysOfItselfIsNotInherited(t *testing.T) {
	labels := map[string]string{annotationPrefix + "version": "24.04", annotationPrefix + "ref.name": "ubuntu", "maintainer": "somebody"}
	if got := InheritedLabels(labels); !maps.Equal(got, map[string]string{"maintainer": "somebody"}) || len(labels) != 3 {
		t.Errorf("inherited %v, left %v", got, labels)
	}
	if got := InheritedLabels(map[string]string{annotationPrefix + "version": "24.04"}); got != nil {
		t.Errorf("inherited %v", got)
	}
}
