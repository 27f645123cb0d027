package bases

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// epoch is the time of everything in a composed image.
var epoch = time.Unix(0, 0).UTC()

// layerWriter writes a layer to a file: tar, compressed with a gzip whose
// version go.mod pins (Go's own changes its bytes between releases), with both
// digests computed on the way. Nothing in it depends on clock, user or path:
// entries keep name, type, mode, owner, link and extended attributes only.
type layerWriter struct {
	file   *os.File
	buffer *bufio.Writer
	packed hash.Hash // of the compressed bytes: the digest
	plain  hash.Hash // of the tar: the diff ID
	size   int64
	gzip   *gzip.Writer
	tar    *tar.Writer
	seen   map[string]bool // folders and links written
}

func newLayer(file string) (*layerWriter, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("writing a layer: %w", err)
	}
	w := &layerWriter{file: f, buffer: bufio.NewWriterSize(f, 1<<20), packed: sha256.New(), plain: sha256.New(), seen: map[string]bool{"": true}}
	// The fastest level: these layers travel over loopback only, and 1.4 GB
	// of them are wanted within seconds.
	w.gzip, err = gzip.NewWriterLevel(io.MultiWriter(w.buffer, w.packed, (*counter)(&w.size)), gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w.tar = tar.NewWriter(io.MultiWriter(w.gzip, w.plain))
	return w, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// begin writes an entry's header, after those of parent folders that have not
// had one. It says whether the entry is new: a folder may be named many times.
func (w *layerWriter) begin(entry *tar.Header) (bool, error) {
	name := clean(entry.Name)
	if w.seen[name] {
		return false, nil
	}
	if parent := path.Dir(name); parent != "." {
		if _, err := w.begin(folder(parent)); err != nil {
			return false, err
		}
	}
	h := normal(entry, name)
	if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeSymlink {
		w.seen[name] = true // a link may stand for a folder: /bin
	}
	return true, w.tar.WriteHeader(h)
}

// add writes an entry to each layer; content is read once.
func add(entry *tar.Header, content io.Reader, layers ...*layerWriter) error {
	var out []io.Writer
	for _, w := range layers {
		fresh, err := w.begin(entry)
		if err != nil {
			return fmt.Errorf("writing %s to a layer: %w", entry.Name, err)
		}
		if fresh && entry.Typeflag == tar.TypeReg {
			out = append(out, w.tar)
		}
	}
	if len(out) == 0 {
		return nil
	}
	if _, err := io.Copy(io.MultiWriter(out...), content); err != nil {
		return fmt.Errorf("writing %s to a layer: %w", entry.Name, err)
	}
	return nil
}

// close ends the layer and gives it; the file stays.
func (w *layerWriter) close() (v1.Layer, error) {
	err := errors.Join(w.tar.Close(), w.gzip.Close(), w.buffer.Flush(), w.file.Close())
	if err != nil {
		return nil, fmt.Errorf("writing a layer: %w", err)
	}
	return partial.CompressedToLayer(fileLayer{path: w.file.Name(), digest: sum(w.packed), diffID: sum(w.plain), size: w.size})
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// fileLayer is a compressed layer in a file, whose digests are known.
type fileLayer struct {
	path           string
	digest, diffID v1.Hash
	size           int64
}

func (l fileLayer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l fileLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l fileLayer) Size() (int64, error)                { return l.size, nil }
func (l fileLayer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }
func (l fileLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }

// normal is what of an entry is written.
func normal(entry *tar.Header, name string) *tar.Header {
	h := &tar.Header{Typeflag: entry.Typeflag, Name: name, Mode: entry.Mode & 0o7777, Uid: entry.Uid, Gid: entry.Gid, ModTime: epoch}
	switch h.Typeflag {
	case tar.TypeDir:
		h.Name += "/"
	case tar.TypeReg:
		h.Size = entry.Size
	case tar.TypeSymlink:
		h.Linkname = entry.Linkname
	case tar.TypeLink:
		h.Linkname = clean(entry.Linkname)
	}
	for key, value := range entry.PAXRecords {
		if strings.HasPrefix(key, "SCHILY.xattr.") { // file capabilities
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords[key] = value
		}
	}
	return h
}

// clean gives a path as a layer names it, "" for the root: "./bin/" is "bin".
func clean(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

func folder(name string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

func symlink(name, target string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

// addFile writes a root-owned file.
func (w *layerWriter) addFile(name string, mode int64, content string) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	return add(h, strings.NewReader(content), w)
}
