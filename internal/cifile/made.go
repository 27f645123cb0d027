package cifile

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/google/shlex"
)

// madeBy is the line of a file that says which command wrote it.
var madeBy = regexp.MustCompile(`(?m)^# +(dagger .*\bcall .*\bci-file .*?)\r?$`)

// command is what writes the provider's file for the app, for a shell in which no variable is replaced.
func command(provider string, app App) string {
	words := []string{"dagger", verbatim("-m", app.Module), "call"}
	for _, project := range app.Projects {
		words = append(words, verbatim("--project", project))
	}
	if app.All {
		words = append(words, "--all")
	}
	return join(append(words, verbatim("--platforms", app.Platforms), "ci-file", verbatim("--provider", provider), verbatim("--image", app.Image),
		verbatim("--role", app.Role), "--require "+single(strings.Join(app.Require, ",")), verbatim("--arguments", app.Arguments),
		verbatim("--push-arguments", app.PushArguments), "--folder "+single(app.Source), "--module "+single(app.Module),
		verbatim("-o", providers[provider].path))...)
}

func verbatim(name, value string) string {
	if value == "" {
		return ""
	}
	return name + " " + single(value)
}

// single is a value as one word of a shell, as it stands.
func single(value string) string {
	if plain.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// Command is the line in a file's head that writes it again; "" where Render did not make it.
func Command(text string) string {
	if found := madeBy.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// Recheck compares a committed file with what the command in its own head would write now. It says whether there is such a
// command; without one there is nothing to compare.
func Recheck(provider, committed string) (made bool, err error) {
	line := Command(committed)
	if line == "" {
		return false, nil
	}
	file, err := Path(provider)
	if err != nil {
		return true, err
	}
	app, err := parse(line)
	if err != nil {
		return true, fmt.Errorf("checking %s: its head says that it was made by %q: %w: write it again with ci-file", file, line, err)
	}
	wanted, err := Render(provider, app)
	if err != nil {
		return true, fmt.Errorf("checking %s by the command in its head: %w", file, err)
	}
	return true, Compare(provider, committed, wanted)
}

// parse reads what command writes.
func parse(line string) (App, error) {
	words, err := shlex.Split(line)
	if err != nil {
		return App{}, err
	}
	var app App
	var provider, require, module, file string
	set := func(name string) *flag.FlagSet {
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		return flags
	}
	dagger, call, verb := set("dagger"), set("call"), set("ci-file")
	dagger.StringVar(&module, "m", "", "")
	call.Func("project", "", func(project string) error { app.Projects = append(app.Projects, project); return nil })
	call.BoolVar(&app.All, "all", false, "")
	call.StringVar(&app.Platforms, "platforms", "", "")
	verb.StringVar(&provider, "provider", "", "")
	verb.StringVar(&app.Image, "image", "", "")
	verb.StringVar(&app.Role, "role", "", "")
	verb.StringVar(&require, "require", "", "")
	verb.StringVar(&app.Arguments, "arguments", "", "")
	verb.StringVar(&app.PushArguments, "push-arguments", "", "")
	verb.StringVar(&app.Source, "folder", "", "")
	verb.StringVar(&app.Module, "module", "", "")
	verb.StringVar(&file, "o", "", "")
	// Each set of flags ends at the name of what has the next.
	for _, flags := range []*flag.FlagSet{dagger, call, verb} {
		if len(words) == 0 || words[0] != flags.Name() {
			return App{}, fmt.Errorf("%s does not stand where it should", flags.Name())
		}
		if err := flags.Parse(words[1:]); err != nil {
			return App{}, err
		}
		words = flags.Args()
	}
	if len(words) > 0 {
		return App{}, fmt.Errorf("%q is more than it takes", words)
	}
	app.Require = strings.FieldsFunc(require, func(r rune) bool { return r == ',' })
	return app, nil
}
