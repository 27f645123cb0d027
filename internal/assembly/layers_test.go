package assembly

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// made are the layers of one platform by name, as its history tells it.
type made map[string]v1.Descriptor

func layersOf(t *testing.T, p image.Part) made {
	t.Helper()
	img, err := p.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	own := len(p.Layers)
	found := made{}
	for i, d := range manifest.Layers[len(manifest.Layers)-own:] {
		found[config.History[len(config.History)-own+i].Comment] = d
	}
	if len(found) != own {
		t.Fatalf("%d layers with %d names", own, len(found))
	}
	return found
}

// differing names the layers that are not the same in both, sorted.
func differing(a, b made) string {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for name := range names {
		if a[name].Digest == b[name].Digest {
			delete(names, name)
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

// shapes are apps as publish leaves them, by platform; what the app's author edited is in code.
var shapes = map[string]struct {
	files func(rid, code string) map[string]string
	// all names every layer; edited those that an edit of code changes; apart those that differ by platform.
	all, edited, apart string
}{
	"framework-dependent": {
		func(rid, code string) map[string]string {
			return map[string]string{
				"App": rid, "App.dll": code, "Core.dll": "core", "Dapper.dll": "dapper", "libe_sqlite3.so": rid, "wwwroot/site.css": "css",
				"App.deps.json": deps(rid), "appsettings.json": "{}",
			}
		}, "app content libraries native packages", "app", "native",
	},
	"self-contained or trimmed": {
		func(rid, code string) map[string]string {
			return map[string]string{
				"App": rid, "App.dll": code, "Core.dll": "core", "Dapper.dll": "dapper", "System.Private.CoreLib.dll": rid, "libcoreclr.so": rid,
				"App.deps.json": deps(rid),
			}
		}, "app libraries native packages runtime", "app", "native runtime",
	},
	"single file": {
		func(rid, code string) map[string]string {
			return map[string]string{"App": rid + code, "libe_sqlite3.so": rid, "appsettings.json": "{}", "wwwroot/site.css": "css"}
		}, "app content native", "app", "app native",
	},
	"Native AOT": {
		func(rid, code string) map[string]string { return map[string]string{"App": rid + code} },
		"app", "app", "app",
	},
}

func shaped(t *testing.T, files func(rid, code string) map[string]string, code string, base v1.Image) []Input {
	t.Helper()
	var inputs []Input
	for _, p := range platform.Default() {
		inputs = append(inputs, Input{
			Platform: p, Base: image.Base{Name: "base", Image: base}, Root: publish(t, files(p.RuntimeIdentifier(platform.Glibc), code)),
		})
	}
	return inputs
}

func TestEveryShapeHasItsSplit(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			before := parts(t, app, shaped(t, s.files, "il", empty.Image))
			amd64, arm64 := layersOf(t, before[0]), layersOf(t, before[1])
			if got := differing(amd64, nil); got != s.all {
				t.Errorf("layers %q, want %q", got, s.all)
			}
			if got := differing(amd64, arm64); got != s.apart {
				t.Errorf("by platform differ %q, want %q", got, s.apart)
			}
			after := parts(t, app, shaped(t, s.files, "edited", empty.Image))
			if got := differing(amd64, layersOf(t, after[0])); got != s.edited {
				t.Errorf("an edit changes %q, want %q", got, s.edited)
			}
		})
	}
}

// The layer is one value, file included: it was compressed once.
func TestPlatformsShareOneBlob(t *testing.T) {
	in := shaped(t, shapes["framework-dependent"].files, "il", empty.Image)
	scratch := t.TempDir()
	both, err := Parts(app, plainConfig(t), in, image.Gzip, scratch)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadDir(scratch)
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[image.Layer]bool{}
	for _, p := range both {
		for _, l := range p.Layers {
			distinct[l] = true
		}
	}
	if len(distinct) != 6 || len(written) != 6 { // native twice
		t.Errorf("%d layers, %d files", len(distinct), len(written))
	}
}

// Bar: an edit sends less than 1 % of an image with 100 MB of dependencies.
func TestAnEditIsSmallWhateverTheDependenciesWeigh(t *testing.T) {
	const packages, each = 20, 5 << 20
	random := rand.NewChaCha8([32]byte{})
	blob := make([]byte, each)
	files := map[string]string{}
	var targets, libraries []string
	for i := range packages {
		if _, err := random.Read(blob); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("Package%d", i)
		files[name+".dll"] = string(blob)
		targets = append(targets, fmt.Sprintf(`"%s/1.0": {"runtime": {"lib/net10.0/%s.dll": {}}}`, name, name))
		libraries = append(libraries, fmt.Sprintf(`"%s/1.0": {"type": "package"}`, name))
	}
	files["App.deps.json"] = `{"runtimeTarget": {"name": "T"}, "targets": {"T": {` + strings.Join(targets, ",") + `}}, "libraries": {` + strings.Join(libraries, ",") + `}}`
	source := bytes.Repeat([]byte("0123456789abcdef"), 1<<14) // an app's own dll of 256 kB
	tree := func(_, code string) map[string]string {
		files["App.dll"] = string(source) + code
		return files
	}
	before := layersOf(t, parts(t, app, shaped(t, tree, "il", empty.Image)[:1])[0])
	after := layersOf(t, parts(t, app, shaped(t, tree, "edited", empty.Image)[:1])[0])
	var image, sent int64
	for name, d := range after {
		image += d.Size
		if before[name].Digest != d.Digest {
			sent += d.Size
		}
	}
	if image < 100_000_000 || sent == 0 || sent*100 > image {
		t.Errorf("an edit sends %d bytes of %d", sent, image)
	}
}

func TestProcessorsChangeNoDigest(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want string
	for _, processors := range []int{1, 8} {
		runtime.GOMAXPROCS(processors)
		index, err := image.Index(parts(t, app, shaped(t, shapes["self-contained or trimmed"].files, "il", empty.Image)))
		if err != nil {
			t.Fatal(err)
		}
		digest, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = digest.String()
		}
		if digest.String() != want {
			t.Errorf("on %d processors %s, want %s", processors, digest, want)
		}
	}
}

// baseOf has so many layers.
func baseOf(t *testing.T, layers int) v1.Image {
	t.Helper()
	var all []v1.Layer
	for i := range layers {
		all = append(all, static.NewLayer([]byte{byte(i)}, types.OCILayer))
	}
	img, err := mutate.AppendLayers(empty.Image, all...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestAFullBaseLeavesFewerLayers(t *testing.T) {
	files := shapes["framework-dependent"].files
	for base, want := range map[int]string{
		MaxLayers - 5: "app content libraries native packages",
		MaxLayers - 4: "app content libraries packages, native",
		MaxLayers - 2: "app packages, native, libraries, content",
		MaxLayers - 1: "packages, native, libraries, content, app",
	} {
		t.Run(fmt.Sprint(base), func(t *testing.T) {
			made := parts(t, app, shaped(t, files, "il", baseOf(t, base)))
			if got := differing(layersOf(t, made[0]), nil); got != want {
				t.Errorf("layers %q, want %q", got, want)
			}
		})
	}
	_, err := Parts(app, plainConfig(t), shaped(t, files, "il", baseOf(t, MaxLayers)), image.Gzip, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "base image base has 125 layers and engines run 125, the app's included") {
		t.Errorf("a full base: %v", err)
	}
}

func TestZstdLayersSaySo(t *testing.T) {
	zipped, err := Parts(app, plainConfig(t), shaped(t, shapes["Native AOT"].files, "il", empty.Image), image.Zstd, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got := layersOf(t, zipped[0])["app"].MediaType; got != types.OCILayerZStd {
		t.Errorf("media type %s", got)
	}
}
