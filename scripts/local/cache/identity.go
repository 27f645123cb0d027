package cache

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
)

var idPattern = regexp.MustCompile(`^[0-9a-f]{8}$`)

// identify reads or makes what tells the parts of this cache (its registry's
// answers, its engine's network) from those of another. The path alone does not:
// containers that share a network each have the same. The file names the path,
// too, so that a copy of the cache gets an identity of its own.
func (c Cache) identify() (string, error) {
	path := c.Path("id")
	if id, ok := c.readID(path); ok {
		return id, nil
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(c.Dir, ".id.*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = fmt.Fprintln(tmp, hex.EncodeToString(random), c.Dir)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return "", err
	}
	return c.publishID(tmp.Name(), path)
}

// publishID lets the first of two calls at the same time win: unlike a rename, a
// link does not replace what is there, unless that is damaged or a copy.
func (c Cache) publishID(tmp, path string) (string, error) {
	_ = os.Link(tmp, path) // also where a file system has no links: see below
	if id, ok := c.readID(path); ok {
		return id, nil
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", err
	}
	id, ok := c.readID(path)
	if !ok {
		return "", fmt.Errorf("%s is not readable", path)
	}
	return id, nil
}

func (c Cache) readID(path string) (id string, ok bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	id, dir, _ := strings.Cut(strings.TrimSuffix(string(data), "\n"), " ")
	return id, idPattern.MatchString(id) && dir == c.Dir
}
