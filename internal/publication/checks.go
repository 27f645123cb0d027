package publication

import (
	"fmt"
	"slices"
	"strings"
)

// The checks that a push may require, in the order in which they run: what takes a second comes before what takes a minute.
const (
	Test    = "test"
	Inspect = "inspect"
	Smoke   = "smoke"
)

// CheckNames lists them.
var CheckNames = []string{Test, Inspect, Smoke}

// Check is one that passed.
type Check struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	// Said is what it found, a line each.
	Said []string `json:"said,omitempty"`
}

// ParseChecks reads a comma-separated list of checks; each is given once, in the order in which they run.
func ParseChecks(list string) ([]string, error) {
	asked := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(CheckNames, name) {
			return nil, fmt.Errorf("reading --require %q: there is no check %q: use one or more of %s, comma-separated", list, name, strings.Join(CheckNames, ", "))
		}
		asked[name] = true
	}
	return slices.DeleteFunc(slices.Clone(CheckNames), func(name string) bool { return !asked[name] }), nil
}

func (c Check) passed() string { return fmt.Sprintf("passed in %.1f s", c.Seconds) }

// passed names the checks of several apps, each once.
func passed(apps []Publication) string {
	var names []string
	for _, p := range apps {
		for _, c := range p.Checks {
			if !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return strings.Join(names, ", ")
}
