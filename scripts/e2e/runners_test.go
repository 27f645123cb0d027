//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// pipeline is a repository that a CI provider has checked out, and what its runner knows.
type pipeline struct {
	dir string
	// event is push, pull request or fork: a pull request from one.
	event string
	// values are the project's variables.
	values map[string]string
	// issuer is the address of the provider's identity service; "" where the project has none.
	issuer string
}

// outcome is what a run of a pipeline did.
type outcome struct {
	code int
	log  string
	// calls are the arguments of each call of the recording dagger, and environments what it saw of its variables.
	calls        [][]string
	environments []map[string]string
}

// pipelineTool is the path of a program that scripts/test installs; its variable says where.
func pipelineTool(t *testing.T, variable, what string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skipf("%s is not installed: scripts/test does it, and says where in %s", what, variable)
	}
	return path
}

// identity is an identity service as the providers have them: GitHub's is asked by GET with an audience, Azure's by POST,
// for the pipeline or for a service connection.
func identity(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		switch {
		case !strings.EqualFold(r.Header.Get("Authorization"), "Bearer job-token"):
			http.Error(w, "no", http.StatusUnauthorized)
		case r.Method == http.MethodGet && query.Get("audience") == "sts.amazonaws.com":
			io.WriteString(w, `{"count": 1, "value": "identity-of-the-job"}`) //nolint:errcheck // the client sees it
		case r.Method == http.MethodPost && query.Get("api-version") == "7.1" && (!query.Has("serviceConnectionId") || query.Get("serviceConnectionId") == "connection-7"):
			io.WriteString(w, `{"oidcToken":"identity-of-the-job"}`) //nolint:errcheck // the client sees it
		default:
			http.Error(w, "bad request", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

const recordingDagger = `#!/bin/sh
# Writes down how it is called, and does what the files beside its records say.
if [ "$1" = version ]; then echo "dagger v0.19.10"; exit 0; fi
record=RECORD
{ for argument in "$@"; do printf '%s\n' "$argument"; done; echo; } >> "$record/calls"
{ env | grep -E '^(AWS_ID_TOKEN|REGISTRY_USERNAME|REGISTRY_PASSWORD|_EXPERIMENTAL_DAGGER_RUNNER_HOST)='; echo; } >> "$record/environments"
for verb in test-results test build-and-push; do
  case " $* " in *" $verb "*) break ;; esac
done
case $verb in
  test-results) mkdir -p TestResults/trx; echo '<testsuites/>' > TestResults/junit.xml; echo '<TestRun/>' > TestResults/trx/a.trx; echo '# Tests of the app' > TestResults/summary.md ;;
  build-and-push) [ -f "$record/$verb.code" ] || echo '### Published image' > TestResults/image.md ;;
esac
if [ -f "$record/$verb.stderr" ]; then cat "$record/$verb.stderr" >&2; fi
if [ -f "$record/$verb.code" ]; then exit "$(cat "$record/$verb.code")"; fi
`

// record puts the recording dagger where the provider's cache would, and gives the folder of its records.
func (p *pipeline) record(t *testing.T) string {
	t.Helper()
	records := t.TempDir()
	p.install(t, strings.ReplaceAll(recordingDagger, "RECORD", records))
	return records
}

// install puts a program in the place of dagger, as a cache of an earlier run has it.
func (p *pipeline) install(t *testing.T, script string) {
	t.Helper()
	// Azure's cache is given back into the checkout, GitHub's is copied from there, and gitlab-ci-local has a folder of its own.
	for _, folder := range []string{"", ".gitlab-ci-local/cache/dagger-0.19.10"} {
		name := filepath.Join(p.dir, folder, ".tools", "bin", "dagger")
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(script), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p.dir, map[string]string{".gitlab-ci-local/.gitignore": "*\n"})
}

func (o *outcome) read(t *testing.T, records string) {
	t.Helper()
	for _, call := range paragraphs(t, filepath.Join(records, "calls")) {
		o.calls = append(o.calls, strings.Split(call, "\n"))
	}
	for _, text := range paragraphs(t, filepath.Join(records, "environments")) {
		variables := map[string]string{}
		for line := range strings.SplitSeq(text, "\n") {
			if name, value, ok := strings.Cut(line, "="); ok {
				variables[name] = value
			}
		}
		o.environments = append(o.environments, variables)
	}
}

func paragraphs(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n\n"), "\n\n")
}

// execute runs a program of a runner in the checkout.
func (p *pipeline) execute(t *testing.T, env []string, program string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit) // a job is several commands
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), env...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return outcome{code: cmd.ProcessState.ExitCode(), log: plain(log.String())}
}

// github runs .github/workflows/build-and-push.yml, or another workflow, with act. Actions of others are stubs, found by the exact
// commit that the workflow names.
func (p *pipeline) github(t *testing.T, workflow string) outcome {
	t.Helper()
	act := pipelineTool(t, "ACT", "act")
	text, err := os.ReadFile(filepath.Join(p.dir, workflow))
	if err != nil {
		t.Fatal(err)
	}
	event := map[string]any{"ref": "refs/heads/main"}
	name := "push"
	if p.event != "push" {
		name = "pull_request"
		event = map[string]any{"pull_request": map[string]any{"head": map[string]any{"ref": "topic", "repo": map[string]any{"fork": p.event == "fork"}}, "base": map[string]any{"ref": "main"}}}
	}
	description, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	write(t, home, map[string]string{"event.json": string(description)})
	args := []string{
		name, "-W", workflow, "-e", filepath.Join(home, "event.json"), "-P", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server", "--action-offline-mode", "--artifact-server-path", filepath.Join(home, "artifacts"),
	}
	// act leaves out of the job's folder what git ignores, so that the cache gives it back as GitHub's does.
	restore := "mkdir -p .tools && cp -r '" + filepath.Join(p.dir, ".tools", "bin") + "' .tools/"
	for action, dir := range map[string]string{
		"actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae": stubAction(t, restore), "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f": stubAction(t, "ls TestResults"),
		thisAction: root(t),
	} {
		args = append(args, "--local-repository", action+"="+dir)
	}
	for name, value := range p.values {
		args = append(args, "--var", name+"="+value)
	}
	args = append(args, "--secret", "REGISTRY_PASSWORD=secret-of-the-registry")
	// GitHub lets a job ask for an identity token that has the permission for it.
	if p.issuer != "" && permitsIdentity(t, string(text)) {
		args = append(args, "--env", "ACTIONS_ID_TOKEN_REQUEST_URL="+p.issuer+"/?api-version=2.0", "--env", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=job-token")
	}
	return p.execute(t, []string{"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache")}, act, args...)
}

// thisAction is this repository's action as another repository names it.
const thisAction = "dotnet-multiarch/dotnet-multiarch@0123456789012345678901234567890123456789"

// stubAction stands for an action of others, and runs a command.
func stubAction(t *testing.T, command string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"action.yml": "name: stub\ndescription: stub\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: " + command + "\n"})
	commit(t, dir)
	return dir
}

func permitsIdentity(t *testing.T, text string) bool {
	t.Helper()
	var file struct {
		Jobs map[string]struct{ Permissions map[string]string }
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	for _, job := range file.Jobs {
		if job.Permissions["id-token"] == "write" {
			return true
		}
	}
	return false
}

// gitlab runs .gitlab-ci.yml with gitlab-ci-local.
func (p *pipeline) gitlab(t *testing.T, args ...string) outcome {
	t.Helper()
	modules := pipelineTool(t, "PIPELINE_NODE_MODULES", "gitlab-ci-local")
	args = append([]string{"--force-shell-executor", "--shell-isolation"}, args...)
	if p.event != "push" {
		args = append(args, "--variable", "CI_PIPELINE_SOURCE=merge_request_event")
	}
	for name, value := range p.values {
		args = append(args, "--variable", name+"="+value)
	}
	if p.issuer != "" {
		args = append(args, "--variable", "AWS_ID_TOKEN=identity-of-the-job")
	}
	return p.execute(t, []string{"HOME=" + t.TempDir()}, filepath.Join(modules, ".bin", "gitlab-ci-local"), args...)
}

// step is one of Azure Pipelines, as far as these files use them.
type step struct {
	Bash, Checkout, Task, Template, Condition string
	Env, Inputs, Parameters                   map[string]string
}

var azureExpression = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_.]*)\)`)

// azure does what an agent does with the steps of azure-pipelines.yml: replaces $(NAME) where NAME is known, gives variables that
// are no secrets to every script in upper case, and heeds the conditions. Tasks are written down.
func (p *pipeline) azure(t *testing.T) outcome {
	t.Helper()
	variables := map[string]string{
		"Build.BuildId": "41", "System.JobAttempt": "1", "System.OidcRequestUri": p.issuer + "/oidctoken", "Build.Reason": "IndividualCI",
		"System.PullRequest.IsFork": "False",
	}
	secrets := map[string]string{"System.AccessToken": "job-token", "REGISTRY_PASSWORD": "secret-of-the-registry"}
	if p.event != "push" {
		variables["Build.Reason"] = "PullRequest"
	}
	if p.event == "fork" {
		variables["System.PullRequest.IsFork"] = "True"
	}
	for name, value := range p.values {
		variables[name] = value
	}
	expand := func(text string) string {
		return azureExpression.ReplaceAllStringFunc(text, func(found string) string {
			name := azureExpression.FindStringSubmatch(found)[1]
			for _, known := range []map[string]string{variables, secrets} {
				if value, ok := known[name]; ok {
					return value
				}
			}
			return found
		})
	}
	var file struct {
		Jobs []struct {
			Variables map[string]string
			Steps     []step
		}
	}
	readYAML(t, filepath.Join(p.dir, "azure-pipelines.yml"), &file)
	var total outcome
	for _, job := range file.Jobs {
		for name, value := range job.Variables {
			variables[name] = expand(value)
		}
		for _, s := range p.flatten(t, job.Steps) {
			var run bool
			switch s.Condition {
			case "":
				run = total.code == 0
			case "succeededOrFailed()":
				run = true
			case "and(succeeded(), ne(variables['System.PullRequest.IsFork'], 'True'))":
				run = total.code == 0 && p.event != "fork"
			default:
				t.Fatalf("condition %q", s.Condition)
			}
			if !run {
				continue
			}
			total.log += fmt.Sprintf("step %s%s %v\n", s.Checkout, s.Task, s.Inputs)
			if s.Bash == "" {
				continue
			}
			env := []string{"BASH_ENV="}
			for name, value := range variables {
				env = append(env, strings.ReplaceAll(strings.ToUpper(name), ".", "_")+"="+value)
			}
			for name, value := range s.Env {
				env = append(env, name+"="+expand(value))
			}
			ran := p.execute(t, env, "bash", "-c", expand(s.Bash))
			total.log += ran.log
			total.code = max(total.code, ran.code)
		}
	}
	return total
}

// flatten puts the steps of templates in the place of their names.
func (p *pipeline) flatten(t *testing.T, steps []step) []step {
	t.Helper()
	var flat []step
	for _, s := range steps {
		if s.Template == "" {
			flat = append(flat, s)
			continue
		}
		name, repository, _ := strings.Cut(s.Template, "@")
		if repository != "dotnet-multiarch" {
			t.Fatalf("template %q", s.Template)
		}
		var file struct {
			Parameters []struct{ Name, Type, Default string }
			Steps      []step
		}
		readYAML(t, filepath.Join(root(t), name), &file)
		given := s.Parameters
		replace := []string{}
		for _, parameter := range file.Parameters {
			value, ok := given[parameter.Name]
			if !ok {
				value = parameter.Default
			}
			replace = append(replace, "${{ parameters."+parameter.Name+" }}", value)
		}
		replacer := strings.NewReplacer(replace...)
		for _, inner := range file.Steps {
			for name, value := range inner.Env {
				inner.Env[name] = replacer.Replace(value)
			}
			flat = append(flat, inner)
		}
	}
	return flat
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// unpinned names the actions of a workflow that no full commit id pins.
func unpinned(text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`(?m)^\s*-?\s*uses:\s*(\S+)`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(match[1]) && !strings.HasPrefix(match[1], "./") {
			found = append(found, match[1])
		}
	}
	slices.Sort(found)
	return found
}
