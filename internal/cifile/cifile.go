// Package cifile writes pipeline files: the one that builds, tests and pushes an app at a CI provider, filled in for the app, and
// the forms that other pipelines take in. They call Dagger with the same arguments on every provider, and differ in how the
// provider gives an identity token and shows results.
package cifile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// App is what a pipeline builds, tests and pushes. A value with $NAME in it is left to the pipeline's variable NAME.
type App struct {
	// Image is where to push, as --image of build-and-push has it.
	Image string
	// Module is what dagger's flag -m is given; "" where the repository is the module itself.
	Module string
	// Source is the folder of the solution in the repository.
	Source string
	// Projects and All say which apps of the source, and Platforms for what, as the constructor has them.
	Projects  []string
	All       bool
	Platforms string
	// Arguments are more of the constructor's, as they stand in a shell.
	Arguments string
	// PushArguments are more of build-and-push's, likewise.
	PushArguments string
	// Role is the AWS role that an identity token of the provider is exchanged for; "" where a password is the login.
	Role string
	// Require are the checks that must pass: test, smoke, inspect.
	Require []string
}

//go:embed templates
var templates embed.FS

// provider is where one CI provider looks for its file.
type provider struct{ path, template string }

var providers = map[string]provider{
	"github": {".github/workflows/build-and-push.yml", "github.yml"},
	"gitlab": {".gitlab-ci.yml", "gitlab.yml"},
	"azure":  {"azure-pipelines.yml", "azure.yml"},
}

// Providers that there are files for, sorted.
func Providers() []string { return slices.Sorted(maps.Keys(providers)) }

// Path is where the provider looks for its file, from the root of the repository.
func Path(provider string) (string, error) {
	p, ok := providers[provider]
	if !ok {
		return "", fmt.Errorf("provider %q does not exist: use one of %s", provider, strings.Join(Providers(), ", "))
	}
	return p.path, nil
}

// Render gives the provider's file for an app.
func Render(provider string, app App) (string, error) {
	if _, err := Path(provider); err != nil {
		return "", err
	}
	if err := app.validate(); err != nil {
		return "", fmt.Errorf("writing %s: %w", providers[provider].path, err)
	}
	return execute(providers[provider].template, contents(provider, app))
}

// Reusable are the forms that another repository's pipeline takes in, by their paths from the root of this one.
func Reusable() (map[string]string, error) {
	forms := map[string]string{}
	for file, name := range map[string]string{
		"action.yml": "github-action.yml", "templates/build-and-push.yml": "gitlab-component.yml", "templates/azure/build-and-push.yml": "azure-steps.yml",
	} {
		text, err := execute(name, contents("", App{}))
		if err != nil {
			return nil, err
		}
		forms[file] = text
	}
	return forms, nil
}

// Compare fails where the repository has another text than it should have, and says where they part.
func Compare(provider, committed, wanted string) error {
	file, err := Path(provider)
	if err != nil || committed == wanted {
		return err
	}
	renew := "write it with the same command, -o " + file + " in the place of --check"
	if command := Command(wanted); command != "" {
		renew = "write it again: " + command
	}
	if committed == "" {
		return fmt.Errorf("checking %s: it is missing or empty: %s, or name the root of the repository with --repository", file, renew)
	}
	has, wants := lines(committed), lines(wanted)
	for i := range max(len(has), len(wants)) {
		if line, want := at(has, i), at(wants, i); line != want {
			return fmt.Errorf("checking %s: line %d is %s and should be %s: %s", file, i+1, line, want, renew)
		}
	}
	return nil // another git config, other line ends
}

func lines(text string) []string { return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") }

func at(lines []string, i int) string {
	if i < len(lines) {
		return fmt.Sprintf("%q", lines[i])
	}
	return "missing"
}

func execute(name string, with any) (string, error) {
	parsed, err := template.New(name).Delims("[%", "%]").Option("missingkey=error").Funcs(template.FuncMap{"indent": indent}).ParseFS(templates, path.Join("templates", name))
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = parsed.Execute(&b, with)
	return b.String(), err
}

// indent moves a script to the column where its YAML block has it.
func indent(columns int, script string) string {
	pad := strings.Repeat(" ", columns)
	text := strings.Split(strings.TrimRight(script, "\n"), "\n")
	for i, line := range text {
		if line != "" {
			text[i] = pad + line
		}
	}
	return strings.Join(text, "\n")
}

// forbidden are texts that a provider replaces itself, and what no argument has.
var forbidden = regexp.MustCompile(`\$\{|\$\(|\$\[|[\x00-\x1f\x7f` + "`" + `]`)

func (a App) validate() error {
	if a.Image == "" {
		return errors.New("--image is missing: say where to push, such as --image ghcr.io/me/app")
	}
	for _, v := range []struct{ flag, value string }{
		{"--image", a.Image}, {"--module", a.Module}, {"--folder", a.Source}, {"--project", strings.Join(a.Projects, ",")}, {"--platforms", a.Platforms}, {"--arguments", a.Arguments}, {"--push-arguments", a.PushArguments}, {"--role", a.Role},
	} {
		if found := forbidden.FindString(v.value); found != "" {
			return fmt.Errorf("%s %q: %q cannot stand in a pipeline's file; a variable of the pipeline is $NAME", v.flag, v.value, found)
		}
	}
	if a.Role != "" && !strings.HasPrefix(a.Role, "$") && !strings.HasPrefix(a.Role, "arn:") {
		return fmt.Errorf("--role %q: want the ARN of an AWS role, such as arn:aws:iam::123456789012:role/ci", a.Role)
	}
	for _, check := range a.Require {
		if !slices.Contains(checks, check) {
			return fmt.Errorf("--require %q: there is no such check; use some of %s", check, strings.Join(checks, ","))
		}
	}
	return nil
}

var checks = []string{"test", "smoke", "inspect"}
