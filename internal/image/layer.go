package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
)

// Layer is a compressed layer on disk. It implements v1.Layer.
type Layer struct {
	comment     string
	file        string
	compression Compression
	digest      v1.Hash
	diffID      v1.Hash
	size        int64
}

// Files lists a published folder, sorted. A symbolic link that leaves the folder is refused, also by way of another link: in
// the image it would point to something else.
func Files(root string) ([]archive.File, error) {
	const doing = "listing published files"
	files, err := archive.List(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	inside, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer inside.Close() //nolint:errcheck // nothing was written
	for _, f := range files {
		if f.Link == "" {
			continue
		}
		// A link to what is not there is none of our business, as long as it stays inside, by its text also: relative to the
		// folder, whose name is of no account.
		text := path.Join("root", path.Dir(f.Path), f.Link)
		_, err := inside.Stat(f.Path)
		if missing := errors.Is(err, fs.ErrNotExist); err != nil && !missing || missing && !strings.HasPrefix(text, "root/") {
			return nil, fmt.Errorf("%s: the link %s points to %s, outside the published folder or in a circle", doing, f.Path, f.Link)
		}
	}
	return files, nil
}

// NewLayer writes the files below dir ("app") into a layer in folder scratch: a compressed tar whose bytes depend on nothing
// but the files' names, contents and executable bits, and on the compression.
func NewLayer(scratch, dir, comment string, compression Compression, files []archive.File) (layer Layer, err error) {
	out, err := os.CreateTemp(scratch, "layer-*")
	if err != nil {
		return Layer{}, fmt.Errorf("writing layer %q: %w", comment, err)
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = fmt.Errorf("writing layer %q: %w", comment, err)
		}
	}()
	compressed := newDigester(out)
	zip, err := compression.writer(compressed)
	if err != nil {
		return Layer{}, err
	}
	uncompressed := newDigester(zip)
	if err := errors.Join(archive.Write(uncompressed, dir, files), zip.Close()); err != nil {
		return Layer{}, err
	}
	return Layer{
		comment: comment, file: out.Name(), compression: compression,
		digest: compressed.sum(), diffID: uncompressed.sum(), size: compressed.size,
	}, nil
}

// Digest is the digest of the compressed layer.
func (l Layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the digest of the tar.
func (l Layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size is the compressed size in bytes.
func (l Layer) Size() (int64, error) { return l.size, nil }

// MediaType is OCI's for the compression.
func (l Layer) MediaType() (types.MediaType, error) { return l.compression.mediaType(), nil }

// Compressed opens the layer as it is pushed.
func (l Layer) Compressed() (io.ReadCloser, error) { return os.Open(l.file) }

// Uncompressed opens the tar.
func (l Layer) Uncompressed() (io.ReadCloser, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	r, err := l.compression.reader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
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
