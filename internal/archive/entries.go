package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Entry is a file whose bytes may come from anywhere.
type Entry struct {
	// Name is its path in the archive, with forward slashes.
	Name string
	// Size in bytes, exactly.
	Size int64
	Open func() (io.ReadCloser, error)
}

// WriteEntries writes the entries as a tar, sorted by name, folders first. Each is opened when its turn comes and is never held
// in memory.
func WriteEntries(to io.Writer, entries []Entry) error {
	w := tar.NewWriter(to)
	written := map[string]bool{"": true, ".": true}
	for _, e := range slices.SortedFunc(slices.Values(entries), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }) {
		if err := writeFolders(w, path.Dir(e.Name), 0, written); err != nil {
			return err
		}
		if err := writeEntry(w, e); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return w.Close()
}

func writeEntry(w *tar.Writer, e Entry) error {
	if err := w.WriteHeader(header(e.Name, 0o644, e.Size, 0, Epoch)); err != nil {
		return err
	}
	in, err := e.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(w, in)
	return err
}
