package imagefile

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func imageOf(t *testing.T, architecture string, layers ...v1.Layer) v1.Image {
	t.Helper()
	own, err := random.Layer(2000, "application/vnd.oci.image.layer.v1.tar+gzip")
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, append(layers, own)...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", architecture
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// indexOf has two platforms that share one layer.
func indexOf(t *testing.T, shared v1.Layer) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: imageOf(t, arch, shared), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index
}

func layerOf(t *testing.T) v1.Layer {
	t.Helper()
	l, err := random.Layer(100_000, "application/vnd.oci.image.layer.v1.tar+gzip")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func tagOf(t *testing.T, given string) name.Tag {
	t.Helper()
	tag, err := Name(given, "App")
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestAnOCIArchiveHoldsTheIndexUnchanged(t *testing.T) {
	index := indexOf(t, layerOf(t))
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := WriteOCI(&file, index, tagOf(t, "team/app:1")); err != nil {
		t.Fatal(err)
	}
	unpacked := t.TempDir()
	names := unpack(t, file.Bytes(), unpacked)
	// Two manifests, two configs, two own layers, the shared one once, the index.
	if blobs := len(names) - len([]string{"blobs/", "blobs/sha256/", "index.json", "oci-layout"}); blobs != 8 {
		t.Errorf("%d blobs in %q", blobs, names)
	}
	stored, err := layout.ImageIndexFromPath(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	top, err := stored.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Digest != want {
		t.Fatalf("the archive holds %+v, not %s", top.Manifests, want)
	}
	if a := top.Manifests[0].Annotations; a[annotationTag] != "1" || a[annotationName] != "docker.io/team/app:1" {
		t.Errorf("annotations %v", a)
	}
	inner, err := stored.ImageIndex(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(inner); err != nil {
		t.Error(err)
	}
}

func TestAnImageAloneIsInAnIndexWithItsPlatform(t *testing.T) {
	img := imageOf(t, "arm64", layerOf(t))
	want, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := WriteImage(&file, img, v1.Platform{OS: "linux", Architecture: "arm64"}, tagOf(t, "")); err != nil {
		t.Fatal(err)
	}
	unpacked := t.TempDir()
	unpack(t, file.Bytes(), unpacked)
	stored, err := layout.ImageIndexFromPath(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	top, err := stored.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := stored.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(inner); err != nil {
		t.Error(err)
	}
	manifest, err := inner.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if m := manifest.Manifests; len(m) != 1 || m[0].Digest != want || m[0].Platform == nil || m[0].Platform.Architecture != "arm64" {
		t.Errorf("%+v", m)
	}
}

func TestTheSameImageIsTheSameFile(t *testing.T) {
	index, img := indexOf(t, layerOf(t)), imageOf(t, "amd64")
	for format, write := range map[string]func(io.Writer) error{
		"oci":    func(to io.Writer) error { return WriteOCI(to, index, tagOf(t, "")) },
		"docker": func(to io.Writer) error { return WriteDocker(to, img, tagOf(t, "")) },
	} {
		var a, b bytes.Buffer
		if err := errors.Join(write(&a), write(&b)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: written twice, two files", format)
		}
		names := unpack(t, a.Bytes(), t.TempDir())
		if !slices.IsSorted(names) {
			t.Errorf("%s: not sorted: %q", format, names)
		}
	}
}

// unpack gives the names in the order of the archive.
func unpack(t *testing.T, file []byte, to string) []string {
	t.Helper()
	var names []string
	for r := tar.NewReader(bytes.NewReader(file)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s carries an owner or a time", h.Name)
		}
		names = append(names, h.Name)
		out := filepath.Join(to, h.Name)
		if h.Typeflag == tar.TypeDir {
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, os.WriteFile(out, content, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADockerArchiveHoldsOnePlatform(t *testing.T) {
	img := imageOf(t, "amd64", layerOf(t))
	file := filepath.Join(t.TempDir(), "app.tar")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteDocker(out, img, tagOf(t, "team/app:1")), out.Close()); err != nil {
		t.Fatal(err)
	}
	tag := tagOf(t, "team/app:1")
	stored, err := tarball.ImageFromPath(file, &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(stored); err != nil {
		t.Error(err)
	}
	got, err := stored.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := img.ConfigName(); err != nil || got != want {
		t.Errorf("image id %s, want %s, %v", got, want, err)
	}
}

// unsteady breaks off after so many bytes, as often as it is told, and may lie about its content.
type unsteady struct {
	v1.Layer
	after  int64
	breaks int
	lie    bool
	opened int
}

var errBroken = errors.New("connection reset by peer")

func (u *unsteady) Compressed() (io.ReadCloser, error) {
	in, err := u.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	u.opened++
	switch {
	case u.lie:
		content, err := io.ReadAll(in)
		content[len(content)/2]++
		return io.NopCloser(bytes.NewReader(content)), err
	case u.opened <= u.breaks:
		return io.NopCloser(io.MultiReader(io.LimitReader(in, u.after), broken{})), nil
	}
	return in, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestABrokenConnectionIsTakenUpAgain(t *testing.T) {
	whole := layerOf(t)
	in, err := whole.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := whole.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{0, 1, 50_000} {
		u := &unsteady{Layer: whole, after: after, breaks: tries - 1}
		in, err := blob{int64(len(want)), u.Compressed}.steady(digest)()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("broken after %d: %d bytes of %d, %v", after, len(got), len(want), err)
		}
	}
}

func TestWhatCannotBeReadFailsInOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		layer *unsteady
		says  string
	}{
		"always broken": {&unsteady{Layer: layerOf(t), after: 100, breaks: 1000}, "broke off 4 times, at last after 100 of"},
		"other bytes":   {&unsteady{Layer: layerOf(t), lie: true}, "what came is sha256:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := WriteOCI(io.Discard, indexOf(t, c.layer), tagOf(t, "team/app:1"))
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "writing the archive of team/app:1: blobs/sha256/") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
			if c.layer.opened > tries {
				t.Errorf("opened %d times", c.layer.opened)
			}
		})
	}
}

func TestName(t *testing.T) {
	for _, c := range []struct{ given, assembly, canonical, familiar string }{
		{"", "SampleApp.Api", "docker.io/library/sampleapp.api:latest", "sampleapp.api:latest"},
		{"", "Ünïcode App", "docker.io/library/n-code-app:latest", "n-code-app:latest"},
		{"", "日本", "docker.io/library/app:latest", "app:latest"},
		{"team/app", "X", "docker.io/team/app:latest", "team/app:latest"},
		{"ghcr.io/me/app:1.2", "X", "ghcr.io/me/app:1.2", "ghcr.io/me/app:1.2"},
	} {
		tag, err := Name(c.given, c.assembly)
		if err != nil || canonical(tag) != c.canonical || familiar(tag) != c.familiar {
			t.Errorf("%q, %q: %s, %s, %v", c.given, c.assembly, canonical(tag), familiar(tag), err)
		}
	}
	for _, bad := range []string{"Team/App", "app:bad tag", "app@sha256:00"} {
		if _, err := Name(bad, "X"); err == nil || !strings.Contains(err.Error(), "--name") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
