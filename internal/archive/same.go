package archive

import (
	"bytes"
	"io"
	"os"
)

// Same says whether two lists make the same archive: equal names, links, owners, times, executable bits and contents. Contents are read only
// where all else is equal, and no further than the first difference.
func Same(a, b []File) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.Path != y.Path || x.Size != y.Size || x.Executable != y.Executable || x.UID != y.UID || x.Link != y.Link || !x.ModTime.Equal(y.ModTime) || (x.OnDisk == "") != (y.OnDisk == "") {
			return false, nil
		}
	}
	for i := range a {
		if a[i].Link != "" || a[i].OnDisk == b[i].OnDisk {
			continue
		}
		if same, err := sameBytes(a[i].OnDisk, b[i].OnDisk); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func sameBytes(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	const size = 1 << 17
	p, q := make([]byte, size), make([]byte, size)
	for {
		n, err := io.ReadFull(x, p)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		m, err := io.ReadFull(y, q)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		if !bytes.Equal(p[:n], q[:m]) {
			return false, nil
		}
		if n < size {
			return true, nil
		}
	}
}
