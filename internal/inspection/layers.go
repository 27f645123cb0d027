package inspection

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Layer is one layer of an image.
type Layer struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	// Size is the compressed one in bytes; Unpacked the sum of its files', where it was read.
	Size     int64 `json:"size"`
	Unpacked int64 `json:"unpackedSize,omitempty"`
	// Files counts files and links; -1 where the layer was not read.
	Files int `json:"files"`
	// Of is base, app, or "" where it is not known.
	Of string `json:"of,omitempty"`
	// What is in it: the group of files that this module put there, else the line of the history that made it.
	What string `json:"what,omitempty"`
}

const (
	ofBase = "base"
	ofApp  = "app"
)

// look reads what is known of one platform: base, layers, native files.
func (i *inspector) look(ctx context.Context, img v1.Image, on platform.Platform, index map[string]string, p *Platform) (err error) {
	if p.Base, err = i.base(ctx, img, on, index); err != nil {
		return err
	}
	below, err := i.below(ctx, img, on, p.Base)
	if err != nil {
		return err
	}
	if err := i.list(img, p); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	libc := libcOf(p.Base)
	var all tree
	for n, l := range layers {
		one := &p.Layers[n]
		switch {
		case n < below:
			one.Of = ofBase
		case below > 0:
			one.Of = ofApp
		}
		if one.Of == ofBase && libc != "" && !i.BaseLayers {
			continue
		}
		content, err := i.contents(l)
		if err != nil {
			return fmt.Errorf("reading layer %s: %w", one.Digest, err)
		}
		one.Files, one.Unpacked = content.files, content.bytes
		all.add(content, one.Of != ofBase)
	}
	if libc == "" {
		libc = all.libc()
	}
	folder, err := appFolder(img)
	if err != nil {
		return err
	}
	p.Native = all.native(folder)
	compared := native.Image{Platform: on, Libc: libc, Files: p.Native}
	if below == 0 {
		compared.Libc = "" // the distribution's own files are among them
	}
	p.unjudged = compared.Libc == ""
	i.compared = append(i.compared, compared)
	return nil
}

// list gives the layers with what manifest and history say of them.
func (i *inspector) list(img v1.Image, p *Platform) error {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return err
	}
	history := slices.DeleteFunc(slices.Clone(file.History), func(h v1.History) bool { return h.EmptyLayer })
	for n, l := range manifest.Layers {
		one := Layer{Digest: l.Digest.String(), MediaType: string(l.MediaType), Size: l.Size, Files: -1}
		if n < len(history) {
			one.What = what(history[n])
		}
		p.Layers = append(p.Layers, one)
	}
	return nil
}

// what gives a line of history in short.
func what(h v1.History) string {
	if image.OwnLayers([]v1.History{h}) > 0 {
		return h.Comment
	}
	line := h.CreatedBy
	if line == "" {
		line = h.Comment
	}
	line = strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSuffix(line, "# buildkit"), "/bin/sh -c ")), " ")
	return strings.TrimPrefix(line, "#(nop) ")
}

// contents is what one layer holds.
type contents struct {
	files int
	bytes int64
	// native files by path, without the leading slash.
	native map[string]native.File
	// deps are the deps.json files by path.
	deps map[string][]byte
	// loaders are the C libraries whose loader lies here.
	loaders []platform.Libc
	// gone are the paths that the layer takes away, whole are folders of which it takes away all that was there.
	gone, whole []string
}

// largestDeps bounds a deps.json; that of an app of a thousand packages has half a megabyte.
const largestDeps = 32 << 20

// contents reads a layer to its end, once for all platforms that have it, so that its digest is verified as well.
func (i *inspector) contents(l v1.Layer) (*contents, error) {
	digest, err := l.Digest()
	if err != nil {
		return nil, err
	}
	if known := i.read[digest]; known != nil {
		return known, nil
	}
	stream, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	c, err := read(stream)
	if err == nil {
		_, err = io.Copy(io.Discard, stream) // the digest is that of all bytes
	}
	if err = errors.Join(err, stream.Close()); err != nil {
		return nil, err
	}
	i.read[digest] = c
	return c, nil
}

func read(stream io.Reader) (*contents, error) {
	// An ELF header points anywhere into its file, so that one is laid on disk; nothing is held in memory.
	spool, err := os.CreateTemp("", "native-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(spool.Name()) //nolint:errcheck // the container ends with the call
	defer spool.Close()
	c := &contents{native: map[string]native.File{}, deps: map[string][]byte{}}
	entries := tar.NewReader(stream)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		if err := c.add(header, entries, spool); err != nil {
			return nil, err
		}
	}
}

// The names that take away what lower layers have, https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

func (c *contents) add(header *tar.Header, content io.Reader, spool *os.File) error {
	name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
	folder, base := path.Split(name)
	switch {
	case base == opaque:
		c.whole = append(c.whole, folder)
		return nil
	case strings.HasPrefix(base, whiteout):
		c.gone = append(c.gone, folder+strings.TrimPrefix(base, whiteout))
		return nil
	case header.Typeflag == tar.TypeDir:
		return nil
	}
	c.files++
	c.loader(name)
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	c.bytes += header.Size
	if strings.HasSuffix(base, ".deps.json") && header.Size < largestDeps {
		text, err := io.ReadAll(content)
		c.deps[name] = text
		return err
	}
	return c.addNative(name, content, spool)
}

func (c *contents) addNative(name string, content io.Reader, spool *os.File) error {
	reader := bufio.NewReaderSize(content, native.Head)
	head, err := reader.Peek(native.Head)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !native.IsELF(head) {
		if file, ok := native.Read(strings.NewReader(string(head))); ok {
			c.native[name] = file
		}
		return nil
	}
	if err := spool.Truncate(0); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(spool, reader); err != nil {
		return err
	}
	if file, ok := native.Read(spool); ok {
		c.native[name] = file
	}
	return nil
}

// loader notes the C library whose loader a path is.
func (c *contents) loader(name string) {
	folder, base := path.Split(name)
	if !strings.HasPrefix(strings.TrimPrefix(folder, "usr/"), "lib") {
		return
	}
	switch {
	case strings.HasPrefix(base, "ld-musl-"):
		c.loaders = append(c.loaders, platform.Musl)
	case strings.HasPrefix(base, "ld-linux"):
		c.loaders = append(c.loaders, platform.Glibc)
	}
}

// tree is what the layers of an image give together.
type tree struct {
	files   map[string]native.File
	deps    map[string][]byte
	loaders []platform.Libc
}

// add lays a layer over those before; of a base's only the loaders count.
func (t *tree) add(c *contents, own bool) {
	t.loaders = append(t.loaders, c.loaders...)
	if !own {
		return
	}
	if t.files == nil {
		t.files, t.deps = map[string]native.File{}, map[string][]byte{}
	}
	gone := func(name string) bool {
		return slices.ContainsFunc(c.gone, func(g string) bool { return name == g || strings.HasPrefix(name, g+"/") }) ||
			slices.ContainsFunc(c.whole, func(folder string) bool { return strings.HasPrefix(name, folder) })
	}
	if len(c.gone)+len(c.whole) > 0 {
		for name := range t.files {
			if gone(name) {
				delete(t.files, name)
			}
		}
		for name := range t.deps {
			if gone(name) {
				delete(t.deps, name)
			}
		}
	}
	for name, file := range c.native {
		t.files[name] = file
	}
	for name, text := range c.deps {
		t.deps[name] = text
	}
}

// libc is that of the loaders; "" where there are none, or several.
func (t *tree) libc() platform.Libc {
	slices.Sort(t.loaders)
	if kinds := slices.Compact(t.loaders); len(kinds) == 1 {
		return kinds[0]
	}
	return ""
}

// appFolder is where an image has its app, without the leading slash; "" for the root. This module puts an app into the folder
// that it is started in, and so do Microsoft's own samples.
func appFolder(img v1.Image) (string, error) {
	file, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(path.Clean("/"+file.Config.WorkingDir), "/"), nil
}

// native gives the native files, sorted, with the packages that brought them, and their paths below the app's folder.
func (t *tree) native(app string) []native.Found {
	found := []native.Found{}
	origins := map[string]*dotnet.Origins{}
	for name, text := range t.deps {
		o, err := dotnet.NewOrigins(strings.TrimSuffix(path.Base(name), ".deps.json"), text)
		if err != nil {
			continue //nolint:nilerr // an image of others may hold any text under that name
		}
		origins[path.Dir(name)] = o
	}
	folders := slices.Sorted(maps.Keys(origins))
	for name, file := range t.files {
		f := native.Found{Path: name, File: file}
		for _, folder := range folders {
			if rest, below := strings.CutPrefix(name, folder+"/"); below {
				f.Package = origins[folder].Package(rest)
			}
		}
		if app != "" {
			if rest, inside := strings.CutPrefix(name, app+"/"); inside {
				f.Path = rest
			} else {
				f.Path = "/" + name
			}
		}
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b native.Found) int { return strings.Compare(a.Path, b.Path) })
	return found
}
