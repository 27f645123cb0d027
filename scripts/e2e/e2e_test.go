//go:build e2e

// Package e2e tests the product through its front door: scripts/dagger on a real engine, a real SDK and a real registry.
// scripts/test runs it; by hand: go test -tags e2e ./scripts/e2e.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// limit ends a call that hangs; no test waits for it when all is well.
const limit = 15 * time.Minute

// publication is what --format json promises, docs/publication.md.
type publication struct {
	Reference string
	Digest    string
	Tags      []string
	Platforms []struct {
		Platform, Digest string
		Size, AppSize    int64
	}
	Blobs     struct{ Sent, Mounted, Present int }
	BytesSent int64
	Seconds   map[string]float64
	Base      string
	// BaseDigest and SDK say what was resolved; RebasedFrom is a rebase's.
	BaseDigest, SDK, RebasedFrom string
	Notes                        []string
}

type result struct {
	stdout, stderr string
	code           int
}

// root is the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a program in the repository, with variables added to the environment.
func run(t *testing.T, env []string, program string, args ...string) result {
	t.Helper()
	return runIn(t, root(t), env, program, args...)
}

// unheard is what a call of Dagger ends with, about once in a thousand, when it asks a busy engine before the engine knows its
// session. The module is not loaded yet: nothing has been done.
var unheard = regexp.MustCompile(`failed to get configured module: .*session for "\w+" not found`)

// runIn runs it in another folder.
func runIn(t *testing.T, dir string, env []string, program string, args ...string) result {
	t.Helper()
	r := runOnce(t, dir, env, program, args...)
	if r.code != 0 && unheard.MatchString(r.stderr) {
		t.Logf("once more, since the engine did not know the call's session: %s", unheard.FindString(r.stderr))
		r = runOnce(t, dir, env, program, args...)
	}
	return r
}

func runOnce(t *testing.T, dir string, env []string, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return result{plain(stdout.String()), plain(stderr.String()), cmd.ProcessState.ExitCode()}
}

// dagger is the command a user types.
func dagger(t *testing.T, args ...string) result {
	t.Helper()
	return daggerWith(t, nil, args...)
}

func daggerWith(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return run(t, env, filepath.Join(root(t), "scripts", "dagger"), args...)
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

func plain(s string) string { return colour.ReplaceAllString(s, "") }

// push builds and pushes: arguments of the constructor, then those of the function.
func push(t *testing.T, constructor, function []string) (publication, result) {
	t.Helper()
	return pushedAs[publication](t, constructor, function)
}

// pushedAs reads what a push says, of one app or of several.
func pushedAs[T any](t *testing.T, constructor, function []string) (said T, r result) {
	t.Helper()
	args := append([]string{"--progress=plain", "call"}, constructor...)
	args = append(append(args, "build-and-push", "--format", "json"), function...)
	r = dagger(t, args...)
	if r.code != 0 {
		t.Fatalf("dagger %s: code %d\n%s", strings.Join(args, " "), r.code, tail(r.stderr))
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	return said, r
}

// tail is the end of a log, where the reason is.
func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// published says whether the publish step really ran: a cached step shows none of the build's lines.
func (r result) published() bool { return strings.Contains(r.stderr, "-> /publish/linux-") }

// restored likewise.
func (r result) restored() bool { return strings.Contains(r.stderr, "Determining projects to restore") }

// host is the loopback registry, as .env and scripts/dagger name it.
func host(t *testing.T) string {
	t.Helper()
	return strings.TrimPrefix(local(t, "REGISTRY"), "tcp://")
}

// local gives a value that scripts/dagger sets for .env on this machine, without DOTNET_MULTIARCH_ before its name; "" where it
// sets none. In a shell that has evaluated dagger-local env, the one variable of them all is what is printed again.
func local(t *testing.T, name string) string {
	t.Helper()
	return localWith(t, nil, name)
}

func localWith(t *testing.T, env []string, name string) string {
	t.Helper()
	all := regexp.MustCompile(`DOTNET_MULTIARCH_LOCAL='?([^'\n]*)`).FindStringSubmatch(localEnvironment(t, env))
	names := []string{"REGISTRY", "BASE_REGISTRY", "SDK_IMAGE", "PROPERTY"}
	values := strings.Split(all[1], "|")
	if len(values) != len(names) {
		t.Fatalf("dagger-local env: %q are not %d values", values, len(names))
	}
	return values[slices.Index(names, name)]
}

// localEnvironment is what scripts/dagger sets, as lines for a shell.
func localEnvironment(t *testing.T, env []string) string {
	t.Helper()
	r := run(t, env, filepath.Join(root(t), "scripts", "dagger-local"), "env")
	if r.code != 0 || !strings.Contains(r.stdout, "DOTNET_MULTIARCH_LOCAL=") {
		t.Fatalf("dagger-local env: code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
	return r.stdout
}

// tagged says whether a repository has the tag.
func tagged(t *testing.T, reference string) bool {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	_, err = remote.Head(ref)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == 404 {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// sample copies the sample app into a folder of its own and gives the path.
func sample(t *testing.T, folder string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), folder)
	if err := os.CopyFS(to, os.DirFS(filepath.Join(root(t), "sample-app"))); err != nil {
		t.Fatal(err)
	}
	return to
}

// edit replaces the first occurrence of a text in a file.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(content, []byte(from)) {
		t.Fatalf("%s has no %q", file, from)
	}
	if err := os.WriteFile(file, bytes.Replace(content, []byte(from), []byte(to), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

// write lays files with their text below a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// git runs git in a folder, whatever its user has configured.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)
	if r := run(t, []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}, "git", args...); r.code != 0 {
		t.Fatalf("git %q: code %d\n%s", args, r.code, tail(r.stderr))
	}
}

// commit makes a repository of a folder, with one commit.
func commit(t *testing.T, dir string) {
	t.Helper()
	git(t, dir, "init", "-q")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "all")
}

// nonce tells this run's repositories from those that earlier runs left in a registry that outlives them.
var nonce = strconv.FormatInt(time.Now().UnixNano(), 36)

// repository names one that no other test pushes to, and no other run.
func repository(t *testing.T) string {
	return fmt.Sprintf("%s/e2e/%s/%s", host(t), nonce, regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(t.Name()), "-"))
}
