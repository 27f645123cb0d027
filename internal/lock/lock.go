// Package lock reads and writes dagger.lock, Dagger's own lockfile: which digest an image's tag stands for. There is one
// lockfile, for this module now and for the engine where it pins images itself: what others wrote into it is kept.
//
// The format is that of Dagger's util/lockfile, version 2 as of v1.0.0-beta.10 and version 1 as of v0.21.4: a line
// [["version","2"]], then a JSON tuple a line, [namespace, operation, inputs, value], sorted by these. Version 1 has a fifth
// member, "pin" or "float". An image is ["","container.from",[reference with tag,platform],digest],
// https://github.com/dagger/dagger/blob/v1.0.0-beta.10/util/lockfile/lockfile.go. The last line ends without a line feed, as there.
package lock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// FileName is where the lock is, at the root of the source.
const FileName = "dagger.lock"

// Renew is the cure for a lock that is behind.
const Renew = "renew it at the root of the source with `dagger call lock -o " + FileName + "`"

const (
	operation = "container.from"
	// A floating entry of version 1 is resolved again each time: it pins nothing.
	policyPin, policyFloat = "pin", "float"
)

// File is a lockfile. The zero value is an empty one of version 2.
type File struct {
	// old is a file of version 1. It stays one: the engine that wrote it reads no other.
	old     bool
	entries map[key]entry
}

type key struct{ namespace, operation, inputs string }

type entry struct {
	value  json.RawMessage
	policy string
}

// Pin is one image: the digest that a reference stands for on some platforms, an index's as a rule.
type Pin struct {
	// Reference is the canonical one, see Canonical.
	Reference string
	Digest    string
	// Platforms in the form linux/arm64.
	Platforms []string
}

// Parse reads a lockfile; one without a line is an empty lock. A later line beats an earlier one for the same inputs.
func Parse(text string) (*File, error) {
	f, header := &File{}, false
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var err error
		if header {
			err = f.parseEntry([]byte(line))
		} else {
			err, header = f.parseHeader([]byte(line)), true
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: line %d: %w", FileName, number, err)
		}
	}
	return f, nil
}

func (f *File) parseHeader(line []byte) error {
	var header [][]string
	if err := decode(line, &header); err != nil || len(header) != 1 || len(header[0]) != 2 || header[0][0] != "version" {
		return errors.New(`it has to be [["version","2"]]`)
	}
	switch version := header[0][1]; version {
	case "1":
		f.old = true
	case "2":
	default:
		return fmt.Errorf("version %q is not known, only 1 and 2 are", version)
	}
	return nil
}

func (f *File) parseEntry(line []byte) error {
	var tuple []json.RawMessage
	if err := decode(line, &tuple); err != nil {
		return fmt.Errorf("it is not a JSON list: %w", err)
	}
	want := 4
	if f.old {
		want = 5
	}
	if len(tuple) != want {
		return fmt.Errorf("it has %d members, not %d", len(tuple), want)
	}
	var k key
	var e entry
	var inputs []any
	if decode(tuple[0], &k.namespace) != nil || decode(tuple[1], &k.operation) != nil || decode(tuple[2], &inputs) != nil {
		return errors.New("it is not [namespace, operation, inputs, value]")
	}
	if f.old && decode(tuple[4], &e.policy) != nil {
		return errors.New("its policy is not a text")
	}
	canonical, err := normal(tuple[2])
	if err != nil {
		return err
	}
	k.inputs = string(canonical)
	if e.value, err = normal(tuple[3]); err != nil {
		return err
	}
	f.put(k, e)
	return nil
}

func (f *File) put(k key, e entry) {
	if f.entries == nil {
		f.entries = map[key]entry{}
	}
	f.entries[k] = e
}

// String gives the file as Dagger writes it; "" where nothing is locked.
func (f *File) String() string {
	if len(f.entries) == 0 {
		return ""
	}
	header := `[["version","2"]]`
	if f.old {
		header = `[["version","1"]]`
	}
	lines := []string{header}
	for _, k := range slices.SortedFunc(maps.Keys(f.entries), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.operation, b.operation), cmp.Compare(a.inputs, b.inputs))
	}) {
		e := f.entries[k]
		members := []string{quote(k.namespace), quote(k.operation), k.inputs, string(e.value)}
		if f.old {
			members = append(members, quote(e.policy))
		}
		lines = append(lines, "["+strings.Join(members, ",")+"]")
	}
	return strings.Join(lines, "\n")
}

// Set locks an image on its platforms, over what was locked for them.
func (f *File) Set(p Pin) {
	for _, platform := range p.Platforms {
		e := entry{value: json.RawMessage(quote(p.Digest))}
		if f.old {
			e.policy = policyPin
		}
		f.put(imageKey(p.Reference, platform), e)
	}
}

// Digest gives what a canonical reference is locked to, "" where it is not. A lock that has the image for other platforms
// alone holds for these too, since an index's digest is the same for all.
func (f *File) Digest(reference string, platforms []string) (string, error) {
	var found []string
	for _, p := range platforms {
		if e, ok := f.entries[imageKey(reference, p)]; ok && e.policy != policyFloat {
			found = append(found, string(e.value))
		}
	}
	if len(found) == 0 {
		for k, e := range f.entries {
			if k.of(reference) && e.policy != policyFloat {
				found = append(found, string(e.value))
			}
		}
	}
	if len(found) == 0 {
		return "", nil
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) > 1 {
		return "", fmt.Errorf("reading %s: %s has another digest for each platform: %s", FileName, reference, Renew)
	}
	var digest string
	if err := decode([]byte(found[0]), &digest); err == nil {
		if _, err = v1.NewHash(digest); err == nil {
			return digest, nil
		}
	}
	return "", fmt.Errorf("reading %s: %s is locked to %s, which is no digest: %s", FileName, reference, found[0], Renew)
}

// Behind says in one line what of the lock differs from the newest image, "" where nothing does.
func (f *File) Behind(newest Pin) string {
	var locked, missing []string
	for _, p := range newest.Platforms {
		e, ok := f.entries[imageKey(newest.Reference, p)]
		switch {
		case !ok || e.policy == policyFloat:
			missing = append(missing, p)
		case string(e.value) != quote(newest.Digest):
			locked = append(locked, strings.Trim(string(e.value), `"`))
		}
	}
	slices.Sort(locked)
	switch {
	case len(locked) > 0:
		return fmt.Sprintf("%s: locked %s, newest %s: %s", newest.Reference, strings.Join(slices.Compact(locked), " and "), newest.Digest, Renew)
	case len(missing) > 0:
		return fmt.Sprintf("%s: not locked for %s, newest %s: %s", newest.Reference, strings.Join(missing, ", "), newest.Digest, Renew)
	}
	return ""
}

// Canonical gives the name that an image is locked by, as Dagger's engine spells it: with its registry, docker.io for Docker
// Hub, and its tag. A reference that holds a digest is pinned by itself: then the name is empty.
func Canonical(reference string) (string, error) {
	parsed, err := name.ParseReference(reference)
	if err != nil {
		return "", fmt.Errorf("reading image reference %q: want HOST/REPOSITORY[:TAG], the repository in lower case", reference)
	}
	if _, pinned := parsed.(name.Digest); pinned {
		return "", nil
	}
	host := parsed.Context().RegistryStr()
	if host == name.DefaultRegistry {
		host = "docker.io"
	}
	return host + "/" + parsed.Context().RepositoryStr() + ":" + parsed.Identifier(), nil
}

func imageKey(reference, platform string) key {
	return key{"", operation, "[" + quote(reference) + "," + quote(platform) + "]"}
}

// of says whether the key is that of an image, whatever its platform.
func (k key) of(reference string) bool {
	var inputs []string
	return k.namespace == "" && k.operation == operation && decode([]byte(k.inputs), &inputs) == nil && len(inputs) == 2 && inputs[0] == reference
}

// quote writes a text as encoding/json does, as Dagger has it.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil { // no text is without a JSON form
		panic(err)
	}
	return string(text)
}

// normal gives a value as encoding/json writes it: no space, an object's names sorted.
func normal(raw json.RawMessage) (json.RawMessage, error) {
	var value any
	if err := decode(raw, &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// decode takes one value and nothing after it; numbers keep their digits.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the value")
	}
	return nil
}
