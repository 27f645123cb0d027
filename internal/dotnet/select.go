package dotnet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Choose gives the one project to publish. The request is what the caller named: a project file or a folder with one
// app, relative to the source, or a project's name; "" means the one publishable project of the tree.
func Choose(all []Project, request string) (Project, error) {
	if request != "" {
		return chooseNamed(all, request)
	}
	var candidates []Project
	for _, p := range all {
		if p.whyNot() == "" {
			candidates = append(candidates, p)
		}
	}
	switch len(candidates) {
	case 1:
		return candidates[0], nil
	case 0:
		return Project{}, fmt.Errorf("choosing the project to publish: none of the source's projects is an app%s", reasons(all, Project.whyNot))
	}
	return Project{}, fmt.Errorf("choosing the project to publish: there are %d candidates, say which with --project: %s", len(candidates), names(candidates))
}

func chooseNamed(all []Project, request string) (Project, error) {
	wanted := clean(request)
	var found []Project
	for _, p := range all {
		if p.Path == wanted || p.Dir() == wanted || strings.EqualFold(p.Name(), wanted) {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		below := slices.DeleteFunc(slices.Clone(all), func(p Project) bool { return !within(p.Path, wanted) })
		if len(below) > 0 {
			return Choose(below, "")
		}
	}
	switch {
	case len(found) == 0:
		return Project{}, fmt.Errorf("choosing the project to publish: no project is called or lies at %q; there is: %s", request, names(all))
	case len(found) > 1:
		return Project{}, fmt.Errorf("choosing the project to publish: %q means %d projects, name one by its path: %s", request, len(found), names(found))
	case found[0].whyNot() != "":
		return Project{}, fmt.Errorf("choosing the project to publish: %s %s", found[0].Path, found[0].whyNot())
	}
	return found[0], nil
}

// clean reads a path of the source as a person on any system writes it.
func clean(request string) string { return path.Clean(strings.ReplaceAll(request, `\`, "/")) }

// testPackages mark a test project before it is restored; afterwards these packages set IsTestProject themselves.
var testPackages = []string{"microsoft.net.test.sdk", "mstest", "mstest.sdk", "mstest.testadapter", "tunit", "xunit.runner.visualstudio", "xunit.v3", "xunit.v3.mtp-v1", "xunit.v3.mtp-v2", "nunit3testadapter"}

const classLibrary = "is a class library"

// whyNot says why the project cannot be the app; "" when it can.
func (p Project) whyNot() string {
	switch {
	case p.IsTest():
		return "is a test project"
	case !strings.EqualFold(p.Properties["OutputType"], "Exe") && !strings.EqualFold(p.Properties["OutputType"], "WinExe"):
		return classLibrary + ": only a project with OutputType Exe can be an image"
	case strings.EqualFold(p.Properties["IsPublishable"], "false"):
		return "sets IsPublishable to false"
	case p.Properties["TargetFramework"] != "" && p.FrameworkVersion() == "":
		return "targets " + p.Properties["TargetFramework"] + ", which does not run on Linux"
	}
	return ""
}

func reasons(all []Project, whyNot func(Project) string) string {
	var b strings.Builder
	for i, p := range all {
		b.WriteString(map[bool]string{true: ": ", false: "; "}[i == 0])
		b.WriteString(p.Path + " " + whyNot(p))
	}
	return b.String()
}

func names(projects []Project) string {
	paths := make([]string, len(projects))
	for i, p := range projects {
		paths[i] = p.Path
	}
	return strings.Join(paths, ", ")
}
