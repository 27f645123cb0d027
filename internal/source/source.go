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
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
)

// Tree is a source tree on disk.
type Tree struct {
	root  string
	files []archive.File
}

// Open reads the tree below root.
func Open(root string) (*Tree, error) {
	files, err := archive.List(root)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	return &Tree{root: root, files: files}, nil
}

// Paths gives every file, relative to the tree, sorted.
func (t *Tree) Paths() []string {
	paths := make([]string, len(t.files))
	for i, f := range t.files {
		paths[i] = f.Path
	}
	return paths
}

// Read gives the text of a file; "" where there is none.
func (t *Tree) Read(path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(path)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the source: %w", err)
	}
	return string(text), nil
}

// WithLine gives the tree with a line added to the end of a file, which is written below the folder scratch. The tree that it is
// asked of, and the file on disk, stay as they are.
func (t *Tree) WithLine(file, line, scratch string) (*Tree, error) {
	i := slices.IndexFunc(t.files, func(f archive.File) bool { return f.Path == file })
	if i < 0 {
		return nil, fmt.Errorf("editing the source: it has no %s", file)
	}
	text, err := t.Read(file)
	if err != nil {
		return nil, err
	}
	edited, err := os.CreateTemp(scratch, "edited-*")
	if err != nil {
		return nil, fmt.Errorf("editing the source: %w", err)
	}
	text += "\n" + line + "\n"
	if _, err := edited.WriteString(text); err != nil {
		return nil, fmt.Errorf("editing the source: %w", errors.Join(err, edited.Close()))
	}
	files := slices.Clone(t.files)
	files[i].OnDisk, files[i].Size = edited.Name(), int64(len(text))
	return &Tree{root: t.root, files: files}, edited.Close()
}

// Size is the sum of the sizes in bytes of the files whose path is wanted.
func (t *Tree) Size(wanted func(path string) bool) int64 {
	var size int64
	for _, f := range t.files {
		if wanted(f.Path) {
			size += f.Size
		}
	}
	return size
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
	return t.pack(wanted, false)
}

// PackWithNames packs like Pack and gives every other file by its name alone, empty.
func (t *Tree) PackWithNames(wanted func(path string) bool) (string, error) {
	return t.pack(wanted, true)
}

func (t *Tree) pack(wanted func(path string) bool, names bool) (string, error) {
	var files []archive.File
	for _, f := range t.files {
		switch {
		case wanted(f.Path):
			files = append(files, f)
		case names:
			files = append(files, archive.File{Path: f.Path, Link: f.Link})
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
