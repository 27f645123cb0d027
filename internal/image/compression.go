package image

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

// Compression is how the app's layers are compressed; the base's stay as they are.
type Compression string

// The compressions that the OCI image specification has media types for,
// https://github.com/opencontainers/image-spec/blob/main/layer.md
const (
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// Compressions lists them, the default first.
var Compressions = []Compression{Gzip, Zstd}

// ParseCompression reads a name; "" is the default.
func ParseCompression(name string) (Compression, error) {
	if name == "" {
		return Compressions[0], nil
	}
	if c := Compression(name); slices.Contains(Compressions, c) {
		return c, nil
	}
	var known []string
	for _, c := range Compressions {
		known = append(known, string(c))
	}
	return "", fmt.Errorf("compression %q does not exist: use one of %s", name, strings.Join(known, ", "))
}

// What decides the bytes is written down here and not left to a library's default. Each gzip block is compressed by itself,
// after what the one before ends with, so that the number of processors changes the time and not the bytes.
const (
	gzipLevel     = 5
	gzipBlock     = 1 << 20
	gzipAtOnce    = 4 // blocks in memory, about 3 MB each
	zstdLevel     = zstd.SpeedDefault
	zstdWindow    = 8 << 20
	zstdMaxMemory = 64 << 20
)

func (c Compression) writer(to io.Writer) (io.WriteCloser, error) {
	if c == Zstd {
		// One goroutine: what more of them write is not promised to be the same.
		return zstd.NewWriter(to, zstd.WithEncoderLevel(zstdLevel), zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	}
	w, err := pgzip.NewWriterLevel(to, gzipLevel)
	if err != nil {
		return nil, err
	}
	return w, w.SetConcurrency(gzipBlock, gzipAtOnce)
}

// reader closes what it reads from.
func (c Compression) reader(from io.ReadCloser) (io.ReadCloser, error) {
	if c == Zstd {
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMaxMemory))
		if err != nil {
			return nil, err
		}
		return closing{r, func() error { r.Close(); return from.Close() }}, nil
	}
	r, err := gzip.NewReader(from)
	if err != nil {
		return nil, err
	}
	return closing{r, from.Close}, nil
}

func (c Compression) mediaType() types.MediaType {
	if c == Zstd {
		return types.OCILayerZStd
	}
	return types.OCILayer
}

type closing struct {
	io.Reader
	close func() error
}

func (c closing) Close() error { return c.close() }
