//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
)

const workflow = ".github/workflows/build-and-push.yml"

// shop is an app whose pipeline pushes with a role.
var shop = cifile.App{
	Image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api", Module: "github.com/me/module@v1", Source: "src", Projects: []string{"My Api"},
	Role: "arn:aws:iam::123456789012:role/ci", Require: []string{"test", "smoke", "inspect"},
}

// list is what its pipeline does, but for the text that names the run, which is the provider's.
func (a shopCalls) list() [][]string {
	app := []string{"--source", "src", "--project", "My Api"}
	module := []string{"-m", "github.com/me/module@v1", "call"}
	return [][]string{
		slices.Concat(module, app, []string{"test-results", "--run", "RUN", "export", "--path", "TestResults"}),
		slices.Concat(module, app, []string{"test", "--run", "RUN"}),
		slices.Concat(module, []string{"-o", "TestResults/image.md"}, app, []string{
			"build-and-push", "--image", shop.Image, "--version-from-git", ".", "--aws-role-arn", shop.Role, "--aws-web-identity-token", "env://AWS_ID_TOKEN",
			"--require", "smoke,inspect", "--format", "markdown", "--dry-run=" + a.dryRun,
		}),
	}
}

type shopCalls struct{ dryRun string }

// withoutRun replaces the text that names the run, of which there has to be one.
func withoutRun(t *testing.T, calls [][]string) [][]string {
	t.Helper()
	var replaced [][]string
	for _, call := range calls {
		call = slices.Clone(call)
		if i := slices.Index(call, "--run"); i >= 0 {
			if len(call[i+1]) < 3 || !strings.Contains(call[i+1], "-") {
				t.Errorf("the run is named %q", call[i+1])
			}
			call[i+1] = "RUN"
		}
		replaced = append(replaced, call)
	}
	return replaced
}

// provided is a committed repository with the files of all providers for an app.
func provided(t *testing.T, app cifile.App) *pipeline {
	t.Helper()
	p := &pipeline{dir: filepath.Join(t.TempDir(), "checkout"), event: "push", issuer: identity(t).URL}
	files := map[string]string{"src/app.cs": "class App;\n"}
	for _, provider := range cifile.Providers() {
		path, err := cifile.Path(provider)
		if err != nil {
			t.Fatal(err)
		}
		if files[path], err = cifile.Render(provider, app); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p.dir, files)
	p.commit(t)
	return p
}

func (p *pipeline) commit(t *testing.T) {
	t.Helper()
	// Services are containers of Docker, which gitlab-ci-local would start.
	write(t, p.dir, map[string]string{".gitlab-ci-local.yml": "build-and-push:\n  services: []\n"})
	commit(t, p.dir)
	git(t, p.dir, "branch", "-q", "-M", "main")
	git(t, p.dir, "remote", "add", "origin", "https://git.example.com/me/shop.git")
}

// runners are the ways in which the three files are run.
var runners = map[string]func(t *testing.T, p *pipeline) outcome{
	"github": func(t *testing.T, p *pipeline) outcome { return p.github(t, workflow) },
	"gitlab": func(t *testing.T, p *pipeline) outcome { return p.gitlab(t) },
	"azure":  func(t *testing.T, p *pipeline) outcome { return p.azure(t) },
}

// eachProvider runs a pipeline that calls a recording dagger.
func eachProvider(t *testing.T, check func(t *testing.T, provider string)) {
	for _, provider := range slices.Sorted(maps.Keys(runners)) {
		t.Run(provider, func(t *testing.T) { check(t, provider) })
	}
}

// recorded runs the provider's pipeline with the recording dagger, to which files are laid that say how its verbs end.
func (p *pipeline) recorded(t *testing.T, run func(t *testing.T, p *pipeline) outcome, files map[string]string) outcome {
	t.Helper()
	records := p.record(t)
	write(t, records, files)
	o := run(t, p)
	o.read(t, records)
	return o
}

func sameCalls(t *testing.T, o outcome, want [][]string) {
	t.Helper()
	if got := withoutRun(t, o.calls); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the calls are\n%q\nand should be\n%q\n%s", got, want, tail(o.log))
	}
}

func TestEveryPipelineCallsTheSameCommands(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		p := provided(t, shop)
		p.values = map[string]string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://engine.example.com:8080"}
		o := p.recorded(t, runners[provider], nil)
		if o.code != 0 {
			t.Errorf("code %d\n%s", o.code, tail(o.log))
		}
		sameCalls(t, o, shopCalls{"false"}.list())
		for i, variables := range o.environments {
			if variables["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] != "tcp://engine.example.com:8080" {
				t.Errorf("call %d goes to the engine %q", i+1, variables["_EXPERIMENTAL_DAGGER_RUNNER_HOST"])
			}
		}
		if len(o.environments) == 3 && o.environments[2]["AWS_ID_TOKEN"] != "identity-of-the-job" {
			t.Errorf("the identity is %q", o.environments[2]["AWS_ID_TOKEN"])
		}
		shown := map[string][]string{
			"github": {"# Tests of the app", "### Published image"},
			"gitlab": {"### Published image", "copied artifacts"},
			"azure": {
				"##vso[task.uploadsummary]" + p.dir + "/TestResults/summary.md", "##vso[task.uploadsummary]" + p.dir + "/TestResults/image.md", "##vso[task.setsecret]identity-of-the-job",
				"step PublishTestResults@2 map[", "testResultsFiles:TestResults/trx/*.trx",
			},
		}
		for _, says := range shown[provider] {
			if !strings.Contains(o.log, says) {
				t.Errorf("the log does not say %q:\n%s", says, o.log)
			}
		}
		if provider == "github" && strings.Contains(o.log, "identity-of-the-job") {
			t.Error("the identity token is in the log")
		}
		if provider == "gitlab" {
			if _, err := os.Stat(filepath.Join(p.dir, ".gitlab-ci-local", "artifacts", "build-and-push", "TestResults", "junit.xml")); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAPullRequestPushesNothing(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		p := provided(t, shop)
		p.event = "pull request"
		o := p.recorded(t, runners[provider], nil)
		sameCalls(t, o, shopCalls{"true"}.list())
		if provider == "gitlab" { // a fork's request runs in the fork there
			return
		}
		p = provided(t, shop)
		p.event, p.issuer = "fork", ""
		o = p.recorded(t, runners[provider], nil)
		if o.code != 0 {
			t.Errorf("code %d\n%s", o.code, tail(o.log))
		}
		sameCalls(t, o, shopCalls{"true"}.list()[:2])
	})
}

func TestAPasswordIsTheProvidersSecret(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		app := shop
		app.Role, app.Image, app.Require = "", "quay.io/shop/api", nil
		p := provided(t, app)
		p.values = map[string]string{"REGISTRY_USERNAME": "robot"}
		if provider == "gitlab" {
			p.values["REGISTRY_PASSWORD"] = "secret-of-the-registry"
		}
		o := p.recorded(t, runners[provider], nil)
		if len(o.calls) != 1 || !strings.Contains(strings.Join(o.calls[0], " "), "--username robot --password env://REGISTRY_PASSWORD --format") {
			t.Fatalf("calls %q\n%s", o.calls, tail(o.log))
		}
		if variables := o.environments[0]; variables["REGISTRY_PASSWORD"] != "secret-of-the-registry" || variables["AWS_ID_TOKEN"] != "" && provider != "gitlab" {
			t.Errorf("environment %q", variables)
		}
	})
}

// compileError is what dagger says of one, as it is told at the end.
const compileError = "56  : ┆ [30.6s] | /src/Api/Program.cs(1,14): error CS1003: Syntax error, ',' expected [/src/Api/Api.csproj]\n" +
	"\x1b[31mError: \x1b[0mpublishing Api/Api.csproj failed:\n" +
	"Api/Program.cs(1,14): error CS1003: Syntax error, ',' expected\n" +
	"Api/Other.cs(3,1): error CS1529: A using clause must precede all other elements [traceparent:aaf5-bc05]\n"

func TestAFailureIsShownAtItsLine(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		p := provided(t, shop)
		o := p.recorded(t, runners[provider], map[string]string{"build-and-push.code": "3", "build-and-push.stderr": compileError})
		sameCalls(t, o, shopCalls{"false"}.list())
		shown := map[string][]string{
			"github": {
				"::error::publishing Api/Api.csproj failed:", "::error file=src/Api/Program.cs,line=1,col=14,title=CS1003::Syntax error, ',' expected",
				"::error file=src/Api/Other.cs,line=3,col=1,title=CS1529::A using clause must precede all other elements\n", "# Tests of the app", "exit status 3",
			},
			"gitlab": {"Api/Program.cs(1,14): error CS1003: Syntax error", "FAIL 3"},
			"azure": {
				"##vso[task.logissue type=error]publishing Api/Api.csproj failed:",
				"##vso[task.logissue type=error;sourcepath=src/Api/Program.cs;linenumber=1;columnnumber=14;code=CS1003]Syntax error, ',' expected\n", "step PublishTestResults@2",
			},
		}
		for _, says := range shown[provider] {
			if !strings.Contains(o.log, says) {
				t.Errorf("the log does not say %q:\n%s", says, o.log)
			}
		}
		if o.code == 0 || provider == "azure" && o.code != 3 {
			t.Errorf("code %d", o.code)
		}
	})
}

func TestFailingTestsKeepTheImageBackAndAreShown(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		p := provided(t, shop)
		o := p.recorded(t, runners[provider], map[string]string{"test.code": "1", "test.stderr": "Error: 1 of 3 tests failed\n"})
		sameCalls(t, o, shopCalls{"false"}.list()[:2])
		shown := map[string]string{"github": "# Tests of the app", "gitlab": "1 of 3 tests failed", "azure": "step PublishTestResults@2"}
		if o.code == 0 || !strings.Contains(o.log, shown[provider]) {
			t.Errorf("code %d\n%s", o.code, tail(o.log))
		}
		if provider == "gitlab" {
			if _, err := os.Stat(filepath.Join(p.dir, ".gitlab-ci-local", "artifacts", "build-and-push", "TestResults", "junit.xml")); err != nil {
				t.Error(err)
			}
		}
	})
}

// Without an input that says otherwise the action calls the module of its own commit.
func TestTheActionCallsTheModuleOfItsCommit(t *testing.T) {
	t.Parallel()
	p := &pipeline{dir: filepath.Join(t.TempDir(), "checkout"), event: "push", issuer: identity(t).URL}
	write(t, p.dir, map[string]string{workflow: strings.Replace(short[workflow], ", push-arguments: --push-timeout 5m, module: github.com/me/module@v1", ", require: smoke", 1)})
	p.commit(t)
	o := p.recorded(t, runners["github"], nil)
	want := []string{"-m", "github.com/" + thisAction, "call", "-o"}
	if len(o.calls) != 1 || !slices.Equal(o.calls[0][:len(want)], want) || !strings.Contains(strings.Join(o.calls[0], " "), " --require smoke ") {
		t.Errorf("calls %q\n%s", o.calls, tail(o.log))
	}
}

// The files of another repository that take the reusable forms in.
var short = map[string]string{
	workflow: `on: push
permissions: {}
jobs:
  image:
    runs-on: ubuntu-latest
    permissions: {contents: read, id-token: write}
    steps:
      - uses: actions/checkout@d23441a48e516b6c34aea4fa41551a30e30af803 # v6.1.0
      - uses: ` + thisAction + `
        with: {image: IMAGE, role: ROLE, source: src, arguments: --project Api, push-arguments: --push-timeout 5m, module: github.com/me/module@v1}
`,
	".gitlab-ci.yml": `include:
  - local: /templates/build-and-push.yml
    inputs: {image: IMAGE, role: ROLE, source: src, arguments: --project Api, push-arguments: --push-timeout 5m, module: github.com/me/module@v1}
`,
	"azure-pipelines.yml": `resources:
  repositories:
    - {repository: dotnet-multiarch, type: github, name: dotnet-multiarch/dotnet-multiarch, endpoint: github}
jobs:
  - job: image
    pool: {vmImage: ubuntu-latest}
    steps:
      - template: templates/azure/build-and-push.yml@dotnet-multiarch
        parameters: {image: IMAGE, role: ROLE, source: src, arguments: --project Api, pushArguments: --push-timeout 5m, module: github.com/me/module@v1, serviceConnectionId: connection-7}
`,
}

func TestTheReusableFormsCallTheSameCommands(t *testing.T) {
	t.Parallel()
	component, err := os.ReadFile(filepath.Join(root(t), "templates", "build-and-push.yml"))
	if err != nil {
		t.Fatal(err)
	}
	eachProvider(t, func(t *testing.T, provider string) {
		app := shop
		app.Projects = []string{"Api"}
		p := &pipeline{dir: filepath.Join(t.TempDir(), "checkout"), event: "push", issuer: identity(t).URL}
		files := map[string]string{"templates/build-and-push.yml": string(component), "src/app.cs": "class App;\n"}
		for name, text := range short {
			files[name] = strings.NewReplacer("IMAGE", app.Image, "ROLE", app.Role).Replace(text)
		}
		write(t, p.dir, files)
		p.commit(t)
		o := p.recorded(t, runners[provider], nil)
		want := shopCalls{"false"}.list()
		for _, call := range want {
			call[slices.Index(call, "My Api")] = "Api"
		}
		want[2] = slices.Insert(want[2], slices.Index(want[2], "--format"), "--push-timeout", "5m")
		sameCalls(t, o, want)
		if o.code != 0 || len(o.environments) == 3 && o.environments[2]["AWS_ID_TOKEN"] != "identity-of-the-job" {
			t.Errorf("code %d, environments %q", o.code, o.environments)
		}
	})
}
