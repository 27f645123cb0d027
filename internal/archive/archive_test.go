package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lay writes a folder and lists it.
func lay(t *testing.T, files map[string]string) []File {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	list, err := List(root)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSameIsWhatMakesTheSameArchive(t *testing.T) {
	large := strings.Repeat("x", 3<<17)
	base := map[string]string{"a": "1", "dir/b": large}
	for name, c := range map[string]struct {
		other  map[string]string
		change func([]File)
		want   bool
	}{
		"equal":                {base, nil, true},
		"another name":         {map[string]string{"a": "1", "dir/c": large}, nil, false},
		"one more":             {map[string]string{"a": "1", "dir/b": large, "c": ""}, nil, false},
		"another size":         {map[string]string{"a": "12", "dir/b": large}, nil, false},
		"another last byte":    {map[string]string{"a": "1", "dir/b": large[1:] + "y"}, nil, false},
		"executable":           {base, func(f []File) { f[0].Executable = true }, false},
		"a link instead":       {base, func(f []File) { f[0].Link = "x" }, false},
		"a name without bytes": {base, func(f []File) { f[0].OnDisk = "" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := lay(t, base), lay(t, c.other)
			if c.change != nil {
				c.change(b)
			}
			same, err := Same(a, b)
			if err != nil || same != c.want {
				t.Fatalf("same %v, %v", same, err)
			}
			var x, y bytes.Buffer
			if err := Write(&x, "app", a); err != nil {
				t.Fatal(err)
			}
			if err := Write(&y, "app", b); err != nil {
				t.Fatal(err)
			}
			if equal := bytes.Equal(x.Bytes(), y.Bytes()); equal != c.want {
				t.Errorf("the archives are equal: %v", equal)
			}
		})
	}
}

func TestSameFailsWhenAFileIsGone(t *testing.T) {
	a, b := lay(t, map[string]string{"a": "1"}), lay(t, map[string]string{"a": "1"})
	if err := os.Remove(b[0].OnDisk); err != nil {
		t.Fatal(err)
	}
	if same, err := Same(a, b); err == nil || same {
		t.Errorf("same %v, %v", same, err)
	}
}

// A folder's header ends in a slash, which counts.
func TestNamesAtTheLimitOfTheOldestHeader(t *testing.T) {
	for _, length := range []int{98, 99, 100, 101, 155, 156, 255} {
		name := strings.Repeat("n", length)
		var b bytes.Buffer
		if err := Write(&b, "", []File{{Path: name + "/f"}, {Path: name + "/link", Link: name}}); err != nil {
			t.Fatalf("%d: %v", length, err)
		}
		r := tar.NewReader(&b)
		for _, want := range []string{name + "/", name + "/f", name + "/link"} {
			if h, err := r.Next(); err != nil || h.Name != want {
				t.Errorf("%d: header %+v, %v", length, h, err)
			}
		}
	}
}

// Eleven octal digits end at 8 GiB. A sparse file of that size costs no disk, and writing ends after the header.
func TestSizesPastTheOldestHeader(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 1<<33); err != nil {
		t.Skipf("the disk takes no sparse file of 8 GiB: %v", err)
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(Write(w, "", []File{{Path: "large", OnDisk: file}})) }()
	h, err := tar.NewReader(r).Next()
	if err != nil || h.Size != 1<<33 {
		t.Errorf("header %+v, %v", h, err)
	}
	_ = r.Close()
}
