package registry

import (
	"fmt"
	"strings"
)

// projectPlace stands in a reference for the name of the app that is pushed there.
const projectPlace = "{project}"

// Naming says where apps are pushed: references in which {project} may stand for an app's name, and further tags.
type Naming struct {
	references string
	tags       []string
	// Any is where some app would go: whatever app it is, the hosts are the same. There is one at least.
	Any []Target
}

// ParseNaming reads a comma-separated list of references and the tags that every app's image gets.
func ParseNaming(references string, tags []string) (Naming, error) {
	for reference := range strings.SplitSeq(references, ",") {
		host, _, slash := strings.Cut(reference, "/")
		if slash && strings.Contains(host, projectPlace) {
			return Naming{}, fmt.Errorf("reading image reference %q: %s stands for an app's name in the repository or the tag, not in the host", shown(reference), projectPlace)
		}
		if rest := strings.ReplaceAll(reference, projectPlace, ""); strings.ContainsAny(rest, "{}") {
			return Naming{}, fmt.Errorf("reading image reference %q: the only word in braces is %s", shown(reference), projectPlace)
		}
	}
	n := Naming{references: references, tags: tags}
	var err error
	n.Any, err = n.of("project")
	return n, err
}

// Fixed says whether Any is where every app goes.
func (n Naming) Fixed() bool { return !strings.Contains(n.references, projectPlace) }

// of gives the targets of one app, whose name may stand in a repository.
func (n Naming) of(app string) ([]Target, error) {
	return parseTargets(n.references, n.tags, func(typed string) string { return strings.ReplaceAll(typed, projectPlace, app) })
}

// Each gives the targets of several apps, in their order. Two that would have one tag of one repository are an error that calls
// them as in shown.
func (n Naming) Each(apps, shown []string) ([][]Target, error) {
	all := make([][]Target, len(apps))
	owner := map[string]int{}
	for i, app := range apps {
		targets, err := n.of(app)
		if err != nil {
			return nil, fmt.Errorf("naming the image of %s, where %s is %q: %w", shown[i], projectPlace, app, err)
		}
		for _, t := range targets {
			for _, tag := range t.Tags {
				reference := t.Repository.Tag(tag).Name()
				other, taken := owner[reference]
				switch {
				case !taken:
					owner[reference] = i
				case !n.Fixed() && apps[other] == app:
					return nil, fmt.Errorf("naming the images: %s and %s would both be %s: give one of them another AssemblyName, or push them in two calls", shown[other], shown[i], reference)
				default:
					return nil, fmt.Errorf("naming the images: %s and %s would both be %s: write %s where their names differ, such as --image registry.example.com/team/%s", shown[other], shown[i], reference, projectPlace, projectPlace)
				}
			}
		}
		all[i] = targets
	}
	return all, nil
}
