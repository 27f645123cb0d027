package bases

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
)

// file is an entry of a test archive: a folder when its name ends in a slash,
// a link when it has a target.
type file struct {
	name, content, target string
	mode                  int64
}

func (f file) header() *tar.Header {
	h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
	switch {
	case f.target != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.target
	case strings.HasSuffix(f.name, "/"):
		h.Typeflag = tar.TypeDir
	}
	if h.Mode == 0 {
		h.Mode = 0o644
	}
	return h
}

func TestLayerDoesNotDependOnClockUserPathOrReads(t *testing.T) {
	var digests []v1.Hash
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w, err := newLayer(filepath.Join(dir, "layer.tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		content := strings.Repeat("some text of a file. ", 5000)
		h := file{name: "./usr/share/text", content: content, mode: 0o100644}.header()
		h.ModTime, h.AccessTime, h.Uname, h.Gname, h.Format = time.Now(), time.Now(), "user"+dir, "group"+dir, tar.FormatPAX
		reader := io.Reader(strings.NewReader(content))
		if len(digests) > 0 {
			reader = iotest.HalfReader(reader)
		}
		if err := add(h, reader, w); err != nil {
			t.Fatal(err)
		}
		layer, err := w.close()
		if err != nil {
			t.Fatal(err)
		}
		digest, _ := layer.Digest()
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
	// Another one here means that the compressor changed: raise recipe, since
	// composed sets get new digests.
	const pinned = "sha256:f76b42b370c3cf35cb423d2d66d259324444cb3c21a839196da6caac7fdcefc4"
	if digests[0].String() != pinned {
		t.Errorf("the digest is %v, not %s", digests[0], pinned)
	}
}

func TestLayerHasParentsOnceAndKeepsLinksToFolders(t *testing.T) {
	w := testLayer(t)
	for _, f := range []file{{name: "a/b/one", content: "1"}, {name: "a/b/", mode: 0o700}, {name: "bin", target: "usr/bin"}, {name: "bin/two", content: "2"}} {
		if err := add(f.header(), strings.NewReader(f.content), w); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(names(contents(t, closed(t, w))), " ")
	if want := "a/ a/b/ a/b/one bin bin/two"; got != want {
		t.Errorf("the layer holds %q, want %q", got, want)
	}
}

func TestLayerDigestsAreThoseOfItsBytes(t *testing.T) {
	w := testLayer(t)
	if err := w.addFile("etc/file", 0o644, "content"); err != nil {
		t.Fatal(err)
	}
	layer := closed(t, w)
	digest, diffID := hashes(t, layer)
	packed, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	got, size, err := v1.SHA256(packed)
	if want, _ := layer.Size(); err != nil || got != digest || size != want {
		t.Errorf("compressed: %v of %d bytes, said %v of %d (%v)", got, size, digest, want, err)
	}
	plain, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := v1.SHA256(plain); err != nil || got != diffID {
		t.Errorf("uncompressed: %v, said %v (%v)", got, diffID, err)
	}
}

func testLayer(t *testing.T) *layerWriter {
	t.Helper()
	w, err := newLayer(filepath.Join(t.TempDir(), "layer.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closed(t *testing.T, w *layerWriter) v1.Layer {
	t.Helper()
	layer, err := w.close()
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func hashes(t *testing.T, layer v1.Layer) (digest, diffID v1.Hash) {
	t.Helper()
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if diffID, err = layer.DiffID(); err != nil {
		t.Fatal(err)
	}
	return digest, diffID
}

// entry is one of a layer.
type entry struct {
	*tar.Header
	content string
}

func contents(t *testing.T, layer v1.Layer) []entry {
	t.Helper()
	packed, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	err = eachEntry(plain, func(h *tar.Header, content io.Reader) error {
		data, err := io.ReadAll(content)
		all = append(all, entry{h, string(data)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func names(entries []entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return all
}

// find is an entry's last version, which is the one that counts.
func find(entries []entry, name string) (entry, bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Name == name {
			return entries[i], true
		}
	}
	return entry{}, false
}
