// Package source reads the caller's source tree from disk and packs parts of it for the build container.
package source

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
)

// Tree is a source tree on disk.
type Tree struct {
	root  string
	files []archive.File
	// GlobalJSON is the text of global.json at the root; "" where there is none.
	GlobalJSON string
}

// Open reads the tree below root.
func Open(root string) (*Tree, error) {
	files, err := archive.List(root)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(root, "global.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	return &Tree{root: root, files: files, GlobalJSON: string(text)}, nil
}

// Find gives the files whose name is wanted, relative to the tree, sorted.
func (t *Tree) Find(wanted func(name string) bool) []string {
	var found []string
	for _, f := range t.files {
		if wanted(path.Base(f.Path)) {
			found = append(found, f.Path)
		}
	}
	return found
}

// Pack gives the files whose path is wanted as a gzipped tar in base64, which is text, as Dagger's constants are. The
// text depends on nothing but names, contents and executable bits: packed twice, from two checkouts, it is the same.
func (t *Tree) Pack(wanted func(path string) bool) (string, error) {
	var files []archive.File
	for _, f := range t.files {
		if wanted(f.Path) {
			files = append(files, f)
		}
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return "", err
	}
	if err := archive.Write(zip, "", files); err != nil {
		return "", fmt.Errorf("packing the source: %w", err)
	}
	if err := zip.Close(); err != nil {
		return "", fmt.Errorf("packing the source: %w", err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// Outside gives a predicate for Pack: paths that do not lie in the folder.
func Outside(folder string) func(path string) bool {
	return func(path string) bool { return !strings.HasPrefix(path, folder+"/") }
}
