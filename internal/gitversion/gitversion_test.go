package gitversion

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var ignored = []string{"**/bin", "**/obj", "**/.git", "**/TestResults"}

// git is the real one, whatever its user has configured.
func git(t *testing.T, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", folder}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	file := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// repository has one commit of a few files, on branch main.
func repository(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	git(t, folder, "init", "-q", "-b", "main")
	write(t, folder, "src/App.cs", "class App;\n")
	write(t, folder, "src/bin/kept.txt", "kept\n")
	write(t, folder, ".gitignore", "*.log\n/out/\n")
	write(t, folder, "zlib.txt", "z\n")
	if err := os.Symlink("src/App.cs", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	git(t, folder, "add", "-A", "-f")
	git(t, folder, "commit", "-q", "-m", "first")
	return folder
}

func read1(t *testing.T, folder string) *Version {
	t.Helper()
	v, err := Read(folder, ignored)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func check(t *testing.T, v *Version, version string, tags []string, notes ...string) {
	t.Helper()
	if v.Version() != version || !slices.Equal(v.Tags(), tags) {
		t.Errorf("version %q, tags %q; want %q, %q", v.Version(), v.Tags(), version, tags)
	}
	said := v.Notes()
	if len(said) != len(notes) {
		t.Fatalf("notes %q; want %d of them", said, len(notes))
	}
	for i, note := range notes {
		if !strings.Contains(said[i], note) {
			t.Errorf("note %q does not say %q", said[i], note)
		}
	}
}

func TestABranchHasTheCommitAlone(t *testing.T) {
	folder := repository(t)
	id := git(t, folder, "rev-parse", "HEAD")
	check(t, read1(t, folder), "", []string{id})
	git(t, folder, "tag", "v1.0.0")
	git(t, folder, "commit", "-q", "--allow-empty", "-m", "second")
	check(t, read1(t, folder), "", []string{git(t, folder, "rev-parse", "HEAD")})
}

func TestTagsOfTheCommitAreItsVersions(t *testing.T) {
	folder := repository(t)
	id := git(t, folder, "rev-parse", "HEAD")
	git(t, folder, "tag", "v1.10.0")
	git(t, folder, "tag", "-m", "annotated", "v1.9.0")
	git(t, folder, "tag", "-m", "of a tag", "1.10.0-rc.1", "v1.9.0")
	git(t, folder, "tag", "1.10.0") // the same version again
	check(t, read1(t, folder), "1.10.0", []string{id, "1.10.0", "1.10.0-rc.1", "1.9.0"})
	git(t, folder, "pack-refs", "--all")
	git(t, folder, "gc", "-q")
	git(t, folder, "checkout", "-q", "--detach")
	check(t, read1(t, folder), "1.10.0", []string{id, "1.10.0", "1.10.0-rc.1", "1.9.0"})
}

func TestAVersionThatIsNoTagIsMappedAndToldOf(t *testing.T) {
	folder := repository(t)
	id := git(t, folder, "rev-parse", "HEAD")
	long := "2.0.0-" + strings.Repeat("a", 130)
	for _, tag := range []string{"v1.2.3+build.5", "v1.2", "release", "api/v1.0.0", long} {
		git(t, folder, "tag", tag)
	}
	check(t, read1(t, folder), long, []string{id, "1.2.3_build.5"},
		"is longer than the 128 characters of a tag", "the version 1.2.3+build.5 cannot be a tag: it is pushed as 1.2.3_build.5", "api/v1.0.0, release, v1.2 is no version X.Y.Z")
}

func TestAShallowCloneHasItsCommit(t *testing.T) {
	from := repository(t)
	git(t, from, "commit", "-q", "--allow-empty", "-m", "second")
	git(t, from, "tag", "v2.0.0")
	id := git(t, from, "rev-parse", "HEAD")
	to := filepath.Join(t.TempDir(), "clone")
	git(t, from, "clone", "-q", "--depth", "1", "--no-tags", "file://"+from, to)
	check(t, read1(t, to), "", []string{id}, "shallow and has no tags")
	// What a provider's checkout does in a tag's pipeline.
	git(t, to, "fetch", "-q", "--depth", "1", "origin", "+refs/tags/v2.0.0:refs/tags/v2.0.0")
	git(t, to, "checkout", "-q", "--detach", "v2.0.0")
	check(t, read1(t, to), "2.0.0", []string{id, "2.0.0"})
}

func TestAChangedTreeIsMarked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, folder string)
		says   string
	}{
		"edited":   {func(t *testing.T, f string) { write(t, f, "src/App.cs", "class Other;\n") }, "src/App.cs"},
		"deleted":  {func(t *testing.T, f string) { os.Remove(filepath.Join(f, "zlib.txt")) }, "zlib.txt"}, //nolint:errcheck // seen below
		"added":    {func(t *testing.T, f string) { write(t, f, "src/New.cs", "class New;\n") }, "src/New.cs"},
		"staged":   {func(t *testing.T, f string) { write(t, f, "a.cs", ""); git(t, f, "add", "a.cs") }, "a.cs"},
		"first":    {func(t *testing.T, f string) { write(t, f, "b.cs", ""); write(t, f, "zlib.txt", "y\n") }, "b.cs"},
		"a folder": {func(t *testing.T, f string) { os.Remove(f + "/zlib.txt"); write(t, f, "zlib.txt/x", "") }, "zlib.txt"}, //nolint:errcheck // seen below
		"a link": {func(t *testing.T, f string) {
			os.Remove(f + "/link") //nolint:errcheck // seen below
			if err := os.Symlink("zlib.txt", f+"/link"); err != nil {
				t.Fatal(err)
			}
		}, "link"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := repository(t)
			git(t, folder, "tag", "v1.0.0")
			c.change(t, folder)
			v := read1(t, folder)
			check(t, v, "", []string{v.Commit + "-dirty"}, c.says+" among them: the tag is marked -dirty, and the version 1.0.0 is left out")
		})
	}
}

func TestWhatABuildLeavesOutChangesNothing(t *testing.T) {
	folder := repository(t)
	write(t, folder, "src/.gitignore", "generated.cs\n")
	write(t, folder, ".git/info/exclude", "excluded.txt\n")
	git(t, folder, "add", "-A")
	git(t, folder, "commit", "-q", "-m", "second")
	id := git(t, folder, "rev-parse", "HEAD")
	for _, name := range []string{"x.log", "out/y", "src/generated.cs", "excluded.txt", "src/obj/z.json", "TestResults/junit.xml"} {
		write(t, folder, name, "new\n")
	}
	if err := os.RemoveAll(filepath.Join(folder, "src", "bin")); err != nil { // not uploaded, though it is in the commit
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "zlib.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "src/App.cs", "class App;\r\n") // as core.autocrlf checks it out
	check(t, read1(t, folder), "", []string{id})
}

func TestLargeFilesAndSparseCheckoutsAreClean(t *testing.T) {
	folder := repository(t)
	content := "large\n"
	sum := sha256.Sum256([]byte(content))
	write(t, folder, "large.dat", fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", hex.EncodeToString(sum[:]), len(content)))
	write(t, folder, "docs/page.md", "page\n")
	git(t, folder, "add", "-A")
	git(t, folder, "commit", "-q", "-m", "second")
	id := git(t, folder, "rev-parse", "HEAD")
	write(t, folder, "large.dat", content)
	git(t, folder, "sparse-checkout", "set", "src")
	if _, err := os.Stat(filepath.Join(folder, "docs")); err == nil {
		t.Fatal("the checkout is not sparse: the test proves nothing")
	}
	check(t, read1(t, folder), "", []string{id})
	write(t, folder, "large.dat", "other\n")
	if v := read1(t, folder); v.Changed != "large.dat" {
		t.Errorf("changed: %q", v.Changed)
	}
}

func TestASubmoduleIsNotLookedInto(t *testing.T) {
	inner, folder := repository(t), repository(t)
	git(t, folder, "-c", "protocol.file.allow=always", "submodule", "-q", "add", inner, "inner")
	git(t, folder, "commit", "-q", "-m", "second")
	write(t, folder, "inner/new.cs", "")
	check(t, read1(t, folder), "", []string{git(t, folder, "rev-parse", "HEAD")})
}

func TestEveryFolderThatHasNoVersionHasItsCause(t *testing.T) {
	none, empty, linked := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "linked")
	git(t, empty, "init", "-q")
	git(t, repository(t), "worktree", "add", "-q", linked)
	broken := repository(t)
	if err := os.RemoveAll(filepath.Join(broken, ".git", "objects")); err != nil {
		t.Fatal(err)
	}
	for folder, says := range map[string]string{
		none: "has no .git: give the root of the repository", empty: "has no commit", linked: "linked worktree", broken: "clone the repository again",
	} {
		_, err := Read(folder, ignored)
		if err == nil || !strings.Contains(err.Error(), says) || strings.ContainsAny(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "reading the version from git: ") {
			t.Errorf("want %q: %v", says, err)
		}
	}
}
