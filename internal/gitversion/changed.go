package gitversion

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/go-git/go-git/v5/plumbing/format/index"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/moby/patternmatcher"
)

// changed names the first file, in the order of names, that differs from the commit, or that the commit has not and .gitignore
// does not name: a build takes it all the same. Permissions and line ends do not count, since they differ between machines, nor
// what a sparse checkout leaves out, nor submodules.
func changed(folder string, commit *object.Commit, ignored []string) (string, error) {
	outside, err := patternmatcher.New(ignored)
	if err != nil {
		return "", err
	}
	t := &worktree{folder: folder, outside: outside, tracked: map[string]bool{}, absent: map[string]bool{}}
	if err := t.readIndex(); err != nil {
		return "", err
	}
	differing, err := t.differing(commit)
	if err != nil {
		return "", fmt.Errorf("comparing the files with commit %s: %w", commit.Hash, err)
	}
	added, err := t.added()
	if err != nil {
		return "", fmt.Errorf("looking for files that commit %s has not: %w", commit.Hash, err)
	}
	return earlier(differing, added), nil
}

// earlier is the first of two names; "" is none.
func earlier(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

type worktree struct {
	folder  string
	outside *patternmatcher.PatternMatcher
	// tracked are the commit's files and submodules.
	tracked map[string]bool
	// absent are files that a sparse checkout leaves out.
	absent map[string]bool
}

// readIndex takes from git's index what is absent on purpose. All else is compared with the commit itself.
func (t *worktree) readIndex() error {
	file, err := os.Open(filepath.Join(t.folder, ".git", "index"))
	if errors.Is(err, fs.ErrNotExist) { // nothing was checked out
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var read index.Index
	if err := index.NewDecoder(file).Decode(&read); err != nil {
		return fmt.Errorf("reading .git/index: %w", err)
	}
	for _, e := range read.Entries {
		if e.SkipWorktree {
			t.absent[e.Name] = true
		}
	}
	return nil
}

// left says whether a path is outside of what is looked at.
func (t *worktree) left(path string) bool {
	match, err := t.outside.MatchesOrParentMatches(path)
	return err == nil && match
}

// differing is the first file of the commit that is another on disk.
func (t *worktree) differing(commit *object.Commit) (string, error) {
	tree, err := commit.Tree()
	if err != nil {
		return "", err
	}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for first := ""; ; {
		path, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return first, nil
		}
		if err != nil {
			return "", err
		}
		if entry.Mode == filemode.Dir {
			continue
		}
		t.tracked[path] = true
		if entry.Mode == filemode.Submodule || t.absent[path] || t.left(path) || earlier(first, path) == first && first != "" {
			continue
		}
		same, err := t.same(tree, path, entry)
		if err != nil {
			return "", err
		}
		if !same {
			first = path
		}
	}
}

func (t *worktree) same(tree *object.Tree, path string, entry object.TreeEntry) (bool, error) {
	content, err := t.content(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if plumbing.ComputeHash(plumbing.BlobObject, content) == entry.Hash {
		return true, nil
	}
	file, err := tree.TreeEntryFile(&entry)
	if errors.Is(err, plumbing.ErrObjectNotFound) { // a partial clone
		return false, nil
	}
	if err != nil {
		return false, err
	}
	committed, err := file.Contents()
	if err != nil {
		return false, err
	}
	return unix(content) == unix([]byte(committed)) || pointsTo(committed, content), nil
}

// content is a file's, or the target of a link, which git stores as a text.
func (t *worktree) content(path string) ([]byte, error) {
	name := filepath.Join(t.folder, filepath.FromSlash(path))
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return []byte(target), err
	case info.IsDir(): // where the commit has a file
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(name)
}

// unix gives a text with the line ends that git keeps. core.autocrlf, which makes others on disk, may be set where it cannot be
// seen from here.
func unix(content []byte) string {
	return string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
}

// pointsTo says whether the commit has Git LFS's pointer to the content, https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
func pointsTo(pointer string, content []byte) bool {
	if !strings.HasPrefix(pointer, "version https://git-lfs.github.com/spec/v1\n") {
		return false
	}
	sum := sha256.Sum256(content)
	return strings.Contains(pointer, "oid sha256:"+hex.EncodeToString(sum[:])+"\n")
}

// added is the first file that the commit has not and that is not ignored.
func (t *worktree) added() (string, error) {
	patterns, err := gitignore.ReadPatterns(osfs.New(t.folder), nil)
	if err != nil {
		return "", err
	}
	ignores, first := gitignore.NewMatcher(patterns), ""
	err = filepath.WalkDir(t.folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == t.folder {
			return err
		}
		relative, err := filepath.Rel(t.folder, name)
		if err != nil {
			return err
		}
		path := filepath.ToSlash(relative)
		// A tracked folder is a submodule's.
		if path == ".git" || t.tracked[path] || t.left(path) || ignores.Match(strings.Split(path, "/"), entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() {
			first = earlier(first, path)
		}
		return nil
	})
	return first, err
}
