package cifile

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// The versions of what a pipeline takes from elsewhere.
const (
	// dagger is that of dagger.json's engine.
	dagger = "0.19.10"
	// installSum is the SHA-256 of https://github.com/dagger/dagger/blob/v0.19.10/install.sh
	installSum = "0e02969050598a7749167ff1ba1f8bdb1d823e3bdab1dc6b1e609e502450230c"
	checkout   = "actions/checkout@d23441a48e516b6c34aea4fa41551a30e30af803 # v6.1.0"
	cache      = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5"
	upload     = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0"
)

// fields are what the templates take.
type fields struct {
	Dagger, InstallSum, Checkout, Cache, Upload string
	// Role says that an identity token is asked for. Login is the registry's host where the provider itself has a login of it,
	// "password" where the pipeline's variables have, "" where none is wanted.
	Role  bool
	Login string
	// Variables of the pipeline that the command names.
	Variables []string
	// Prefix leads from the repository to the folder that compilers' paths start from, in a shell's words.
	Prefix string
	// The commands, one line each.
	TestResults, TestVerdict, BuildAndPush string
	// Command writes the file again.
	Command string
	// The scripts of the steps.
	Install, Test, Build, Run, GitHubToken, GitHubResults, AzureToken, AzureResults string
}

func contents(provider string, app App) fields {
	f := fields{Dagger: dagger, InstallSum: installSum, Checkout: checkout, Cache: cache, Upload: upload, Role: app.Role != "", Login: login(provider, app)}
	f.Prefix = "${SOURCE%/}/; prefix=${prefix#./}" // of the forms, which know the folder at run time
	if app.Source != "" {
		f.Prefix = quoted(strings.TrimPrefix(path.Clean(app.Source)+"/", "./"))
	}
	call := join("dagger", option("-m", app.Module), "call")
	described := app.described()
	f.TestResults = join(call, described, `test-results --run "$RUN_ID" export --path TestResults`)
	f.TestVerdict = join(call, described, `test --run "$RUN_ID"`, record)
	as := option("--aws-role-arn", app.Role)
	switch {
	case as != "":
		as += " --aws-web-identity-token env://AWS_ID_TOKEN"
	case f.Login != "":
		as = `--username "$REGISTRY_USERNAME" --password env://REGISTRY_PASSWORD`
	}
	if provider != "" {
		f.Command = command(provider, app)
	}
	gate := slices.DeleteFunc(slices.Clone(app.Require), func(check string) bool { return check == "test" })
	f.BuildAndPush = join(call, "-o TestResults/image.md", described, "build-and-push", option("--image", app.Image), "--version-from-git .", as,
		option("--require", strings.Join(gate, ",")), app.PushArguments, `--format markdown --dry-run="${DRY_RUN:-false}"`, record)
	for _, match := range variable.FindAllString(join(call, described, app.Image, app.Role, app.PushArguments), -1) {
		f.Variables = append(f.Variables, match[1:])
	}
	slices.Sort(f.Variables)
	f.Variables = slices.Compact(f.Variables)
	if slices.Contains(app.Require, "test") {
		f.Test = script("test.sh", f)
	}
	f.Install, f.Build, f.Run = script("install.sh", f), script("build.sh", f), script("run.sh", f)
	f.GitHubToken, f.GitHubResults = script("github-token.sh", f), script("github-results.sh", f)
	f.AzureToken, f.AzureResults = script("azure-token.sh", f), script("azure-results.sh", f)
	return f
}

// described are the constructor's arguments.
func (a App) described() string {
	words := []string{option("--source", a.Source)}
	for _, project := range a.Projects {
		words = append(words, option("--project", project))
	}
	if a.All {
		words = append(words, "--all")
	}
	return join(append(words, option("--platforms", a.Platforms), a.Arguments)...)
}

// record keeps what a command says, from which failures are shown at their place.
const record = "2>&1 | tee -a TestResults/dagger.log"

// login is whose name and password a pipeline without a role pushes with.
func login(provider string, app App) string {
	host, _, _ := strings.Cut(app.Image, "/")
	name, _, _ := strings.Cut(host, ":")
	switch {
	case app.Role != "" || name == "localhost" || strings.HasPrefix(name, "127."):
		return ""
	case provider == "github" && host == "ghcr.io", provider == "gitlab" && host == "registry.gitlab.com":
		return host
	case provider == "gitlab" && strings.HasPrefix(app.Image, "$CI_REGISTRY"):
		return "registry.gitlab.com"
	}
	return "password"
}

// script is one that belongs to this package, so that it cannot fail but by a fault of its own.
func script(name string, f fields) string {
	text, err := execute(name, f)
	if err != nil {
		panic(err)
	}
	return text
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// option is a flag with its value for a shell; "" where there is no value.
func option(name, value string) string {
	if value == "" {
		return ""
	}
	return name + " " + quoted(value)
}

var (
	plain    = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)
	variable = regexp.MustCompile(`\$[A-Za-z_][A-Za-z0-9_]*`)
)

// quoted is a value as one word of a shell, in which variables keep their meaning.
func quoted(value string) string {
	switch {
	case plain.MatchString(value):
		return value
	case variable.MatchString(value):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
