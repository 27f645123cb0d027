//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The commit names the image, and changes nothing of it unless asked to.
func TestTheCommitNamesTheImage(t *testing.T) {
	t.Parallel()
	source, to := sample(t, "versioned"), repository(t)
	write(t, source, map[string]string{".gitignore": "bin/\nobj/\n*.kept\n", "tracked.kept": "in the commit all the same\n"})
	commit(t, source)
	git(t, source, "add", "-f", "tracked.kept")
	git(t, source, "commit", "-q", "--amend", "-m", "all")
	git(t, source, "checkout", "-q", "-b", "release/bin") // a folder of this name is not uploaded
	git(t, source, "tag", "-m", "annotated", "v1.2.3+build.5")
	id := strings.TrimSpace(run(t, nil, "git", "-C", source, "rev-parse", "HEAD").stdout)

	pushed, r := push(t, []string{"--source", source}, []string{"--image", to, "--version-from-git", source})
	if want := []string{id, "1.2.3_build.5"}; !slices.Equal(pushed.Tags, want) {
		t.Errorf("tags %q, want %q", pushed.Tags, want)
	}
	for _, tag := range pushed.Tags {
		if !tagged(t, to+":"+tag) {
			t.Errorf("tag %s is not there", tag)
		}
	}
	if tagged(t, to+":latest") {
		t.Error("latest was written though the commit has names")
	}
	if !strings.Contains(r.stdout, "the version 1.2.3+build.5 cannot be a tag: it is pushed as 1.2.3_build.5") {
		t.Errorf("the mapping is not told of:\n%s", r.stdout)
	}
	if plain, _ := push(t, []string{"--source", source}, []string{"--image", to, "--dry-run"}); plain.Digest != pushed.Digest {
		t.Errorf("with the commit's names the image is %s, without %s", pushed.Digest, plain.Digest)
	}

	stamped, _ := push(t, []string{"--source", source, "--stamp-from-git", source}, []string{"--image", to, "--version-from-git", source})
	if stamped.Digest == pushed.Digest {
		t.Error("the stamp changes nothing")
	}
	said := annotations(t, to+"@"+stamped.Digest)
	if said["org.opencontainers.image.version"] != "1.2.3+build.5" || said["org.opencontainers.image.revision"] != id {
		t.Errorf("annotations %q", said)
	}

	edit(t, filepath.Join(source, "tracked.kept"), "in", "In")
	marked, r := push(t, []string{"--source", source, "--stamp-from-git", source, "--version", "9"}, []string{"--image", to, "--version-from-git", source})
	if want := []string{id + "-dirty"}; !slices.Equal(marked.Tags, want) || !strings.Contains(r.stdout, "tracked.kept among them") {
		t.Errorf("tags %q, want %q\n%s", marked.Tags, want, r.stdout)
	}
	said = annotations(t, to+"@"+marked.Digest)
	if said["org.opencontainers.image.version"] != "9" || said["org.opencontainers.image.revision"] != id+"-dirty" {
		t.Errorf("annotations %q", said)
	}
}

func TestAFolderWithoutHistoryHasNoVersion(t *testing.T) {
	t.Parallel()
	source := sample(t, "unversioned")
	for _, args := range [][]string{
		{"call", "build-and-push", "--image", repository(t), "--version-from-git", source},
		{"call", "--stamp-from-git", source, "build-and-push", "--image", repository(t)},
	} {
		r := dagger(t, args...)
		if r.code == 0 || !strings.Contains(r.stderr, "reading the version from git: the folder has no .git: give the root of the repository") {
			t.Errorf("%q: code %d\n%s", args, r.code, tail(r.stderr))
		}
	}
}

// annotations are those of an index.
func annotations(t *testing.T, reference string) map[string]string {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	var index struct{ Annotations map[string]string }
	if err := json.Unmarshal(got.Manifest, &index); err != nil {
		t.Fatal(err)
	}
	return index.Annotations
}
