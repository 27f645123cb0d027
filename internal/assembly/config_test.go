package assembly

import (
	"archive/tar"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
)

func said(properties ...string) dotnet.Project {
	p := dotnet.Project{Path: "App.csproj", Properties: map[string]string{"AssemblyName": "App"}}
	for _, property := range properties {
		name, value, _ := strings.Cut(property, "=")
		p.Properties[name] = value
	}
	return p
}

// built gives the config and the manifest of an app that is one dll, on a base with an entry point, a user and a port.
func built(t *testing.T, app dotnet.Project, choices Choices) (v1.ConfigFile, v1.Manifest) {
	t.Helper()
	base, err := mutate.Config(empty.Image, v1.Config{
		Env: []string{"APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080"}, User: "1", Entrypoint: []string{"/wrapper"}, Cmd: []string{"sh"},
		ExposedPorts: map[string]struct{}{"22/tcp": {}},
		Labels:       map[string]string{"of": "base", "org.opencontainers.image.version": "24.04"},
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := NewConfig(app, choices)
	if err != nil {
		t.Fatal(err)
	}
	in := Input{Base: image.Base{Name: "base", Digest: v1.Hash{Algorithm: "sha256", Hex: "ba5e"}, Image: base}, Root: publish(t, map[string]string{"App.dll": "il"})}
	parts, err := Parts(app, config, []Input{in}, image.Gzip, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	img, err := parts[0].Manifest()
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return *file, *manifest
}

func exposed(c v1.ConfigFile) string {
	return strings.Join(slices.Sorted(maps.Keys(c.Config.ExposedPorts)), " ")
}

const separator = "\ue000"

var project = said(
	"ContainerUser=app", "ContainerWorkingDirectory=/service", "ContainerTitle=The app", "Description=of the project",
	"ContainerEnvironmentVariable=BOTH=project"+separator+"PROJECT=1"+separator+"not a name=1",
	"ContainerLabel=both=project"+separator+"project=1", "ContainerPort=9090/udp", "ContainerDefaultArgs=--x"+separator+"1",
)

func TestTheProjectBeatsTheBase(t *testing.T) {
	config, manifest := built(t, project, Choices{})
	c := config.Config
	if c.User != "app" || c.WorkingDir != "/service" || !slices.Equal(c.Entrypoint, []string{"dotnet", "/service/App.dll"}) || !slices.Equal(c.Cmd, []string{"--x", "1"}) {
		t.Errorf("runs as %q in %q: %q %q", c.User, c.WorkingDir, c.Entrypoint, c.Cmd)
	}
	if want := []string{"APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "BOTH=project", "PROJECT=1"}; !slices.Equal(c.Env, want) {
		t.Errorf("environment %q, want %q", c.Env, want)
	}
	if got := exposed(config); got != "22/tcp 8080/tcp 9090/udp" {
		t.Errorf("exposes %s", got)
	}
	want := map[string]string{"of": "base", "both": "project", "project": "1", "org.opencontainers.image.title": "The app", "org.opencontainers.image.description": "of the project"}
	if !maps.Equal(c.Labels, want) {
		t.Errorf("labels %v, want %v", c.Labels, want)
	}
	if manifest.Annotations["org.opencontainers.image.title"] != "The app" || manifest.Annotations["project"] != "" || !config.Created.Equal(image.Epoch.Time) {
		t.Errorf("annotations %v, created %v", manifest.Annotations, config.Created)
	}
	noted, err := NewConfig(project, Choices{})
	if err != nil || len(noted.Notes) != 1 || !strings.Contains(noted.Notes[0], `"not a name"`) {
		t.Errorf("notes %q, %v", noted.Notes, err)
	}
}

func TestAFlagBeatsTheProject(t *testing.T) {
	config, manifest := built(t, project, Choices{
		Ports: []string{"8443", "53/UDP"}, Env: []string{"BOTH=flag", "URL=http://x/?a=b", "EMPTY="}, Labels: []string{"both=flag"},
		Annotations: []string{"com.example.team=a b"}, Entrypoint: []string{"/run", "me"}, Cmd: []string{"now"}, User: "1:2", WorkingDir: "/srv/app/",
		Version: "2.0", Revision: "0123", SourceURL: "https://ci:token@example.com/app.git", Created: "2026-01-31T13:00:00+01:00",
	})
	c := config.Config
	if c.User != "1:2" || c.WorkingDir != "/srv/app" || !slices.Equal(c.Entrypoint, []string{"/run", "me"}) || !slices.Equal(c.Cmd, []string{"now"}) {
		t.Errorf("runs as %q in %q: %q %q", c.User, c.WorkingDir, c.Entrypoint, c.Cmd)
	}
	if want := []string{"APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "BOTH=flag", "EMPTY=", "PROJECT=1", "URL=http://x/?a=b"}; !slices.Equal(c.Env, want) {
		t.Errorf("environment %q, want %q", c.Env, want)
	}
	if got := exposed(config); got != "53/udp 8443/tcp" {
		t.Errorf("exposes %s", got)
	}
	about := map[string]string{
		"org.opencontainers.image.title": "The app", "org.opencontainers.image.description": "of the project",
		"org.opencontainers.image.version": "2.0", "org.opencontainers.image.revision": "0123",
		"org.opencontainers.image.source": "https://example.com/app", "org.opencontainers.image.created": "2026-01-31T13:00:00+01:00",
	}
	if want := merged(about, map[string]string{"of": "base", "both": "flag", "project": "1"}); !maps.Equal(c.Labels, want) {
		t.Errorf("labels %v, want %v", c.Labels, want)
	}
	want := merged(about, map[string]string{"com.example.team": "a b", "org.opencontainers.image.base.name": "base", "org.opencontainers.image.base.digest": "sha256:ba5e"})
	if !maps.Equal(manifest.Annotations, want) {
		t.Errorf("annotations %v, want %v", manifest.Annotations, want)
	}
	if want := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC); !config.Created.Equal(want) {
		t.Errorf("created %v", config.Created)
	}
}

func TestWithoutAWordTheBaseDecides(t *testing.T) {
	config, manifest := built(t, said(), Choices{})
	if config.Config.User != "1654" || config.Config.WorkingDir != "/app" || exposed(config) != "22/tcp 8080/tcp" || len(config.Config.Cmd) != 0 {
		t.Errorf("config %+v", config.Config)
	}
	if _, inherited := config.Config.Labels["org.opencontainers.image.version"]; inherited {
		t.Error("the base's version is taken for the app's")
	}
	if manifest.Annotations["org.opencontainers.image.title"] != "App" || manifest.Annotations["org.opencontainers.image.created"] != "" {
		t.Errorf("annotations %v", manifest.Annotations)
	}
	// Variables of the caller's tell of ports, too.
	if config, _ := built(t, said(), Choices{Env: []string{"ASPNETCORE_URLS=http://+:81"}}); exposed(config) != "22/tcp 81/tcp" {
		t.Errorf("exposes %s", exposed(config))
	}
}

func TestAnEntrypointAloneLeavesTheProjectsArguments(t *testing.T) {
	config, _ := built(t, project, Choices{Entrypoint: []string{"/run"}})
	if !slices.Equal(config.Config.Entrypoint, []string{"/run"}) || !slices.Equal(config.Config.Cmd, []string{"--x", "1"}) {
		t.Errorf("%q %q", config.Config.Entrypoint, config.Config.Cmd)
	}
}

func TestBadChoicesAreOneLine(t *testing.T) {
	for says, c := range map[string]Choices{
		`--port: port "http"`:               {Ports: []string{"8080", "http"}},
		`--port: port "70000"`:              {Ports: []string{"70000"}},
		`--port: port "80/sctp"`:            {Ports: []string{"80/sctp"}},
		`--env-var "two"`:                   {Env: []string{"A=one", "two"}},
		`--env-var: "1A" is not a name`:     {Env: []string{"1A=x"}},
		`--label: "" is not a name`:         {Labels: []string{"=x"}},
		`--annotation: "a b" is not a name`: {Annotations: []string{"a b=x"}},
		`--annotation: org.opencontainers.image.base.name names the base image`: {Annotations: []string{"org.opencontainers.image.base.name=x"}},
		`--entrypoint: its first part is empty`:                                 {Entrypoint: []string{" ", "x"}},
		`--user: "a b" is no user`:                                              {User: "a b"},
		`--user: "a:b:c" is no user`:                                            {User: "a:b:c"},
		`--working-dir: "app"`:                                                  {WorkingDir: "app"},
		`--working-dir: "/"`:                                                    {WorkingDir: "/"},
		`--working-dir: "/app/../etc"`:                                          {WorkingDir: "/app/../etc"},
		`--version "1 2"`:                                                       {Version: "1 2"},
		`--created "yesterday"`:                                                 {Created: "yesterday"},
		`--source-url: want a URL`:                                              {SourceURL: "git@token.example:app"},
	} {
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", says, err)
		}
		if err != nil && strings.Contains(err.Error(), "token") {
			t.Errorf("the error shows the URL: %v", err)
		}
	}
	if err := (Choices{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestBadProjectsAreToldByName(t *testing.T) {
	for says, p := range map[string]dotnet.Project{
		`ContainerPort of the project: port "many/tcp"`:    said("ContainerPort=many/tcp"),
		`ContainerUser of the project: "a b"`:              said("ContainerUser=a b"),
		`ContainerWorkingDirectory of the project: "C:\a"`: said(`ContainerWorkingDirectory=C:\a`),
		"container properties of App.csproj":               said("ContainerAppCommandInstruction=Nothing"),
	} {
		if _, err := NewConfig(p, Choices{}); err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `\\`, `\`), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// entries gives a layer's entries by name.
func entries(t *testing.T, l image.Layer) map[string]*tar.Header {
	t.Helper()
	in, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	headers := map[string]*tar.Header{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers
		}
		if err != nil {
			t.Fatal(err)
		}
		headers[h.Name] = h
	}
}

// webApp publishes static files and gives the entries of its layers.
func webApp(t *testing.T, choices Choices, content string) map[string]*tar.Header {
	t.Helper()
	root := publish(t, map[string]string{"App.dll": "il", "appsettings.json": content})
	if err := os.Mkdir(path.Join(root, "wwwroot"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"site.css": content, "fixed.css": "fixed"} {
		if err := os.WriteFile(path.Join(root, "wwwroot", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	config, err := NewConfig(said(), choices)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Parts(said(), config, []Input{{Base: image.Base{Image: empty.Image}, Root: root}}, image.Gzip, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*tar.Header{}
	for _, layer := range parts[0].Layers {
		maps.Copy(all, entries(t, layer))
	}
	return all
}

// UseStaticFiles makes an ETag of a file's time and length.
func TestAnEditOfEqualLengthGivesAStaticFileAnotherTime(t *testing.T) {
	before, after, again := webApp(t, Choices{}, "red"), webApp(t, Choices{}, "blu"), webApp(t, Choices{}, "red")
	const edited = "app/wwwroot/site.css"
	for name, h := range before {
		if !h.ModTime.Equal(again[name].ModTime) {
			t.Errorf("%s has another time in the next build", name)
		}
		if h.ModTime.Equal(after[name].ModTime) == (name == edited) {
			t.Errorf("%s carries %s before an edit of %s, %s after it", name, h.ModTime, edited, after[name].ModTime)
		}
		if !strings.HasSuffix(name, ".css") && !h.ModTime.Equal(image.Epoch.Time) {
			t.Errorf("%s carries %s", name, h.ModTime)
		}
		if h.ModTime.After(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) || h.ModTime.Nanosecond() != 0 {
			t.Errorf("%s carries %s, which a server may not send", name, h.ModTime)
		}
	}
}

func TestTheAppLiesInItsFolderAndFoldersAboveAreLeftAlone(t *testing.T) {
	got := webApp(t, Choices{WorkingDir: "/tmp/one/app"}, "x")
	want := []string{"tmp/one/app/", "tmp/one/app/App.dll", "tmp/one/app/appsettings.json", "tmp/one/app/wwwroot/", "tmp/one/app/wwwroot/fixed.css", "tmp/one/app/wwwroot/site.css"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("the layer has %q", names)
	}
}

func TestFilesBelongToAUserWhoIsANumber(t *testing.T) {
	for user, want := range map[string]int{"": 0, "app": 0, "1654": 1654, "1654:0": 0, "root": 0, "1000660000": 1000660000, "99999999999": 0} {
		for name, h := range webApp(t, Choices{User: user}, "x") {
			if h.Uid != want || h.Gid != 0 {
				t.Errorf("user %q: %s belongs to %d:%d, want %d", user, name, h.Uid, h.Gid, want)
			}
		}
	}
}
