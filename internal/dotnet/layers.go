package dotnet

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Group is a set of published files that change together; each becomes one layer.
type Group int

// The groups, in the order of their layers: what changes least comes first.
const (
	// Packages: managed assemblies of third parties, the same for every platform.
	Packages Group = iota
	// Native: what differs by platform: native assets, the apphost, deps.json, the runtime of a self-contained app.
	Native
	// Libraries: the projects that the app refers to.
	Libraries
	// App: the app's own assembly, configuration and static files.
	App
)

// Groups lists them in the order of the layers.
var Groups = []Group{Packages, Native, Libraries, App}

func (g Group) String() string { return [...]string{"packages", "native", "libraries", "app"}[g] }

// Layout sorts published files into groups by what the app's deps.json says of them.
type Layout struct {
	group map[string]Group
	app   string
}

// depsFile is the part of deps.json that is read here,
// https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md
type depsFile struct {
	RuntimeTarget struct {
		Name string `json:"name"`
	} `json:"runtimeTarget"`
	Targets map[string]map[string]struct {
		Runtime        map[string]any            `json:"runtime"`
		Native         map[string]any            `json:"native"`
		Resources      map[string]any            `json:"resources"`
		RuntimeTargets map[string]map[string]any `json:"runtimeTargets"`
	} `json:"targets"`
	Libraries map[string]struct {
		Type string `json:"type"`
	} `json:"libraries"`
}

// NewLayout reads the app's deps.json; nil where there is none, as for Native AOT, and then only names decide.
func NewLayout(assembly string, deps []byte) (*Layout, error) {
	l := &Layout{group: map[string]Group{}, app: assembly}
	if deps == nil {
		return l, nil
	}
	var file depsFile
	if err := json.Unmarshal(deps, &file); err != nil {
		return nil, fmt.Errorf("reading %s.deps.json: %w", assembly, err)
	}
	for library, assets := range file.Targets[file.RuntimeTarget.Name] {
		kind := file.Libraries[library].Type
		managed := Packages
		if kind == "project" || kind == "reference" {
			managed = Libraries
		}
		if name, _, _ := strings.Cut(library, "/"); kind == "project" && name == assembly {
			managed = App
		}
		if strings.HasPrefix(kind, "runtimepack") {
			managed = Native // the runtime itself, compiled per platform
		}
		for asset := range assets.Runtime {
			l.add(asset, managed)
		}
		for asset, about := range assets.Resources {
			l.add(resourcePath(asset, about), managed)
		}
		for asset := range assets.Native {
			l.add(asset, Native)
		}
		for asset := range assets.RuntimeTargets {
			l.group[path.Clean(asset)] = Native
		}
	}
	return l, nil
}

// add files an asset under the name it has in the published folder: packages are flattened, runtimes/ is not.
func (l *Layout) add(asset string, g Group) {
	l.group[path.Base(asset)] = g
	l.group[path.Clean(asset)] = g
}

// resourcePath gives the published path of a satellite assembly: LOCALE/Name.resources.dll.
func resourcePath(asset string, about any) string {
	if properties, ok := about.(map[string]any); ok {
		if locale, ok := properties["locale"].(string); ok {
			return locale + "/" + path.Base(asset)
		}
	}
	return asset
}

// Group says where a published file belongs; the path is relative to the published folder.
func (l *Layout) Group(file string) Group {
	switch file {
	case l.app, l.app + ".deps.json":
		return Native
	case l.app + ".dll", l.app + ".pdb", l.app + ".xml", l.app + ".runtimeconfig.json":
		return App
	}
	if g, ok := l.group[file]; ok {
		return g
	}
	// Symbols and documentation go with their assembly.
	for _, ext := range []string{".pdb", ".xml"} {
		if stem, ok := strings.CutSuffix(file, ext); ok {
			if g, known := l.group[stem+".dll"]; known {
				return g
			}
		}
	}
	if strings.HasSuffix(file, ".so") || strings.HasSuffix(file, ".dbg") {
		return Native
	}
	return App
}
