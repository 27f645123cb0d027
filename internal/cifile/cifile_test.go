package cifile

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// update writes the forms that are made of this package: go test ./internal/cifile -update.
var update = flag.Bool("update", false, "write the reusable forms")

const root = "../.."

// own is this repository's pipeline.
var own = App{Image: "$IMAGE", Source: "sample-app", Role: "$AWS_ROLE_ARN", Require: []string{"test", "smoke", "inspect"}}

var apps = map[string]App{
	"own":   own,
	"role":  {Image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api", Module: "github.com/me/m@v1", Source: ".", Role: "arn:aws:iam::123456789012:role/ci", Require: []string{"test"}},
	"login": {Image: "ghcr.io/me/app", Source: "src", Projects: []string{"src/My App/App.csproj"}, Platforms: "linux/arm64", Arguments: "--port 8080", PushArguments: "--smoke-path /ready", Require: []string{"inspect", "smoke"}},
	"none":  {Image: "localhost:5001/app", Source: "."},
	"apps":  {Image: "$REGISTRY/shop/{project}", Source: ".", Projects: []string{"Api", "$SECOND"}},
	"all":   {Image: "127.0.0.1:5001/{project}", Source: ".", All: true},
}

func render(t *testing.T, provider string, app App) string {
	t.Helper()
	text, err := Render(provider, app)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// commands are the lines of a file that call dagger.
func commands(text string) []string {
	var found []string
	for _, line := range lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "dagger ") {
			found = append(found, line)
		}
	}
	return found
}

func TestEveryProviderHasTheSameCommands(t *testing.T) {
	for name, app := range apps {
		want := commands(render(t, "github", app))
		for _, provider := range []string{"gitlab", "azure"} {
			if got := commands(render(t, provider, app)); !slices.Equal(got, want) {
				t.Errorf("%s: %s has\n%s\nand github\n%s", name, provider, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	forms, err := Reusable()
	if err != nil {
		t.Fatal(err)
	}
	want := commands(forms["action.yml"])
	for file, text := range forms {
		if got := commands(text); !slices.Equal(got, want) || len(got) != 3 {
			t.Errorf("%s has\n%s\nand action.yml\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestTheCommandsAreFilledInForTheApp(t *testing.T) {
	for name, want := range map[string][]string{
		"own": {
			`dagger call --source sample-app test-results --run "$RUN_ID" export --path TestResults`,
			`dagger call --source sample-app test --run "$RUN_ID" 2>&1 | tee -a TestResults/dagger.log`,
			`dagger call -o TestResults/image.md --source sample-app build-and-push --image "$IMAGE" --version-from-git . --aws-role-arn "$AWS_ROLE_ARN" --aws-web-identity-token env://AWS_ID_TOKEN --require smoke,inspect --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log`,
		},
		"login": {
			`dagger call -o TestResults/image.md --source src --project 'src/My App/App.csproj' --platforms linux/arm64 --port 8080 build-and-push --image ghcr.io/me/app --version-from-git . --username "$REGISTRY_USERNAME" --password env://REGISTRY_PASSWORD --require inspect,smoke --smoke-path /ready --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log`,
		},
		"apps": {
			`dagger call -o TestResults/image.md --source . --project Api --project "$SECOND" build-and-push --image "$REGISTRY/shop/{project}" --version-from-git . --username "$REGISTRY_USERNAME" --password env://REGISTRY_PASSWORD --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log`,
		},
		"all": {
			`dagger call -o TestResults/image.md --source . --all build-and-push --image '127.0.0.1:5001/{project}' --version-from-git . --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log`,
		},
		"none": {
			`dagger call -o TestResults/image.md --source . build-and-push --image localhost:5001/app --version-from-git . --format markdown --dry-run="${DRY_RUN:-false}" 2>&1 | tee -a TestResults/dagger.log`,
		},
	} {
		if got := commands(render(t, "gitlab", apps[name])); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestEachLoginComesFromItsProvider(t *testing.T) {
	for _, c := range []struct {
		provider, image string
		role            string
		has, lacks      []string
	}{
		{"github", "ghcr.io/a/b", "", []string{"packages: write", "${{ github.token }}"}, []string{"id-token", "secrets."}},
		{"github", "quay.io/a/b", "", []string{"${{ secrets.REGISTRY_PASSWORD }}", "${{ vars.REGISTRY_USERNAME }}"}, []string{"id-token", "packages", "github.token"}},
		{"github", "$IMAGE", "$ROLE", []string{"id-token: write", "IMAGE: ${{ vars.IMAGE }}", "ROLE: ${{ vars.ROLE }}", "::add-mask::"}, []string{"packages", "REGISTRY_"}},
		{"gitlab", "registry.gitlab.com/a/b", "", []string{"REGISTRY_PASSWORD: $CI_REGISTRY_PASSWORD"}, []string{"id_tokens"}},
		{"gitlab", "$CI_REGISTRY_IMAGE", "", []string{"REGISTRY_PASSWORD: $CI_REGISTRY_PASSWORD"}, []string{"id_tokens"}},
		{"gitlab", "quay.io/a/b", "", nil, []string{"id_tokens", "CI_REGISTRY"}},
		{"gitlab", "quay.io/a/b", "arn:aws:iam::123456789012:role/x", []string{"id_tokens:\n    AWS_ID_TOKEN:\n      aud: sts.amazonaws.com"}, []string{"REGISTRY_"}},
		{"azure", "quay.io/a/b", "", []string{"REGISTRY_PASSWORD: $(REGISTRY_PASSWORD)"}, []string{"AccessToken"}},
		{"azure", "quay.io/a/b", "arn:aws:iam::123456789012:role/x", []string{"$(System.AccessToken)", "task.setsecret"}, []string{"REGISTRY_"}},
		{"azure", "127.0.0.1:5001/b", "", nil, []string{"REGISTRY_", "AccessToken"}},
	} {
		text := render(t, c.provider, App{Image: c.image, Source: ".", Role: c.role})
		for _, has := range c.has {
			if !strings.Contains(text, has) {
				t.Errorf("%s for %s %s lacks %q", c.provider, c.image, c.role, has)
			}
		}
		for _, lacks := range c.lacks {
			if strings.Contains(text, lacks) {
				t.Errorf("%s for %s %s has %q", c.provider, c.image, c.role, lacks)
			}
		}
	}
}

func TestThisRepositoryHasWhatItGives(t *testing.T) {
	files, err := Reusable()
	if err != nil {
		t.Fatal(err)
	}
	for provider, p := range providers {
		files[p.path] = render(t, provider, own)
	}
	for file, want := range files {
		name := filepath.Join(root, filepath.FromSlash(file))
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		has, err := os.ReadFile(name)
		if err != nil || string(has) != want {
			t.Errorf("%s is not what this package makes (%v): go test ./internal/cifile -update", file, err)
		}
	}
}

func TestDaggerIsTheOneOfTheModule(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "dagger.json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"engineVersion": "v` + dagger + `"`; !strings.Contains(string(text), want) {
		t.Errorf("dagger.json has not %s", want)
	}
}

func TestActionsArePinnedByCommit(t *testing.T) {
	for _, action := range []string{checkout, cache, upload} {
		if !regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(action) {
			t.Errorf("%q", action)
		}
	}
}

func TestWhatCannotBeWrittenHasItsCause(t *testing.T) {
	for _, c := range []struct {
		provider string
		app      App
		says     string
	}{
		{"jenkins", own, `provider "jenkins" does not exist: use one of azure, github, gitlab`},
		{"", own, `provider "" does not exist`},
		{"github", App{}, "--image is missing"},
		{"github", App{Image: "ghcr.io/a/${{ secrets.X }}"}, `"${" cannot stand in a pipeline's file; a variable of the pipeline is $NAME`},
		{"azure", App{Image: "ghcr.io/a", Arguments: "--port $(PORT)"}, `--arguments "--port $(PORT)": "$(" cannot stand`},
		{"gitlab", App{Image: "ghcr.io/a", Projects: []string{"a\nb"}}, `--project "a\nb"`},
		{"gitlab", App{Image: "ghcr.io/a", Role: "ci"}, `--role "ci": want arn:aws:iam::ACCOUNT:role/NAME`},
		{"gitlab", App{Image: "ghcr.io/a", Role: "arn:aws:iam::12345678901:role/ci"}, `ACCOUNT of 12 digits`},
		{"gitlab", App{Image: "ghcr.io/a", Require: []string{"tests"}}, `--require "tests": there is no such check; use some of test,smoke,inspect`},
	} {
		_, err := Render(c.provider, c.app)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want %q: %v", c.says, err)
		}
	}
}

func TestAFileThatDiffersIsNamedWithItsLine(t *testing.T) {
	wanted := "a\nb\nc\n"
	for committed, says := range map[string]string{
		"":            "checking azure-pipelines.yml: it is missing or empty",
		"a\nx\nc\n":   `line 2 is "x" and should be "b"`,
		"a\nb\n":      `line 3 is missing, "c"`,
		"a\nb\nc\nd":  `line 4 is one too many, "d"`,
		"a\nb\nc\n\n": `line 4 is one too many, ""`,
		"a\nb\nc":     `the line break at its end differs`,
	} {
		if err := Compare("azure", committed, wanted); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: want %q: %v", committed, says, err)
		}
	}
	for _, same := range []string{wanted, "a\r\nb\r\nc\r\n"} {
		if err := Compare("azure", same, wanted); err != nil {
			t.Errorf("%q: %v", same, err)
		}
	}
}

func TestAFileSaysHowItIsMade(t *testing.T) {
	strange := App{Image: "$IMAGE", Module: "", Source: "it's here", Projects: []string{"a b", "#c", `d"e`}, Platforms: "linux/arm64", Arguments: `--label 'a=b c'`, PushArguments: "--smoke-path /ready"}
	for _, provider := range Providers() {
		for name, app := range apps {
			if made, err := Recheck(provider, render(t, provider, app)); !made || err != nil {
				t.Errorf("%s of %s: made %v, %v", name, provider, made, err)
			}
		}
		text := render(t, provider, strange)
		if app, err := parse(Command(text)); err != nil || command(provider, app) != Command(text) || app.Source != strange.Source || !slices.Equal(app.Projects, strange.Projects) {
			t.Errorf("%v: %+v of\n%s", err, app, Command(text))
		}
		if made, err := Recheck(provider, strings.ReplaceAll(text, "\n", "\r\n")); !made || err != nil {
			t.Errorf("other line ends: made %v, %v", made, err)
		}
	}
}

func TestAStaleFileIsRefusedByItsOwnHead(t *testing.T) {
	text := render(t, "github", own)
	for _, c := range []struct{ from, to, says string }{
		{"timeout-minutes: 30", "timeout-minutes: 40", `line 21 is "    timeout-minutes: 40" and should be "    timeout-minutes: 30": write it again: dagger call ci-file --provider github --image '$IMAGE'`},
		{"--folder sample-app", "--folder app", "and should be"},
		{"--provider github", "--prov github", "flag provided but not defined: -prov: write it again with ci-file"},
		{"--require test,smoke,inspect --folder", "--require tests --folder", `--require "tests": there is no such check`},
		{"--module ''", "--module '", "its head says that it was made by"},
		{"--image '$IMAGE'", "--image ''", "--image is missing"},
	} {
		stale := strings.Replace(text, c.from, c.to, 1)
		if stale == text {
			t.Fatalf("no %q in\n%s", c.from, text)
		}
		if made, err := Recheck("github", stale); !made || err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: made %v, want %q: %v", c.to, made, c.says, err)
		}
	}
	if made, err := Recheck("github", "on: push\n"); made || err != nil {
		t.Errorf("a file of another's hand: made %v, %v", made, err)
	}
}
