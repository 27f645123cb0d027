package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// File is one published file.
type File struct {
	// Path is relative to the published folder, with forward slashes.
	Path string
	// OnDisk is where its bytes are.
	OnDisk     string
	Executable bool
	// Link is the target of a symbolic link; empty for a regular file.
	Link string
}

// Layer is a compressed layer on disk. It implements v1.Layer.
type Layer struct {
	comment string
	file    string
	digest  v1.Hash
	diffID  v1.Hash
	size    int64
}

// Files lists a published folder, sorted. A symbolic link that leaves the folder is refused: in the image it would point
// to something else.
func Files(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f := File{Path: filepath.ToSlash(relative), OnDisk: name}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode().IsRegular():
			f.Executable = info.Mode()&0o100 != 0
		case info.Mode()&fs.ModeSymlink != 0:
			if f.Link, err = linkInside(root, name); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s is neither a file nor a link", f.Path)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing published files: %w", err)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func linkInside(root, name string) (string, error) {
	target, err := os.Readlink(name)
	if err != nil {
		return "", err
	}
	full := filepath.Join(filepath.Dir(name), target)
	if filepath.IsAbs(target) || !strings.HasPrefix(full, filepath.Clean(root)+string(filepath.Separator)) {
		return "", fmt.Errorf("the link %s points to %s, outside the published folder", name, target)
	}
	return filepath.ToSlash(target), nil
}

// NewLayer writes the files below dir ("app") into a layer in folder scratch: a gzipped tar whose bytes depend on nothing
// but the files' names, contents and executable bits.
func NewLayer(scratch, dir, comment string, files []File) (layer Layer, err error) {
	out, err := os.CreateTemp(scratch, "layer-*.tar.gz")
	if err != nil {
		return Layer{}, fmt.Errorf("writing layer %q: %w", comment, err)
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = fmt.Errorf("writing layer %q: %w", comment, err)
		}
	}()
	compressed, uncompressed := newDigester(out), newDigester(nil)
	zip := gzip.NewWriter(compressed)
	uncompressed.to = zip
	if err := writeTar(uncompressed, dir, files); err != nil {
		return Layer{}, err
	}
	if err := zip.Close(); err != nil {
		return Layer{}, err
	}
	return Layer{comment: comment, file: out.Name(), digest: compressed.sum(), diffID: uncompressed.sum(), size: compressed.size}, nil
}

func writeTar(to io.Writer, dir string, files []File) error {
	w := tar.NewWriter(to)
	written := map[string]bool{"": true, ".": true}
	for _, f := range files {
		name := path.Join(dir, f.Path)
		if err := writeFolders(w, path.Dir(name), written); err != nil {
			return err
		}
		if err := writeFile(w, name, f); err != nil {
			return err
		}
	}
	return w.Close()
}

// writeFolders writes the headers of a folder and those above it, once each.
func writeFolders(w *tar.Writer, dir string, written map[string]bool) error {
	if written[dir] {
		return nil
	}
	if err := writeFolders(w, path.Dir(dir), written); err != nil {
		return err
	}
	written[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: Epoch.Time, Format: format(dir)})
}

func writeFile(w *tar.Writer, name string, f File) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: Epoch.Time, Format: format(name + f.Link)}
	if f.Executable {
		header.Mode = 0o755
	}
	if f.Link != "" {
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, f.Link, 0o777
		return w.WriteHeader(header)
	}
	in, err := os.Open(f.OnDisk)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header.Size = info.Size()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// format is USTAR where names fit it, which every reader understands, else PAX; left to itself archive/tar would choose
// by its own version's rules.
func format(name string) tar.Format {
	for _, r := range name {
		if r > 127 {
			return tar.FormatPAX
		}
	}
	if len(name) > 100 {
		return tar.FormatPAX
	}
	return tar.FormatUSTAR
}

// Digest is the digest of the compressed layer.
func (l Layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the digest of the tar.
func (l Layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size is the compressed size in bytes.
func (l Layer) Size() (int64, error) { return l.size, nil }

// MediaType is OCI's.
func (l Layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed opens the layer as it is pushed.
func (l Layer) Compressed() (io.ReadCloser, error) { return os.Open(l.file) }

// Uncompressed opens the tar.
func (l Layer) Uncompressed() (io.ReadCloser, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{zip, f}, nil
}

type digester struct {
	to   io.Writer
	hash hash.Hash
	size int64
}

func newDigester(to io.Writer) *digester { return &digester{to: to, hash: sha256.New()} }

func (d *digester) Write(b []byte) (int, error) {
	n, err := d.to.Write(b)
	d.hash.Write(b[:n])
	d.size += int64(n)
	return n, err
}

func (d *digester) sum() v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(d.hash.Sum(nil))}
}
