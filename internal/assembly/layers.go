package assembly

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
)

// MaxLayers is the number of layers that every engine runs. Docker's layer store refuses more than 125
// (https://github.com/moby/moby/blob/master/layer/layer_store.go, maxLayerDepth), since it lays two of its own on top and
// overlay took 127 at one time.
const MaxLayers = 125

// atOnce bounds the layers in work, and so the memory: a layer takes about 15 MB.
const atOnce = 4

// set is what becomes one layer of one or several platforms.
type set struct {
	name  string
	files []archive.File
	// platforms are the indexes of the inputs that have it.
	platforms []int
	layer     image.Layer
}

// layers gives the layers of every input, below dir of the image, in the order of its groups. What several platforms have alike is one layer, written
// once. Many are in work at once, and neither their order nor the number of processors changes a byte.
func layers(app dotnet.Project, dir string, inputs []Input, published [][]archive.File, compression image.Compression, scratch string) ([][]image.Layer, error) {
	room, err := room(inputs)
	if err != nil {
		return nil, err
	}
	grouped := make([]map[dotnet.Group][]archive.File, len(inputs))
	for i, in := range inputs {
		if grouped[i], err = group(app, in.Root, published[i]); err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", in.Platform, err)
		}
	}
	sets, err := distinct(strata(grouped, room))
	if err != nil {
		return nil, fmt.Errorf("comparing the platforms' files: %w", err)
	}
	// The largest first, so that none is left to one processor at the end.
	var work errgroup.Group
	work.SetLimit(atOnce)
	for _, s := range slices.SortedStableFunc(slices.Values(sets), func(a, b *set) int { return cmp.Compare(size(b.files), size(a.files)) }) {
		work.Go(func() (err error) {
			s.layer, err = image.NewLayer(scratch, dir[1:], s.name, compression, s.files)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	made := make([][]image.Layer, len(inputs))
	for _, s := range sets {
		for _, i := range s.platforms {
			made[i] = append(made[i], s.layer)
		}
	}
	return made, nil
}

// room is how many layers the bases leave: as many on every platform, so that what they share stays shared.
func room(inputs []Input) (int, error) {
	left := MaxLayers
	for _, in := range inputs {
		base, err := in.Base.Image.Layers()
		if err != nil {
			return 0, fmt.Errorf("reading the layers of base image %s: %w", in.Base.Name, err)
		}
		if len(base) >= MaxLayers {
			return 0, fmt.Errorf("base image %s has %d layers and engines run %d, the app's included: give a --runtime-image with fewer", in.Base.Name, len(base), MaxLayers)
		}
		left = min(left, MaxLayers-len(base))
	}
	return left, nil
}

func group(app dotnet.Project, root string, files []archive.File) (map[dotnet.Group][]archive.File, error) {
	deps, err := depsOf(app, root)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.Path
	}
	layout, err := dotnet.NewLayout(app.AssemblyName(), deps, paths)
	if err != nil {
		return nil, err
	}
	groups := map[dotnet.Group][]archive.File{}
	for _, f := range files {
		g := layout.Group(f.Path)
		groups[g] = append(groups[g], f)
	}
	return groups, nil
}

// depsOf reads the app's deps.json; nil where it has none, as a single file and Native AOT.
func depsOf(app dotnet.Project, root string) ([]byte, error) {
	deps, err := os.ReadFile(filepath.Join(root, app.AssemblyName()+".deps.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return deps, err
}

// stratum is one layer's place in the images: its files on each platform, none where a platform has no such files.
type stratum struct {
	name  string
	files [][]archive.File
}

// strata gives a stratum for each group that a platform has. Where there is no room for all of them, those that change least
// are one.
func strata(grouped []map[dotnet.Group][]archive.File, room int) []stratum {
	var groups []dotnet.Group
	for _, g := range dotnet.Groups {
		if slices.ContainsFunc(grouped, func(has map[dotnet.Group][]archive.File) bool { return len(has[g]) > 0 }) {
			groups = append(groups, g)
		}
	}
	var made []stratum
	for len(groups) > 0 {
		n := max(1, len(groups)-(room-len(made))+1)
		made = append(made, merge(grouped, groups[:n]))
		groups = groups[n:]
	}
	return made
}

func merge(grouped []map[dotnet.Group][]archive.File, groups []dotnet.Group) stratum {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.String()
	}
	s := stratum{name: strings.Join(names, ", "), files: make([][]archive.File, len(grouped))}
	for i, has := range grouped {
		for _, g := range groups {
			s.files[i] = append(s.files[i], has[g]...)
		}
		slices.SortFunc(s.files[i], func(a, b archive.File) int { return strings.Compare(a.Path, b.Path) })
	}
	return s
}

// distinct gives the sets of every stratum, in order; platforms whose files are alike share one.
func distinct(strata []stratum) ([]*set, error) {
	found := make([][]*set, len(strata))
	var work errgroup.Group
	work.SetLimit(atOnce)
	for n, s := range strata {
		work.Go(func() error {
			for i, files := range s.files {
				if len(files) == 0 {
					continue
				}
				of, err := alike(found[n], files)
				if err != nil {
					return err
				}
				if of == nil {
					of = &set{name: s.name, files: files}
					found[n] = append(found[n], of)
				}
				of.platforms = append(of.platforms, i)
			}
			return nil
		})
	}
	err := work.Wait()
	return slices.Concat(found...), err
}

func alike(sets []*set, files []archive.File) (*set, error) {
	for _, s := range sets {
		if same, err := archive.Same(s.files, files); err != nil || same {
			return s, err
		}
	}
	return nil, nil
}

func size(files []archive.File) int64 {
	var sum int64
	for _, f := range files {
		sum += f.Size
	}
	return sum
}
