//go:build e2e

package e2e

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// watch notes which files below a folder are opened, by inotify(7). What it gives back ends it and names them, each once, sorted.
func watch(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		defer unix.Close(fd) //nolint:errcheck // nothing was written
		var names []string
		buffer := make([]byte, 1<<16)
		for {
			n, err := unix.Read(fd, buffer)
			if err != nil || n <= 0 {
				slices.Sort(names)
				return slices.Compact(names)
			}
			for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
				mask, length := binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
				name := rest[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+length]
				rest = rest[unix.SizeofInotifyEvent+length:]
				if mask&unix.IN_ISDIR == 0 && len(name) > 0 {
					names = append(names, string(bytes.TrimRight(name, "\x00")))
				}
			}
		}
	}
}
