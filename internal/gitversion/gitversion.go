// Package gitversion says what a checked-out commit is called: its id, the versions that its tags give it, and whether the
// files differ from it. It reads the repository's folder and nothing else, no variable of a CI provider, so that the answer is
// the same on each of them and on a desk; shallow clones and detached heads are what it expects.
package gitversion

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"golang.org/x/mod/semver"
)

// Version is what a checked-out commit is called.
type Version struct {
	// Commit is its id: 40 hexadecimal digits, as GITHUB_SHA, CI_COMMIT_SHA and Build.SourceVersion have it.
	Commit string
	// Versions are those of its tags vX.Y.Z or X.Y.Z, as https://semver.org has them, without the v and the highest first.
	Versions []string
	// Changed is a file that differs from the commit or is not in it, "" where there is none.
	Changed string
	// Others are tags of the commit that are no versions, sorted.
	Others []string
	// Blind says that the clone is shallow and has no tag at all, so that one of this commit would not be seen.
	Blind bool
}

// Read reads the repository in a folder. What the ignored patterns name, in the form of .dockerignore, need not be in the folder
// and changes nothing.
func Read(folder string, ignored []string) (*Version, error) {
	v, err := read(folder, ignored)
	if err != nil {
		return nil, fmt.Errorf("reading the version from git: %w", err)
	}
	return v, nil
}

func read(folder string, ignored []string) (*Version, error) {
	info, err := os.Lstat(filepath.Join(folder, ".git"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("the folder has no .git: give the root of the repository")
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errors.New("its .git is a file that names another place, as in a linked worktree or a submodule: give a clone, or the tags themselves with --tag")
	}
	store := filesystem.NewStorage(osfs.New(filepath.Join(folder, ".git")), cache.NewObjectLRUDefault())
	head, err := storer.ResolveReference(store, plumbing.HEAD)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return nil, errors.New("the repository has no commit: commit first, or give the tags themselves with --tag")
	}
	if err != nil {
		return nil, fmt.Errorf("finding HEAD: %w", err)
	}
	commit, err := object.GetCommit(store, head.Hash())
	if err != nil {
		return nil, fmt.Errorf("finding commit %s: %w: clone the repository again", head.Hash(), err)
	}
	v := &Version{Commit: commit.Hash.String()}
	if err := v.readTags(store, commit.Hash); err != nil {
		return nil, err
	}
	v.Changed, err = changed(folder, commit, ignored)
	return v, err
}

// readTags takes the tags that mean the commit, themselves or by a tag object.
func (v *Version) readTags(store *filesystem.Storage, commit plumbing.Hash) error {
	references, err := store.IterReferences()
	if err != nil {
		return fmt.Errorf("listing the tags: %w", err)
	}
	tagless := true
	err = references.ForEach(func(r *plumbing.Reference) error {
		if !r.Name().IsTag() || r.Type() != plumbing.HashReference {
			return nil
		}
		tagless = false
		if peeled(store, r.Hash()) != commit {
			return nil
		}
		name := r.Name().Short()
		if version, ok := semantic(name); ok {
			v.Versions = append(v.Versions, version)
		} else {
			v.Others = append(v.Others, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing the tags: %w", err)
	}
	slices.SortFunc(v.Versions, highestFirst)
	v.Versions = slices.Compact(v.Versions)
	slices.Sort(v.Others)
	shallow, err := store.Shallow()
	if err != nil {
		return fmt.Errorf("reading .git/shallow: %w", err)
	}
	v.Blind = tagless && len(shallow) > 0
	return nil
}

// peeled is the object that a tag means in the end; a tag object may name another.
func peeled(store *filesystem.Storage, hash plumbing.Hash) plumbing.Hash {
	for {
		tag, err := object.GetTag(store, hash)
		if err != nil {
			return hash
		}
		hash = tag.Target
	}
}

// semantic gives the version that a tag's name is.
func semantic(tag string) (string, bool) {
	text := strings.TrimPrefix(tag, "v")
	// The library takes v1 and v1.2 for versions as well, and makes v1.0.0 and v1.2.0 of them.
	if version := "v" + text; !semver.IsValid(version) || semver.Canonical(version)+semver.Build(version) != version {
		return "", false
	}
	return text, true
}

// highestFirst orders those of equal precedence, which differ in their build alone, by their text.
func highestFirst(a, b string) int {
	if order := semver.Compare("v"+b, "v"+a); order != 0 {
		return order
	}
	return strings.Compare(b, a)
}
