//go:build e2e

package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadInput: each ends with a code that is not 0, one line of cause and cure, no Go stack, and no tag.
func TestBadInput(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer refusing.Close()
	refuses := strings.TrimPrefix(refusing.URL, "http://")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name        string
		constructor func(t *testing.T) []string
		image       string // "" is the test's own repository
		says        []string
	}{
		{"code that does not compile", func(t *testing.T) []string {
			source := sample(t, "broken")
			edit(t, filepath.Join(source, "src", "SampleApp.Api", "Program.cs"), "{", "{ int x = \"text\" ;")
			return []string{"--source", source}
		}, "", []string{"publishing src/SampleApp.Api/SampleApp.Api.csproj failed", "src/SampleApp.Api/Program.cs(", "error CS"}},
		{"a source without a project", func(t *testing.T) []string { return []string{"--source", t.TempDir()} }, "", []string{"no .csproj", "--source"}},
		{"two candidates", func(t *testing.T) []string {
			source := sample(t, "two")
			if err := os.Remove(filepath.Join(source, "SampleApp.sln")); err != nil { // it would say which
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(source, "src", "Second"), os.DirFS(filepath.Join(source, "src", "SampleApp.Api"))); err != nil {
				t.Fatal(err)
			}
			return []string{"--source", source}
		}, "", []string{"2 candidates", "--project", "src/SampleApp.Api/SampleApp.Api.csproj, src/Second/SampleApp.Api.csproj"}},
		{"a class library", args("--project", "SampleApp.Core"), "", []string{"src/SampleApp.Core/SampleApp.Core.csproj is a class library"}},
		{"an unknown project", args("--project", "Nope"), "", []string{`"Nope"`, "src/SampleApp.Api/SampleApp.Api.csproj"}},
		{"a project that is not XML", func(t *testing.T) []string {
			source := sample(t, "xml")
			edit(t, filepath.Join(source, "src", "SampleApp.Api", "SampleApp.Api.csproj"), "<PropertyGroup>", "<PropertyGroup")
			return []string{"--source", source, "--project", "SampleApp.Api"}
		}, "", []string{"SampleApp.Api"}},
		{"a package that no source has", func(t *testing.T) []string {
			source := sample(t, "package")
			edit(t, filepath.Join(source, "src", "SampleApp.Api", "SampleApp.Api.csproj"), "</Project>", `<ItemGroup><PackageReference Include="No.Such.Package.Anywhere" Version="1.0.0" /></ItemGroup></Project>`)
			return []string{"--source", source}
		}, "", []string{"restoring src/SampleApp.Api/SampleApp.Api.csproj failed", "No.Such.Package.Anywhere"}},
		{"a solution that names a missing project", func(t *testing.T) []string {
			source := sample(t, "missing")
			edit(t, filepath.Join(source, "SampleApp.sln"), `src\SampleApp.Core\SampleApp.Core.csproj`, `src\Nowhere\Nowhere.csproj`)
			return []string{"--source", source, "--project", "SampleApp.sln"}
		}, "", []string{"reading SampleApp.sln failed", "Nowhere.csproj", "MSB3202"}},
		{"a circle of projects", func(t *testing.T) []string {
			source := sample(t, "circle")
			edit(t, filepath.Join(source, "src", "SampleApp.Core", "SampleApp.Core.csproj"), "</Project>", `<ItemGroup><ProjectReference Include="../SampleApp.Api/SampleApp.Api.csproj" /></ItemGroup></Project>`)
			return []string{"--source", source}
		}, "", []string{"MSB4006", "in a circle"}},
		{"a global.json that is not JSON", func(t *testing.T) []string {
			source := sample(t, "json")
			if err := os.WriteFile(filepath.Join(source, "global.json"), []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
			return []string{"--source", source, "--sdk-image", ""}
		}, "", []string{"reading global.json"}},
		{"a framework that the SDK does not know", func(t *testing.T) []string {
			needsDotnet10(t)
			source := sample(t, "newer")
			edit(t, filepath.Join(source, "src", "SampleApp.Api", "SampleApp.Api.csproj"), "</Project>", `<PropertyGroup><TargetFramework>net12.0</TargetFramework></PropertyGroup></Project>`)
			return []string{"--source", source, "--sdk-image", host(t) + "/dotnet/sdk:10.0", "--runtime-image", host(t) + "/dotnet/aspnet:10.0"}
		}, "", []string{"NETSDK1045", "--sdk-image"}},
		{"package source credentials that are none", args("--nuget-credentials", "env://PATH"), "", []string{"reading --nuget-credentials", "NAME=Username="}},
		{"a platform that does not exist", args("--platforms", "linux/arm65"), "", []string{`"linux/arm65" does not exist`, "linux/arm64"}},
		{"a platform that the base lacks", args("--platforms", "linux/amd64,linux/s390x"), "", []string{"has no linux/s390x", "linux/amd64, linux/arm64"}},
		{"a platform given twice", args("--platforms", "linux/arm64,aarch64"), "", []string{"twice"}},
		{"a base with a scheme", args("--runtime-image", "https://example.com/base:1"), "", []string{"reading --runtime-image", "leave out the scheme"}},
		{"an unknown publish mode", args("--publish", "aot"), "", []string{"native-aot"}},
		{"a registry that refuses", args("--registry", "tcp://"+refuses), refuses + "/app", []string{"403 Forbidden", "--password"}},
		{"no registry on that port", args("--registry", "tcp://"+nobody), nobody + "/app", []string{nobody, "./scripts/dagger-local up", "--image"}},
		{"a host that does not exist", nil, "registry.invalid/app", []string{"the host registry.invalid is not known"}},
		{"another port than the registry's", nil, "127.0.0.1:1/app", []string{"port 1", "--registry serves port"}},
		{"a reference with a scheme", nil, "https://example.com/app", []string{"leave out the scheme"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := c.image
			if image == "" {
				image = repository(t)
			}
			command := []string{"--progress=plain", "call"}
			if c.constructor != nil {
				command = append(command, c.constructor(t)...)
			}
			r := dagger(t, append(command, "build-and-push", "--image", image)...)
			if r.code == 0 {
				t.Errorf("it succeeded:\n%s", r.stdout)
			}
			message := finalError(r.stderr)
			for _, s := range c.says {
				if !strings.Contains(message, s) {
					t.Errorf("the error does not say %q:\n%s", s, message)
				}
			}
			if strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic:") {
				t.Errorf("a Go stack reached the user:\n%s", tail(r.stderr))
			}
			if c.image == "" && tagged(t, image+":latest") {
				t.Error("a tag was written")
			}
		})
	}
}

// finalError is what dagger prints last: "Error: …" to the end.
func finalError(stderr string) string {
	if i := strings.LastIndex(stderr, "\nError: "); i >= 0 {
		return strings.TrimSpace(stderr[i:])
	}
	return tail(stderr)
}

func args(list ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return list }
}

// TestEnv: the defaults of .env, what beats them, and what a bad one says.
func TestEnv(t *testing.T) {
	t.Parallel()
	t.Run("another host than loopback never reaches the registry of .env", func(t *testing.T) {
		r := dagger(t, "call", "build-and-push", "--image", "registry.invalid/sample-app")
		if r.code == 0 || !strings.Contains(finalError(r.stderr), "registry.invalid is not known") {
			t.Errorf("code %d\n%s", r.code, tail(r.stderr))
		}
	})
	t.Run("a bad registry address", func(t *testing.T) {
		r := daggerWith(t, []string{"DOTNET_MULTIARCH_REGISTRY=nonsense"}, "call", "build-and-push")
		if r.code == 0 || strings.Contains(r.stderr, "goroutine ") {
			t.Errorf("code %d\n%s", r.code, tail(r.stderr))
		}
	})
	t.Run("a bad property", func(t *testing.T) {
		r := daggerWith(t, []string{"DOTNET_MULTIARCH_PROPERTY=nonsense"}, "call", "build-and-push")
		if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "Name=Value") {
			t.Errorf("code %d\n%s", r.code, message)
		}
	})
	t.Run("a flag beats it", func(t *testing.T) {
		p, _ := push(t, []string{"--platforms", "linux/arm64"}, []string{"--image", repository(t)})
		if len(p.Platforms) != 1 || p.Platforms[0].Platform != "linux/arm64" {
			t.Errorf("platforms %v", p.Platforms)
		}
	})
}
