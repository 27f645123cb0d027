package gitversion

import (
	"fmt"
	"strings"
)

const (
	// dirty marks what does not come from the commit alone.
	dirty = "-dirty"
	// longest tag, https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
	longest = 128
)

// Revision is the commit's id, marked where the files differ from the commit.
func (v *Version) Revision() string {
	if v.Changed != "" {
		return v.Commit + dirty
	}
	return v.Commit
}

// Version is the highest version that the commit's tags give it; "" where none does, and where the files differ from the commit
// and so are not that version.
func (v *Version) Version() string {
	if v.Changed != "" || len(v.Versions) == 0 {
		return ""
	}
	return v.Versions[0]
}

// Tags are those of the image: the revision, and the commit's versions in the form that a tag can have.
func (v *Version) Tags() []string {
	tags := []string{v.Revision()}
	if v.Changed != "" {
		return tags
	}
	for _, version := range v.Versions {
		if tag := asTag(version); len(tag) <= longest {
			tags = append(tags, tag)
		}
	}
	return tags
}

// asTag maps the one character of a version that a tag cannot have. Helm maps it so as well, and since a version has no
// underscore of its own, no two versions get the same tag.
func asTag(version string) string { return strings.ReplaceAll(version, "+", "_") }

// Notes say what of the repository is in the tags in another form than one may expect, or is not in them.
func (v *Version) Notes() []string {
	if v.Changed != "" {
		note := fmt.Sprintf("the files differ from commit %s, %s among them: the tag is marked %s", v.Commit, v.Changed, dirty)
		if len(v.Versions) > 0 {
			note += ", and the version " + v.Versions[0] + " is left out"
		}
		return []string{note}
	}
	var notes []string
	for _, version := range v.Versions {
		switch tag := asTag(version); {
		case len(tag) > longest:
			notes = append(notes, fmt.Sprintf("the version %s is longer than the %d characters of a tag, and is left out", version, longest))
		case tag != version:
			notes = append(notes, fmt.Sprintf("the version %s cannot be a tag: it is pushed as %s", version, tag))
		}
	}
	if len(v.Others) > 0 {
		notes = append(notes, fmt.Sprintf("of git's tags, %s is no version X.Y.Z, and is left out", strings.Join(v.Others, ", ")))
	}
	if v.Blind {
		notes = append(notes, "the clone is shallow and has no tags, so that a version of this commit would not be seen: fetch the tags where there may be one")
	}
	return notes
}
