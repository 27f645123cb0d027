package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// hardNames are hard for a tar: at and past the 100 bytes of its oldest header, past its 155 of a folder, past both, outside
// ASCII.
var hardNames = []string{
	strings.Repeat("n", 96), strings.Repeat("n", 97), strings.Repeat("n", 255),
	strings.Repeat("d", 92) + "/f", strings.Repeat("d", 200) + "/" + strings.Repeat("f", 200),
	"wwwroot/" + strings.Repeat("a-long-folder-name/", 12) + "file.txt",
	"wwwroot/é/日本.txt", "wwwroot/e\u0301", "with space and 'quote'", "back\\slash", "new\nline",
}

// tree lays a published folder with everything that a tar could get wrong.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	content := map[string]string{"App.dll": "il", "App": "elf", "empty": "", "data.bin": numbers(3<<20 + 1)}
	for _, name := range hardNames {
		content[name] = name
	}
	for name, content := range content {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Chmod(filepath.Join(root, "App"), 0o755),
		os.Symlink("data.bin", filepath.Join(root, "link")),
		os.Symlink(hardNames[4], filepath.Join(root, "link to a long name")),
		os.Symlink("../data.bin", filepath.Join(root, "wwwroot", "up")),
		os.Symlink("not there", filepath.Join(root, "dangling")),
		os.Symlink("wwwroot", filepath.Join(root, "folder")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// numbers gives bytes that look like code to a compressor, some new and some seen before: several of its blocks.
func numbers(size int) string {
	var b bytes.Buffer
	for n := uint64(0); b.Len() < size; n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, n-n%7*(n%3)))
		b.Write(sum[:8+n%24])
		b.WriteString("System.Private.CoreLib"[:n%22])
	}
	return b.String()[:size]
}

func layerOf(t *testing.T, root string, c Compression) Layer {
	t.Helper()
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLayer(t.TempDir(), "app", "app", c, files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func layer(t *testing.T, root string) Layer {
	t.Helper()
	return layerOf(t, root, Gzip)
}

// The digests of a fixed tree. When a dependency's upgrade changes them, every user's images get other digests: say so in
// the commit that changes this test.
const goldenTar = "sha256:ad43f364eb5a5b920844992abe8f5e77e4d7d01b2fa83c8a6daf400800f94d12"

var golden = map[Compression]string{
	Gzip: "sha256:1d6740a217db4612c89be6e5fa8c6147566e5f43ef696a5409e622de34b11818",
	Zstd: "sha256:3f10bef6d6d8be6b4cf7bf8a75abce169ef8fe24f4e44bddb3b91e9877ce621b",
}

func TestGoldenLayer(t *testing.T) {
	root := tree(t)
	for _, c := range Compressions {
		l := layerOf(t, root, c)
		if got := l.diffID.String(); got != goldenTar {
			t.Errorf("%s: the tar's digest is %s, want %s", c, got, goldenTar)
		}
		if got := l.digest.String(); got != golden[c] {
			t.Errorf("%s: the layer's digest is %s, want %s", c, got, golden[c])
		}
		checkBytes(t, l)
	}
	if err := validate.Layer(layer(t, root)); err != nil {
		t.Error(err)
	}
}

// checkBytes compares what a layer says of itself with its bytes; go-containerregistry's validate knows gzip alone.
func checkBytes(t *testing.T, l Layer) {
	t.Helper()
	for _, c := range []struct {
		what string
		open func() (io.ReadCloser, error)
		want v1.Hash
	}{{"digest", l.Compressed, l.digest}, {"diff id", l.Uncompressed, l.diffID}} {
		in, err := c.open()
		if err != nil {
			t.Fatal(err)
		}
		got, size, err := v1.SHA256(in)
		if err := errors.Join(err, in.Close()); err != nil {
			t.Errorf("%s: %v", l.compression, err)
		}
		if got != c.want || c.what == "digest" && size != l.size {
			t.Errorf("%s: %s %s of %d bytes, want %s", l.compression, c.what, got, size, c.want)
		}
	}
}

// Compressors that run at once and are used again must write what a single fresh one does.
func TestProcessorsChangeNoByte(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	root := tree(t)
	for _, processors := range []int{1, 2, 8, 32} {
		runtime.GOMAXPROCS(processors)
		for _, c := range Compressions {
			for range 2 {
				if got := layerOf(t, root, c).digest.String(); got != golden[c] {
					t.Errorf("%s on %d processors: %s, want %s", c, processors, got, golden[c])
				}
			}
		}
	}
}

func TestParseCompression(t *testing.T) {
	for name, want := range map[string]Compression{"": Gzip, "gzip": Gzip, "zstd": Zstd} {
		if got, err := ParseCompression(name); err != nil || got != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := ParseCompression("xz"); err == nil || err.Error() != `compression "xz" does not exist: use one of gzip, zstd` {
		t.Errorf("xz: %v", err)
	}
}

// Which names a file has on the build's disk is of no account.
func TestHardLinksAreFiles(t *testing.T) {
	linked, copied := t.TempDir(), t.TempDir()
	for _, file := range []string{filepath.Join(linked, "a"), filepath.Join(copied, "a"), filepath.Join(copied, "b")} {
		if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(linked, "a"), filepath.Join(linked, "b")); err != nil {
		t.Fatal(err)
	}
	if got, want := layer(t, linked).digest, layer(t, copied).digest; got != want {
		t.Errorf("linked %s, copied %s", got, want)
	}
}

// GNU tar shares no code with the writer.
func TestAnotherReaderFindsTheTree(t *testing.T) {
	gnu, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("needs GNU tar: apt-get install -y tar")
	}
	root, out := tree(t), t.TempDir()
	file := filepath.Join(t.TempDir(), "layer.tar")
	in, err := layer(t, root).Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(in)
	if err := errors.Join(err, in.Close(), os.WriteFile(file, content, 0o644)); err != nil {
		t.Fatal(err)
	}
	list, err := exec.Command(gnu, "-tv", "--numeric-owner", "--full-time", "--utc", "-f", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	for line := range strings.Lines(string(list)) {
		if !strings.Contains(line, " 0/0 ") || !strings.Contains(line, " 1970-01-01 00:00:00 ") {
			t.Errorf("owner or time: %s", line)
		}
	}
	if said, err := exec.Command(gnu, "-x", "-C", out, "-f", file).CombinedOutput(); err != nil || len(said) > 0 {
		t.Fatalf("%v\n%s", err, said)
	}
	if got, want := describe(t, filepath.Join(out, "app")), describe(t, root); !slices.Equal(got, want) {
		t.Errorf("unpacked:\n%q\npublished:\n%q", got, want)
	}
}

// describe gives what a layer keeps of a folder: a line for each file and link.
func describe(t *testing.T, root string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			lines = append(lines, relative+" -> "+target)
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		lines = append(lines, fmt.Sprintf("%s %v %x", relative, info.Mode()&0o100 != 0, sha256.Sum256(content)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestLayerDependsOnNothingButNamesContentsAndExecutableBits(t *testing.T) {
	want := layer(t, tree(t)).digest
	other := tree(t)
	err := filepath.WalkDir(other, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		then := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
		return errors.Join(os.Chmod(name, info.Mode()&0o700|0o040), os.Chtimes(name, then, then))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := layer(t, other).digest; got != want {
		t.Errorf("other times and modes give %s, not %s", got, want)
	}
	if err := os.Chmod(filepath.Join(other, "App.dll"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := layer(t, other).digest; got == want {
		t.Error("an executable bit is lost")
	}
}

func TestLayerHoldsFoldersBeforeFilesWithNumericOwners(t *testing.T) {
	in, err := layer(t, tree(t)).Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	seen := map[string]*tar.Header{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if parent := filepath.Dir(strings.TrimSuffix(h.Name, "/")); parent != "." && seen[parent+"/"] == nil {
			t.Errorf("%s comes before its folder", h.Name)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || !h.ModTime.Equal(Epoch.Time) {
			t.Errorf("%s carries an owner or a time: %+v", h.Name, h)
		}
		seen[h.Name] = h
	}
	if seen["app/App"].Mode != 0o755 || seen["app/App.dll"].Mode != 0o644 || seen["app/link"].Linkname != "data.bin" {
		t.Errorf("modes or links are wrong")
	}
}

func TestLinksThatLeaveTheFolderAreRefused(t *testing.T) {
	for _, target := range []string{"/etc/passwd", "../outside", "../../x", "..", "not there/../../x", "here/../../x", "link"} {
		root := t.TempDir()
		if err := errors.Join(os.Symlink(".", filepath.Join(root, "here")), os.Symlink(target, filepath.Join(root, "link"))); err != nil {
			t.Fatal(err)
		}
		if _, err := Files(root); err == nil || !strings.Contains(err.Error(), target) {
			t.Errorf("a link to %s: %v", target, err)
		}
	}
}
