package image

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// syntheticBase is a base with the config and one layer for each seed.
func syntheticBase(t *testing.T, config v1.Config, history []v1.History, seeds ...int64) Base {
	t.Helper()
	var addenda []mutate.Addendum
	for _, seed := range seeds {
		l, err := random.Layer(64, types.DockerLayer, random.WithSource(rand.NewSource(seed)))
		if err != nil {
			t.Fatal(err)
		}
		addenda = append(addenda, mutate.Addendum{Layer: l, MediaType: types.DockerLayer, History: v1.History{CreatedBy: fmt.Sprint("layer ", seed), Created: v1.Time{Time: time.Unix(seed, 0).UTC()}}})
	}
	for _, h := range history {
		addenda = append(addenda, mutate.Addendum{History: h})
	}
	img, err := mutate.Append(empty.Image, addenda...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Author, file.Config = "linux", "arm64", "somebody", config
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return Base{Name: "mcr.microsoft.com/dotnet/aspnet:10.0", Digest: digest, Resolved: digest, Image: img}
}

// built is an app with the settings on the base.
func built(t *testing.T, app Layer, base Base, settings Settings) v1.Image {
	t.Helper()
	p := Part{Platform: platform.Platform{OS: "linux", Architecture: "arm64"}, Base: base, Layers: []Layer{app}, Settings: settings}
	img, err := p.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestRebaseIsABuildOnTheOtherBase is what makes a rebase trustworthy: the digest of an image that was moved is the one that
// a build from source has on the new base.
func TestRebaseIsABuildOnTheOtherBase(t *testing.T) {
	app := layer(t, tree(t))
	plain := v1.Config{Env: []string{"PATH=/bin", "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "DOTNET_VERSION=10.0.1"}}
	with := func(change func(*v1.Config)) v1.Config {
		c := *plain.DeepCopy()
		change(&c)
		return c
	}
	full := Settings{
		Entrypoint: []string{"dotnet", "/app/App.dll"}, WorkingDir: "/app", User: "1000:1000",
		Env:    map[string]string{"PATH": "/opt/bin", "APP": "1", "TZ": "UTC"},
		Labels: map[string]string{"app": "mine", "version": "3"}, Annotations: map[string]string{"org.opencontainers.image.version": "3"},
		Ports: []string{"8443/tcp"}, Cmd: []string{"--serve"}, Created: v1.Time{Time: time.Unix(1, 0).UTC()},
	}
	only := Settings{Entrypoint: []string{"/app/App"}, WorkingDir: "/app", Ports: []string{"8443/tcp"}, OnlyPorts: true, Env: map[string]string{"ASPNETCORE_HTTP_PORTS": "8081"}}
	bare := Settings{Entrypoint: []string{"/app/App"}, WorkingDir: "/app"}
	aliens := with(func(c *v1.Config) {
		c.Env = []string{"ASPNETCORE_URLS=http://+:5000", "APP=base", "NEW=1", "APP_UID=64198"}
		c.Cmd, c.Shell, c.StopSignal, c.WorkingDir, c.User = []string{"bash"}, []string{"/bin/bash", "-c"}, "SIGINT", "/srv", "app"
		c.Labels, c.Volumes = map[string]string{"version": "base", "new": "1", "org.opencontainers.image.title": "base"}, map[string]struct{}{"/data": {}}
		c.ExposedPorts = map[string]struct{}{"9000/tcp": {}}
		c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "true"}, Interval: time.Second}
		c.Hostname, c.Image, c.OnBuild = "builder", "sha256:old", []string{"RUN x"}
	})
	run := []v1.History{{CreatedBy: "ENV", EmptyLayer: true}, {CreatedBy: "CMD", EmptyLayer: true, Comment: "buildkit"}}
	bases := map[string]Base{
		"plain":                   syntheticBase(t, plain, run, 1, 2),
		"another version":         syntheticBase(t, with(func(c *v1.Config) { c.Env[3] = "DOTNET_VERSION=10.0.2" }), run, 1, 3),
		"more layers, no history": syntheticBase(t, plain, nil, 4, 5, 6),
		"other config":            syntheticBase(t, aliens, run[:1], 7),
		"nothing set":             syntheticBase(t, v1.Config{}, run, 8),
	}
	for _, settings := range []Settings{full, bare, only} {
		for _, from := range slices.Sorted(maps.Keys(bases)) {
			for _, to := range slices.Sorted(maps.Keys(bases)) {
				want, err := built(t, app, bases[to], settings).RawManifest()
				if err != nil {
					t.Fatal(err)
				}
				moved, err := Rebase(built(t, app, bases[from], settings), bases[from], bases[to])
				if err != nil {
					t.Fatal(err)
				}
				got, err := moved.RawManifest()
				if err != nil {
					t.Fatal(err)
				}
				if string(got) == string(want) {
					continue
				}
				config, _ := moved.RawConfigFile()
				built, _ := built(t, app, bases[to], settings).RawConfigFile()
				t.Errorf("from %s to %s:\n%s\n%s\nwant\n%s\n%s", from, to, got, config, want, built)
			}
		}
	}
}

func TestRebaseKeepsWhatTheAppTookAway(t *testing.T) {
	app := layer(t, tree(t))
	old := syntheticBase(t, v1.Config{Env: []string{"A=1", "B=1"}, Labels: map[string]string{"base": "1"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}}, nil, 1)
	newer := syntheticBase(t, v1.Config{Env: []string{"A=2", "B=2"}, Labels: map[string]string{"base": "2"}, ExposedPorts: map[string]struct{}{"80/tcp": {}, "81/tcp": {}}}, nil, 2)
	img := built(t, app, old, Settings{})
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Env, config.Config.Labels, config.Config.ExposedPorts = []string{"B=1", "C=1"}, nil, map[string]struct{}{"443/tcp": {}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if img, err = Rebase(img, old, newer); err != nil {
		t.Fatal(err)
	}
	if config, err = img.ConfigFile(); err != nil {
		t.Fatal(err)
	}
	c := config.Config
	if !slices.Equal(c.Env, []string{"B=2", "C=1"}) || len(c.Labels) != 0 {
		t.Errorf("env %q, labels %v", c.Env, c.Labels)
	}
	if got := slices.Sorted(maps.Keys(c.ExposedPorts)); !slices.Equal(got, []string{"443/tcp", "81/tcp"}) {
		t.Errorf("ports %q", got)
	}
}

func TestRebaseRefusesLayersThatAreNotTheBases(t *testing.T) {
	app, config := layer(t, tree(t)), v1.Config{Env: []string{"A=1"}}
	base, other, longer := syntheticBase(t, config, nil, 1, 2), syntheticBase(t, config, nil, 1, 3), syntheticBase(t, config, nil, 1, 2, 3, 4, 5)
	img := built(t, app, base, Settings{})
	for says, from := range map[string]Base{"its layer 2 is sha256:": other, "its base has 5 layers and it has 3": longer} {
		if _, err := Rebase(img, from, base); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// A history that another tool wrote is cut where the base's last layer is.
func TestRebaseCutsAForeignHistory(t *testing.T) {
	app := layer(t, tree(t))
	old, newer := syntheticBase(t, v1.Config{}, nil, 1, 2), syntheticBase(t, v1.Config{}, nil, 3)
	img := built(t, app, old, Settings{})
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.History = []v1.History{{Comment: "one"}, {CreatedBy: "ENV", EmptyLayer: true}, {Comment: "two"}, {CreatedBy: "COPY"}, {CreatedBy: "CMD", EmptyLayer: true}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if img, err = Rebase(img, old, newer); err != nil {
		t.Fatal(err)
	}
	if config, err = img.ConfigFile(); err != nil {
		t.Fatal(err)
	}
	var says []string
	for _, h := range config.History {
		says = append(says, h.CreatedBy)
	}
	if !slices.Equal(says, []string{"layer 3", "COPY", "CMD"}) {
		t.Errorf("history %q", says)
	}
}

func TestBaseOf(t *testing.T) {
	app, base := layer(t, tree(t)), syntheticBase(t, v1.Config{}, nil, 1)
	if name, digest, err := BaseOf(built(t, app, base, Settings{})); err != nil || name != base.Name || digest != base.Digest {
		t.Errorf("by annotation: %s %s %v", name, digest, err)
	}
	if _, _, err := BaseOf(base.Image); !errors.Is(err, ErrNoBase) {
		t.Errorf("an image that says nothing: %v", err)
	}
	// A label may be inherited from the base, and then names another image.
	labelled, err := mutate.Config(base.Image, v1.Config{Labels: map[string]string{annotationBaseName: "b:1", annotationBaseDigest: base.Digest.String()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := BaseOf(labelled); !errors.Is(err, ErrNoBase) {
		t.Errorf("an image whose labels name a base: %v", err)
	}
}
