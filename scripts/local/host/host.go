// Package host decides which Dagger a call uses: the machine's own, where it has
// one that can work, or the embedded one.
package host

import (
	"errors"
	"fmt"
	"regexp"

	"golang.org/x/mod/semver"
)

// Facts are what the decision rests on.
type Facts struct {
	OS, Arch string // as Go names them
	Root     bool
	// Dagger is the path of the machine's own dagger, "" when it has none.
	Dagger string
	// Version is what that prints for `dagger version`.
	Version string
	// Runner is the engine that _EXPERIMENTAL_DAGGER_RUNNER_HOST names, "" for
	// none; the embedded one does not count.
	Runner string
	// Runtime is a container runtime that answers, "" when none does.
	Runtime string
}

// Oldest is the first version of Dagger that loads the module.
const Oldest = "v0.19.10"

// Decide says whether the machine's own dagger is used; if not, it is the
// embedded one. The error says why neither can be.
func Decide(f Facts) (own bool, err error) {
	if f.Dagger != "" && (f.Runner != "" || f.Runtime != "") {
		return true, checkVersion(f)
	}
	if f.Runner != "" {
		return false, fmt.Errorf("_EXPERIMENTAL_DAGGER_RUNNER_HOST names the engine %s, but there is no dagger on PATH to talk to it; "+
			"install the Dagger CLI of that engine's version (https://docs.dagger.io/install), or unset the variable to use the embedded engine", f.Runner)
	}
	return false, embeddable(f)
}

const needDocker = "use Docker and the Dagger CLI (https://docs.dagger.io/install): this script then works with them"

func embeddable(f Facts) error {
	switch {
	case f.OS != "linux" || f.Arch != "amd64":
		return fmt.Errorf("the embedded engine runs on linux/amd64, and this is %s/%s; %s%s", f.OS, f.Arch, needDocker, have(f))
	case !f.Root:
		return errors.New("the embedded engine needs root; run this as root, or " + needDocker + have(f))
	default:
		return nil
	}
}

// have spares a user who has one half a search for it.
func have(f Facts) string {
	if f.Dagger == "" {
		return ""
	}
	return fmt.Sprintf(" (%s is there, but no container runtime answers: start Docker)", f.Dagger)
}

var versionPattern = regexp.MustCompile(`v\d+\.\d+\.\d+[-+.0-9A-Za-z]*`)

// checkVersion lets a version through that it cannot read: that of a build from
// Dagger's own sources.
func checkVersion(f Facts) error {
	version := versionPattern.FindString(f.Version)
	if !semver.IsValid(version) || semver.Compare(version, Oldest) >= 0 {
		return nil
	}
	return fmt.Errorf("%s is Dagger %s, which is older than the %s that the module needs; "+
		"install a newer one (https://docs.dagger.io/install)", f.Dagger, version, Oldest)
}
