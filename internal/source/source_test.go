package source

import (
	"archive/tar"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

func tree(t *testing.T, mode os.FileMode, when time.Time) *Tree {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{"b/B.csproj": "<B/>", "a/A.csproj": "<A/>", "a/A.cs": "class A;", "a/c/C.cs": "class C;", "global.json": "{}"} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), mode), os.Chtimes(file, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/nowhere", filepath.Join(root, "dangling")); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func pack(t *testing.T, tree *Tree, wanted func(string) bool) string {
	t.Helper()
	packed, err := tree.Pack(wanted)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestPackIsTheSameForTwoCheckouts(t *testing.T) {
	all := func(string) bool { return true }
	one, other := pack(t, tree(t, 0o644, time.Now()), all), pack(t, tree(t, 0o600, time.Unix(99, 0)), all)
	if one != other {
		t.Error("file modes or times reach the packed source")
	}
}

func TestPackHoldsWhatIsWanted(t *testing.T) {
	packed := pack(t, tree(t, 0o644, time.Now()), func(path string) bool { return !strings.HasPrefix(path, "a/") })
	zip, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	if want := []string{"b/", "b/B.csproj", "dangling", "global.json"}; !slices.Equal(names, want) {
		t.Errorf("packed %q, want %q", names, want)
	}
}

func TestPackWithNamesHoldsNoOtherContent(t *testing.T) {
	project := func(path string) bool { return strings.HasSuffix(path, ".csproj") }
	opened := tree(t, 0o644, time.Now())
	before, err := opened.PackWithNames(project)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(opened.root, "a", "A.cs"), []byte("class Other;"), 0o644); err != nil {
		t.Fatal(err)
	}
	after, err := opened.PackWithNames(project)
	if err != nil {
		t.Fatal(err)
	}
	if before != after || before == pack(t, opened, project) {
		t.Error("an edit of code reaches what holds names alone, or the names are missing")
	}
}

func TestFindAndRead(t *testing.T) {
	opened := tree(t, 0o644, time.Now())
	projects := opened.Find(func(name string) bool { return strings.HasSuffix(name, ".csproj") })
	text, err := opened.Read("global.json")
	if err != nil || text != "{}" || !slices.Equal(projects, []string{"a/A.csproj", "b/B.csproj"}) {
		t.Errorf("found %q, global.json %q, %v", projects, text, err)
	}
	if text, err := opened.Read("nowhere/global.json"); text != "" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	if size := opened.Size(func(path string) bool { return strings.HasPrefix(path, "a/") }); size != 20 {
		t.Errorf("size %d", size)
	}
}

func TestWithLineChangesTheCopyAlone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"Program.cs": "class P { }", "other.cs": "class O { }"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := func(string) bool { return true }
	before, err := tree.Pack(all)
	if err != nil {
		t.Fatal(err)
	}
	edited, err := tree.WithLine("Program.cs", "// one line", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	after, err := edited.Pack(all)
	if err != nil || after == before {
		t.Errorf("the edit changes nothing that is packed (%v)", err)
	}
	if added := edited.Size(all) - tree.Size(all); added != int64(len("\n// one line\n")) {
		t.Errorf("%d bytes are added", added)
	}
	if again, err := tree.Pack(all); err != nil || again != before {
		t.Errorf("the tree itself has changed (%v)", err)
	}
	if _, err := tree.WithLine("missing.cs", "// one line", t.TempDir()); err == nil {
		t.Error("a file that is not there is edited")
	}
}
