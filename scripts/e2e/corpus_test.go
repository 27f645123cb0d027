//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
)

// needsDotnet10 skips where the base images hold another .NET than the corpus is for.
func needsDotnet10(t *testing.T) {
	t.Helper()
	if strings.Contains(local(t, "PROPERTY"), "netcoreapp3.1") {
		t.Skip("the base images here hold .NET 3.1: name a bundle of .NET 10 with DOTNET_BUNDLE")
	}
}

// TestCorpus publishes an app for each feature of real solutions, for both platforms, and lets each result say that the feature
// worked.
func TestCorpus(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	for _, c := range []struct {
		name        string
		constructor []string
		console     bool
		facts       map[string]any
		files       []string // in /app
		base        string
		skip        string
	}{
		{
			name:        "a solution with central packages, a generator, linked files, satellites and static assets",
			constructor: []string{"--source", "testdata/solution"},
			facts: map[string]any{
				"version": "1.4.2", "domainVersion": "1.4.2", "validNumbers": true, "english": "Good morning", "german": "Guten Morgen",
			},
			files: []string{"de/Shop.Domain.resources.dll", "terms.txt", "wwwroot/site.css", "wwwroot/site.css.br", "Shop.Data.dll"},
			base:  "dotnet/aspnet:10.0",
		},
		{
			name:        "a solution by name",
			constructor: []string{"--source", "testdata/solution", "--project", "Shop.sln"},
			facts:       map[string]any{"version": "1.4.2"},
		},
		{
			name:        "a solution filter",
			constructor: []string{"--source", "testdata/solution", "--project", "Shop.Api.slnf"},
			facts:       map[string]any{"version": "1.4.2"},
		},
		{
			name:        "a worker with a native package",
			constructor: []string{"--source", "testdata/worker"}, console: true,
			facts: map[string]any{"answer": 42.0}, files: []string{"libe_sqlite3.so"}, base: "dotnet/runtime:10.0",
		},
		{
			name:        "one of several frameworks",
			constructor: []string{"--source", "testdata/frameworks", "--framework", "net10.0"},
			facts:       map[string]any{"branch": "net10.0", "compiledFor": ".NETCoreApp,Version=v10.0"},
		},
		{
			name:        "Native AOT that the project asks for",
			constructor: []string{"--source", "testdata/aot"},
			facts:       map[string]any{"dynamicCode": false}, base: "dotnet/runtime-deps:10.0",
		},
		{
			name:        "a file-based web app, native by default",
			constructor: []string{"--source", "testdata/file-based", "--project", "hello.cs"},
			facts:       map[string]any{"dynamicCode": false}, base: "dotnet/runtime-deps:10.0",
		},
		{
			name:        "a file-based console app",
			constructor: []string{"--source", "testdata/file-based/tool"}, console: true,
			facts: map[string]any{"arguments": 0.0}, base: "dotnet/runtime:10.0",
		},
		{
			name:        "Visual Basic",
			constructor: []string{"--source", "testdata/vb"}, console: true,
			facts: map[string]any{"language": "Visual Basic"},
		},
		{
			name:        "a lock file that fits",
			constructor: []string{"--source", "testdata/locked", "--locked-mode"}, console: true,
			facts: map[string]any{"package": "Newtonsoft.Json"},
			skip:  map[bool]string{true: "the lock file holds the hash of the bundle's repacked package: name the bundle with DOTNET_BUNDLE"}[os.Getenv("DOTNET_BUNDLE") == ""],
		},
		{name: "F#", skip: "the bundle's SDK has no F# compiler"},
		{name: "musl", skip: "the bundle has no apphost and no base image for musl; its tags and identifiers are unit-tested in internal/dotnet"},
		{name: "linux/arm/v7 and further architectures", skip: "the bundle has no apphost and no base image for them; the table is unit-tested in internal/platform"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.skip != "" {
				t.Skip(c.skip)
			}
			c.constructor[1] = filepath.Join("scripts", "e2e", c.constructor[1])
			p, _ := push(t, c.constructor, []string{"--image", repository(t)})
			if !strings.HasSuffix(p.Base, c.base) {
				t.Errorf("base %s, want %s", p.Base, c.base)
			}
			for of, architecture := range map[string]string{"linux/amd64": "X64", "linux/arm64": "Arm64"} {
				u := pull(t, p.Reference, of)
				u.checkMachines(t, false)
				for _, file := range c.files {
					if _, err := os.Stat(filepath.Join(u.root, "app", file)); err != nil {
						t.Errorf("%s: %v", of, err)
					}
				}
				var facts map[string]any
				if c.console {
					facts = u.run(t)
				} else {
					facts = get(t, "http://"+u.start(t)+"/facts")
				}
				if facts["architecture"] != architecture {
					t.Errorf("%s: architecture %v", of, facts["architecture"])
				}
				for name, want := range c.facts {
					if !reflect.DeepEqual(facts[name], want) {
						t.Errorf("%s: %s is %v, want %v", of, name, facts[name], want)
					}
				}
			}
		})
	}
}

// TestLockFileThatDoesNotFit: the lock file is for two platforms, and one of them is not built.
func TestLockFileThatDoesNotFit(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	app := []string{"--progress=plain", "call", "--source", "scripts/e2e/testdata/locked", "--platforms", "linux/amd64"}
	r := dagger(t, append(app, "--locked-mode", "build", "entries")...)
	if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "NU1004") || !strings.Contains(message, "RuntimeIdentifiers") {
		t.Errorf("code %d\n%s", r.code, message)
	}
}

// TestDockerignore: where there is one it alone decides, also over what git ignores.
func TestDockerignore(t *testing.T) {
	t.Parallel()
	source := sample(t, "docker")
	for name, text := range map[string]string{
		".dockerignore": "**/Stale.cs\n", ".gitignore": "built.json\n",
		"src/SampleApp.Api/Stale.cs": "not C#", "src/SampleApp.Api/built.json": "{}",
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to := t.TempDir()
	r := dagger(t, "--progress=plain", "call", "--source", source, "--platforms", "linux/amd64", "build", "export", "--path", to)
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	if _, err := os.Stat(filepath.Join(to, "linux", "amd64", "built.json")); err != nil {
		t.Error(err)
	}
}

// TestFrameworkOutOfSupport: it is built, and one line says until when it was supported.
func TestFrameworkOutOfSupport(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	app := []string{"--progress=plain", "call", "--source", "scripts/e2e/testdata/frameworks", "--framework", "net8.0"}
	r := dagger(t, append(app, "describe")...)
	var said struct {
		BaseImage string
		Notes     []string
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatalf("%v\n%s", err, tail(r.stderr))
	}
	if len(said.Notes) != 1 || !strings.Contains(said.Notes[0], "2026-11-10") || !strings.HasSuffix(said.BaseImage, "dotnet/aspnet:8.0") {
		t.Errorf("described as %+v", said)
	}
	to := t.TempDir()
	r = dagger(t, append(app, "build", "export", "--path", to)...)
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	for _, of := range []string{"linux/amd64", "linux/arm64"} {
		if _, err := os.Stat(filepath.Join(to, of, "Frameworks.dll")); err != nil {
			t.Error(err)
		}
	}
}

// TestHistory: a version that MSBuild makes of the history follows --git, and nothing of it is there without.
func TestHistory(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	git := t.TempDir()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	if err := os.WriteFile(filepath.Join(git, "HEAD"), []byte(commit+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, constructor := range map[string][]string{"none": nil, commit: {"--git", git}} {
		constructor = append([]string{"--source", "scripts/e2e/testdata/git-version", "--platforms", "linux/amd64"}, constructor...)
		p, _ := push(t, constructor, []string{"--image", repository(t)})
		if facts := pull(t, p.Reference, "linux/amd64").run(t); facts["commit"] != want {
			t.Errorf("commit %v, want %s", facts["commit"], want)
		}
	}
}

// TestPrivateFeed restores from a feed that wants a login.
func TestPrivateFeed(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	const user, token, other = "ci", "t0ken-of-the-first-job", "t0ken-of-the-second-job"
	var refused atomic.Int64
	feed := privateFeed(t, func(u, p string) bool {
		allowed := u == user && (p == token || p == other)
		if !allowed {
			refused.Add(1)
		}
		return allowed
	})
	source := t.TempDir()
	config := fmt.Sprintf(`<configuration><packageSources><clear /><add key="private" value="%s/v3/index.json" allowInsecureConnections="true" /></packageSources>%%s</configuration>`, feed)
	for name, text := range map[string]string{
		"App.csproj":   `<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><UseAppHost>false</UseAppHost></PropertyGroup><ItemGroup><PackageReference Include="Private.Greeting" Version="1.0.0" /></ItemGroup></Project>`,
		"Program.cs":   "#if GREETED\nSystem.Console.WriteLine(\"{\\\"greeted\\\":true}\");\n#endif\n",
		"nuget.config": fmt.Sprintf(config, ""),
	} {
		if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(t.TempDir(), "nuget.config")
	withLogin := fmt.Sprintf(config, fmt.Sprintf(`<packageSourceCredentials><private><add key="Username" value="%s" /><add key="ClearTextPassword" value="%s" /></private></packageSourceCredentials>`, user, token))
	if err := os.WriteFile(secret, []byte(withLogin), 0o600); err != nil {
		t.Fatal(err)
	}
	call := func(env string, constructor ...string) result {
		args := append([]string{"--progress=plain", "call", "--source", source}, constructor...)
		r := daggerWith(t, []string{"FEED_LOGIN=" + env}, append(args, "build-and-push", "--image", repository(t))...)
		if strings.Contains(r.stdout+r.stderr, token) || strings.Contains(r.stdout+r.stderr, other) {
			t.Error("the token is in what was printed")
		}
		return r
	}
	if r := call(""); r.code == 0 || !strings.Contains(finalError(r.stderr), "401") || !strings.Contains(finalError(r.stderr), "--nuget-credentials") || refused.Load() == 0 {
		t.Errorf("without a login: code %d\n%s", r.code, finalError(r.stderr))
	}
	login := "private=Username=" + user + ";Password="
	if r := call(login+token, "--nuget-credentials", "env://FEED_LOGIN"); r.code != 0 || !r.restored() {
		t.Errorf("with --nuget-credentials: code %d\n%s", r.code, tail(r.stderr))
	}
	if r := call(login+other, "--nuget-credentials", "env://FEED_LOGIN"); r.code != 0 || r.restored() {
		t.Errorf("with a new token: code %d, restored again: %v\n%s", r.code, r.restored(), tail(r.stderr))
	}
	if r := call("", "--nuget-config", "file://"+secret); r.code != 0 || !r.restored() {
		t.Errorf("with --nuget-config: code %d\n%s", r.code, tail(r.stderr))
	}
}

// privateFeed serves one package in NuGet's protocol, https://learn.microsoft.com/nuget/api/overview, at an address that the
// engine's containers reach.
func privateFeed(t *testing.T, allowed func(user, password string) bool) string {
	t.Helper()
	var pack bytes.Buffer
	z := zip.NewWriter(&pack)
	for name, text := range map[string]string{
		"Private.Greeting.nuspec":      `<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata><id>Private.Greeting</id><version>1.0.0</version><authors>a</authors><description>d</description></metadata></package>`,
		"build/Private.Greeting.props": `<Project><PropertyGroup><DefineConstants>$(DefineConstants);GREETED</DefineConstants></PropertyGroup></Project>`,
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(reachable(t), "0"))
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/v3/index.json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"version":"3.0.0","resources":[{"@id":"%s/flat/","@type":"PackageBaseAddress/3.0.0"}]}`, address)
	})
	mux.HandleFunc("/flat/private.greeting/index.json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"versions":["1.0.0"]}`)
	})
	mux.HandleFunc("/flat/private.greeting/1.0.0/private.greeting.1.0.0.nupkg", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(pack.Bytes())
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !allowed(user, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="feed"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return address
}

// reachable is an address of this machine that is not loopback.
func reachable(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address that a container reaches")
	return ""
}
