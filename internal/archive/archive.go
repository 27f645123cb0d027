// Package archive writes folders as tar archives whose bytes depend on nothing but the files' names, contents and
// executable bits: sorted, with given times, numeric owners and fixed modes.
package archive

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Epoch is the time of every entry that has no other.
var Epoch = time.Unix(0, 0).UTC()

// File is one file of a folder.
type File struct {
	// Path is relative to the folder, with forward slashes.
	Path string
	// OnDisk is where its bytes are; "" makes an empty file.
	OnDisk string
	// Size of a regular file in bytes, as it was listed.
	Size       int64
	Executable bool
	// UID owns the file in the archive, and the folders that it is the first in; never who owns it on disk.
	UID int
	// ModTime is the time in the archive, never that of the file on disk; zero is Epoch.
	ModTime time.Time
	// Link is the target of a symbolic link, as it was read; empty for a regular file.
	Link string
}

// List gives the files and links below root, sorted. Anything else, such as a socket, is an error.
func List(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f, err := file(root, name, entry)
		files = append(files, f)
		return err
	})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, err
}

func file(root, name string, entry fs.DirEntry) (File, error) {
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return File{}, err
	}
	f := File{Path: filepath.ToSlash(relative), OnDisk: name}
	info, err := entry.Info()
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		f.Executable, f.Size = info.Mode()&0o100 != 0, info.Size()
	case info.Mode()&fs.ModeSymlink != 0:
		f.Link, err = os.Readlink(name)
	default:
		err = fmt.Errorf("%s is neither a file nor a link", f.Path)
	}
	return f, err
}

// Write writes the files below dir ("app"; "" for none) as a tar, folders first. The folders above dir are left out: where they
// exist, their owner and mode are not ours to change, such as those of /tmp.
func Write(to io.Writer, dir string, files []File) error {
	w := tar.NewWriter(to)
	written := map[string]bool{"": true, ".": true}
	for above := path.Dir(dir); above != "." && !written[above]; above = path.Dir(above) {
		written[above] = true
	}
	for _, f := range files {
		name := path.Join(dir, f.Path)
		if err := writeFolders(w, path.Dir(name), f.UID, written); err != nil {
			return err
		}
		if err := writeFile(w, name, f); err != nil {
			return err
		}
	}
	return w.Close()
}

// writeFolders writes the headers of a folder and those above it, once each.
func writeFolders(w *tar.Writer, dir string, uid int, written map[string]bool) error {
	if written[dir] {
		return nil
	}
	if err := writeFolders(w, path.Dir(dir), uid, written); err != nil {
		return err
	}
	written[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, Uid: uid, ModTime: Epoch, Format: format(dir+"/", 0, uid)})
}

func writeFile(w *tar.Writer, name string, f File) error {
	if f.Link != "" {
		return w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeSymlink, Name: name, Linkname: f.Link, Mode: 0o777, Uid: f.UID, ModTime: Epoch, Format: format(name+f.Link, 0, f.UID),
		})
	}
	mode := int64(0o644)
	if f.Executable {
		mode = 0o755
	}
	if f.OnDisk == "" {
		return w.WriteHeader(header(name, mode, 0, f.UID, f.ModTime))
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
	if err := w.WriteHeader(header(name, mode, info.Size(), f.UID, f.ModTime)); err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return err
}

// header is that of a regular file. A file with several hard links is written as a file each time: which other names it has
// on this disk is of no account. Without a time it is of the Epoch.
func header(name string, mode, size int64, uid int, at time.Time) *tar.Header {
	if at.IsZero() {
		at = Epoch
	}
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, Uid: uid, ModTime: at, Format: format(name, size, uid)}
}

// The largest file and the largest owner that a USTAR header's octal digits can tell: 8 GiB, and 2097151.
const (
	ustarSize = 1<<33 - 1
	ustarID   = 1<<21 - 1
)

// format is USTAR where name and numbers fit it, which every reader understands, else PAX; left to itself archive/tar would
// choose by its own version's rules.
func format(name string, size int64, uid int) tar.Format {
	if size > ustarSize || uid > ustarID {
		return tar.FormatPAX
	}
	for _, r := range name {
		if r > 127 {
			return tar.FormatPAX
		}
	}
	if len(name) > 100 || uid > 0o7777777 {
		return tar.FormatPAX
	}
	return tar.FormatUSTAR
}
