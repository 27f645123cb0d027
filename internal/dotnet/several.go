package dotnet

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Together says whether two apps can be restored in one step and have their libraries compiled in one: neither may see that the
// other is there. So both get the same properties, and no file of the one's folder has a part in the other.
func Together(a, b Project, all []Project) bool {
	return a.SelfContained() == b.SelfContained() && (a.Mode() == NativeAOT) == (b.Mode() == NativeAOT) &&
		!a.reaches(b, all) && !b.reaches(a, all)
}

// reaches says whether p or a project that it refers to lies in other's folder or takes a file from there.
func (p Project) reaches(other Project, all []Project) bool {
	return slices.ContainsFunc(p.closure(all), func(q Project) bool {
		return within(q.Path, other.Dir()) ||
			slices.ContainsFunc(q.Items["OutsideFile"], func(file string) bool { return within(file, other.Dir()) })
	})
}

// Sharing parts the apps, by their places in the list, into sets that have no library in common, each in order. An edit of a
// library then compiles nothing of an app that has nothing to do with it. An app whose libraries cannot be compiled before it
// is a set of its own.
func Sharing(apps, all []Project) [][]int {
	var sets [][]int
	users := map[string]int{} // by library, the set whose apps use it
	for i, app := range apps {
		set := len(sets)
		sets = append(sets, []int{i})
		if _, reason := LibraryInputs([]Project{app}, all); reason != "" {
			continue
		}
		for _, library := range app.closure(all)[1:] {
			before, used := users[library.Path]
			if !used || before == set {
				users[library.Path] = set
				continue
			}
			sets[before], sets[set] = append(sets[before], sets[set]...), nil
			for path, user := range users {
				if user == set {
					users[path] = before
				}
			}
			set = before
		}
	}
	sets = slices.DeleteFunc(sets, func(set []int) bool { return len(set) == 0 })
	for _, set := range sets {
		slices.Sort(set)
	}
	slices.SortFunc(sets, func(a, b []int) int { return a[0] - b[0] })
	return sets
}

// Apps gives every project that is an app to be run in a container: of the whole source, or of what the request names, which
// is what Choose takes. The note says which executables were left out and why; it is empty where none was.
func Apps(all []Project, request string) (apps []Project, note string, err error) {
	scope := all
	if request != "" {
		wanted := clean(request)
		scope = slices.DeleteFunc(slices.Clone(all), func(p Project) bool {
			return !within(p.Path, wanted) && p.Path != wanted && !strings.EqualFold(p.Name(), wanted)
		})
		if len(scope) == 0 {
			return nil, "", fmt.Errorf("choosing the projects to publish: no project is called or lies at %q; there is: %s", request, names(all))
		}
	}
	var left []string
	for _, p := range scope {
		switch why := p.whyNotAmongAll(); {
		case why == "":
			apps = append(apps, p)
		case !p.isLibrary():
			left = append(left, p.Path+" "+why)
		}
	}
	if len(apps) == 0 {
		return nil, "", fmt.Errorf("choosing the projects to publish: none of the source's projects is an app%s", reasons(scope, Project.whyNotAmongAll))
	}
	if len(left) > 0 {
		note = "--all leaves out: " + strings.Join(left, "; ")
	}
	return apps, note, nil
}

// whyNotAmongAll says why --all leaves a project out that may yet be named: "" when it does not.
func (p Project) whyNotAmongAll() string {
	isBenchmark := func(name string) bool { return strings.EqualFold(name, "BenchmarkDotNet") }
	why := p.whyNot()
	switch {
	case why != "":
		return why
	case p.is("PackAsTool"):
		return "is a .NET tool (PackAsTool)"
	case p.is("IsAspireHost"):
		return "is an Aspire host, which runs the other apps"
	case slices.ContainsFunc(p.Items["PackageReference"], isBenchmark):
		return "is a benchmark (BenchmarkDotNet)"
	case strings.EqualFold(p.Properties["EnableSdkContainerSupport"], "false"):
		return "sets EnableSdkContainerSupport to false"
	}
	return ""
}

// isLibrary says whether the project is no executable, and no test either.
func (p Project) isLibrary() bool { return strings.HasPrefix(p.whyNot(), classLibrary) }

// ImageName is what the app's image is called where a rule names it: the assembly's name in the form that the .NET SDK's
// ContainerRepository has: lower case, dashes for what a repository may not have in it.
func (p Project) ImageName() string {
	name := notInName.ReplaceAllString(strings.ToLower(p.AssemblyName()), "-")
	name = strings.Trim(separators.ReplaceAllString(name, "-"), "-._")
	if name == "" {
		return "app"
	}
	return name
}

var (
	notInName = regexp.MustCompile(`[^a-z0-9._-]`)
	// separators that may not follow each other in a repository's name: one alone may stand between letters.
	separators = regexp.MustCompile(`[._-]{2,}`)
)

// CheckNames reports two apps whose images would have one name.
func CheckNames(apps []Project) error {
	owner := map[string]Project{}
	for _, app := range apps {
		if other, taken := owner[app.ImageName()]; taken {
			return fmt.Errorf("naming the images: %s and %s would both be called %q: give one of them another AssemblyName, or publish them in two calls", other.Path, app.Path, app.ImageName())
		}
		owner[app.ImageName()] = app
	}
	return nil
}
