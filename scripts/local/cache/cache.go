// Package cache is the one folder in which everything of the embedded engine
// lives: binaries, state, registry, base images and logs. Deleting it (once what
// runs from it is stopped) leaves nothing behind.
package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Cache is an existing cache folder.
type Cache struct {
	// Dir is absolute and free of symbolic links.
	Dir string
	// ID tells the parts of this cache from those of another: eight hexadecimal
	// digits.
	ID string
}

// Default is the folder that the environment names:
// $XDG_CACHE_HOME/dotnet-multiarch, or ~/.cache/dotnet-multiarch.
func Default(getenv func(string) string) (string, error) {
	base := getenv("XDG_CACHE_HOME")
	switch {
	case filepath.IsAbs(base):
	case base != "":
		return "", fmt.Errorf("finding the cache folder: XDG_CACHE_HOME=%s is not an absolute path; set one", base)
	case getenv("HOME") == "":
		return "", errors.New("finding the cache folder: neither HOME nor XDG_CACHE_HOME is set; set one to a folder")
	default:
		base = filepath.Join(getenv("HOME"), ".cache")
	}
	return filepath.Join(base, "dotnet-multiarch"), nil
}

// Open makes the folder where it is missing.
func Open(dir string) (Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Cache{}, fmt.Errorf("making the cache folder: %w; XDG_CACHE_HOME can name another place", err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Cache{}, fmt.Errorf("finding the cache folder: %w", err)
	}
	c := Cache{Dir: dir}
	if c.ID, err = c.identify(); err != nil {
		return Cache{}, fmt.Errorf("giving the cache an identity: %w", err)
	}
	return c, nil
}

// Path is a path in the cache.
func (c Cache) Path(elem ...string) string {
	return filepath.Join(append([]string{c.Dir}, elem...)...)
}

// Log is the log file of a part: "engine", "registry", "build"…
func (c Cache) Log(part string) string {
	return c.Path("logs", part+".log")
}

// Folder makes a folder of the cache whole or not at all: fill works in a
// temporary one beside it, which then takes the name. It does nothing when the
// folder is there. The caller holds the lock.
func (c Cache) Folder(dir string, fill func(tmp string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := removeAll(dir + ".tmp-*"); err != nil {
		return fmt.Errorf("removing what a killed call left: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	// A name of its own: a program that a killed call started may still write.
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".tmp-")
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), fill(tmp)); err != nil {
		// What is half made is of no use and may be what filled the disk.
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return os.Rename(tmp, dir)
}

func removeAll(pattern string) error {
	paths, err := filepath.Glob(pattern)
	for _, path := range paths {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// WriteFile replaces a file whole or not at all.
func WriteFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
