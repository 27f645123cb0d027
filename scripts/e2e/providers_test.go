//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
)

// TestEveryProviderPushesTheSameDigest runs each pipeline with the real dagger, an engine, base images and a registry that are new,
// and compares what it pushed with what a shell pushes by way of the engine of the other tests.
func TestEveryProviderPushesTheSameDigest(t *testing.T) {
	t.Parallel()
	shell, _ := push(t, nil, []string{"--image", repository(t)})
	eachProvider(t, func(t *testing.T, provider string) {
		env, _ := freshEngine(t)
		defer func() { run(t, env, filepath.Join(root(t), "scripts", "dagger-local"), "clean") }()
		registry := strings.TrimPrefix(localWith(t, env, "REGISTRY"), "tcp://")
		if registry == host(t) {
			t.Fatal("it is no fresh registry")
		}
		p := realCheckout(t, provider, cifile.App{Image: registry + "/sample-app", Module: root(t), Source: "sample-app", Require: []string{"inspect"}})
		p.install(t, "#!/bin/sh\nexport "+strings.Join(quoted(append(env, "HOME="+os.Getenv("HOME"), "PATH="+os.Getenv("PATH"))), " ")+"\nexec "+filepath.Join(root(t), "scripts", "dagger")+` --progress=plain "$@"`+"\n")
		o := runners[provider](t, p)
		if o.code != 0 {
			t.Fatalf("code %d\n%s", o.code, tail(o.log))
		}
		ran := result{stderr: o.log}
		if !ran.restored() || !ran.published() {
			t.Error("it is no fresh engine: a step came from its cache")
		}
		id := strings.TrimSpace(run(t, nil, "git", "-C", p.dir, "rev-parse", "HEAD").stdout)
		for _, tag := range []string{id, "1.4.0"} {
			reference, err := name.ParseReference(registry + "/sample-app:" + tag)
			if err != nil {
				t.Fatal(err)
			}
			pushed, err := remote.Head(reference)
			if err != nil {
				t.Fatalf("%v\n%s", err, tail(o.log))
			}
			if pushed.Digest.String() != shell.Digest {
				t.Errorf("%s is %s, and a shell's %s", reference, pushed.Digest, shell.Digest)
			}
		}
	})
}

func quoted(variables []string) []string {
	words := make([]string, len(variables))
	for i, v := range variables {
		words[i] = "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
	}
	return words
}

// realCheckout is a repository with the sample app and the provider's file for it, at the commit of a version. Its .env says what
// this machine has in the place of Microsoft's registry.
func realCheckout(t *testing.T, provider string, app cifile.App) *pipeline {
	t.Helper()
	p := &pipeline{dir: filepath.Join(t.TempDir(), "checkout"), event: "push"}
	if err := os.CopyFS(filepath.Join(p.dir, "sample-app"), os.DirFS(filepath.Join(root(t), "sample-app"))); err != nil {
		t.Fatal(err)
	}
	path, err := cifile.Path(provider)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cifile.Render(provider, app)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, map[string]string{path: text, ".gitignore": "bin/\nobj/\n", ".env": `dotnet_multiarch_PWD=
dotnet_multiarch_registry=${DOTNET_MULTIARCH_REGISTRY}
dotnet_multiarch_baseRegistry=${DOTNET_MULTIARCH_BASE_REGISTRY:-mcr.microsoft.com}
dotnet_multiarch_sdkImage=${DOTNET_MULTIARCH_SDK_IMAGE:-}
dotnet_multiarch_property=${DOTNET_MULTIARCH_PROPERTY:-}
`})
	p.commit(t)
	git(t, p.dir, "tag", "v1.4.0")
	return p
}

// The verb gives what the room renders, for the app that the constructor describes, and compares it with what is committed.
func TestTheFileOfAPipelineIsWrittenAndChecked(t *testing.T) {
	t.Parallel()
	p := &pipeline{dir: filepath.Join(t.TempDir(), "checkout")}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.dir, filepath.FromSlash(workflow))
	args := []string{"call", "--project", "Api", "--platforms", "linux/arm64", "ci-file", "--provider", "github", "--image", "ghcr.io/me/app", "--require", "test"}
	if r := dagger(t, append([]string{"call", "-o", file}, args[1:]...)...); r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	want, err := cifile.Render("github", cifile.App{
		Image: "ghcr.io/me/app", Module: "github.com/dotnet-multiarch/dotnet-multiarch", Source: ".", Projects: []string{"Api"}, Platforms: "linux/arm64", Require: []string{"test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
	check := append(args, "--check", "--repository", p.dir)
	if r := dagger(t, check...); r.code != 0 || r.stdout != workflow+" is up to date\n" {
		t.Errorf("code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
	edit(t, file, "timeout-minutes: 30", "timeout-minutes: 40")
	for _, c := range []struct {
		args []string
		says string
	}{
		{check, `checking .github/workflows/build-and-push.yml: line 21 is "    timeout-minutes: 40" and should be "    timeout-minutes: 30": write it again: dagger -m github.com/`},
		{[]string{"call", "--source", p.dir, "ci-file", "--provider", "gitlab", "--image", "ghcr.io/me/app", "--check"}, "checking .gitlab-ci.yml: it is missing or empty"},
		{[]string{"call", "ci-file", "--provider", "jenkins", "--image", "ghcr.io/me/app"}, `provider "jenkins" does not exist: use one of azure, github, gitlab`},
		{[]string{"call", "ci-file", "--provider", "azure", "--image", "https://ghcr.io/me/app"}, "leave out the scheme"},
	} {
		r := dagger(t, c.args...)
		if r.code == 0 || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: code %d, want %q\n%s", c.args, r.code, c.says, tail(r.stderr))
		}
	}
	// This repository's own.
	r := dagger(t, "call", "ci-file", "--provider", "azure", "--image", "$IMAGE", "--role", "$AWS_ROLE_ARN", "--folder", "sample-app", "--module", "", "--check", "--repository", ".")
	if r.code != 0 || r.stdout != "azure-pipelines.yml is up to date\n" {
		t.Errorf("code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
}
