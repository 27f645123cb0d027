package native

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// words are what folders and files are called after that are there for one architecture or C library.
var words = []string{
	"linux", "unix", "glibc", "gnu", "musl", "alpine", "bionic", "x64", "amd64", "x86", "i386", "i686", "aarch64", "arm64", "armv7", "armv7l",
	"armhf", "arm", "ppc64le", "s390x", "riscv64", "loongarch64", "loong64",
}

// Stem is a path without the words that name an architecture: x64/libz.so and arm64/libz.so have the same, as have
// Magick-x64.so and Magick-arm64.so. Where an app has both, it chooses at run time.
func Stem(file string) string {
	file = strings.NewReplacer("x86_64", "x64", "x86-64", "x64").Replace(strings.ToLower(file))
	var stem strings.Builder
	for file != "" {
		end := strings.IndexFunc(file, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		word, separator := file, ""
		if end >= 0 {
			word, separator = file[:end], file[end:end+1]
		}
		file = file[len(word)+len(separator):]
		if !slices.Contains(words, word) {
			stem.WriteString(word)
		} else if separator != "/" {
			separator = ""
		}
		stem.WriteString(separator)
	}
	return stem.String()
}

// Allowed are patterns of files that may be for another platform than their image.
type Allowed []string

// ParseAllowed reads patterns separated by commas.
func ParseAllowed(list string) (Allowed, error) {
	var allowed Allowed
	for pattern := range strings.SplitSeq(list, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" {
			continue
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("reading --allow-foreign %q: it is no pattern: want a file's name or path, with * for any letters, such as libz*.so; several with commas", pattern)
		}
		allowed = append(allowed, pattern)
	}
	return allowed, nil
}

// Match says whether a file is allowed, by its name or its path as Found has it.
func (a Allowed) Match(file string) bool {
	for _, pattern := range a {
		for _, name := range []string{file, path.Base(file)} {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				return true
			}
		}
	}
	return false
}
