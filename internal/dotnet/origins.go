package dotnet

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Origins says which package brought a published file.
type Origins struct {
	packages map[string]string
}

// NewOrigins reads the app's deps.json; nil where there is none, and then nothing is known. .NET's own runtime packs are no
// packages here.
func NewOrigins(assembly string, deps []byte) (*Origins, error) {
	o := &Origins{packages: map[string]string{}}
	if deps == nil {
		return o, nil
	}
	var file depsFile
	if err := json.Unmarshal(deps, &file); err != nil {
		return nil, fmt.Errorf("reading %s.deps.json: %w", assembly, err)
	}
	for library, assets := range file.Targets[file.RuntimeTarget.Name] {
		if file.Libraries[library].Type != "package" {
			continue
		}
		name := strings.Replace(library, "/", " ", 1)
		for asset := range assets.RuntimeTargets {
			o.add(asset, name)
		}
		for _, published := range []map[string]any{assets.Native, assets.Runtime} {
			for asset := range published {
				o.add(asset, name)
				o.add(path.Base(asset), name) // flattened, as packages are
			}
		}
	}
	return o, nil
}

// add files an asset; where two packages have it, the name that sorts first is told, on every machine the same.
func (o *Origins) add(asset, name string) {
	asset = path.Clean(asset)
	if before, taken := o.packages[asset]; !taken || name < before {
		o.packages[asset] = name
	}
}

// Package gives NAME VERSION of the package that brought a file, by its path in the published folder; "" where none did.
func (o *Origins) Package(file string) string { return o.packages[file] }
