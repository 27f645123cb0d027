package dotnet

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Group is a set of published files that change together; each becomes one layer.
type Group int

// The groups, in the order of their layers: what changes least comes first.
const (
	// Runtime: .NET itself in a self-contained app, by platform. It changes with the SDK; trimmed, also with what the app uses.
	Runtime Group = iota
	// Packages: managed assemblies of third parties, the same for every platform unless compiled ReadyToRun.
	Packages
	// Native: what differs by platform and yet seldom changes: native assets of packages, the apphost, deps.json.
	Native
	// Libraries: the projects that the app refers to.
	Libraries
	// Content: what nothing compiled: wwwroot, data, models, by and large what lies in folders.
	Content
	// App: the app's own assembly and configuration; of a single file or Native AOT the program that holds all the code.
	App
)

// Groups lists them in the order of the layers.
var Groups = []Group{Runtime, Packages, Native, Libraries, Content, App}

func (g Group) String() string {
	return [...]string{"runtime", "packages", "native", "libraries", "content", "app"}[g]
}

// Layout sorts published files into groups by what the app's deps.json says of them.
type Layout struct {
	group map[string]Group
	app   string
	// program: the file with the app's name is all of its code, not an apphost beside it.
	program bool
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

// NewLayout reads the app's deps.json; nil where there is none, as for Native AOT and a single file, and then only names
// decide. Files are the published paths, relative to the published folder.
func NewLayout(assembly string, deps []byte, files []string) (*Layout, error) {
	l := &Layout{group: map[string]Group{}, app: assembly, program: !slices.Contains(files, assembly+".dll")}
	if deps == nil {
		return l, nil
	}
	var file depsFile
	if err := json.Unmarshal(deps, &file); err != nil {
		return nil, fmt.Errorf("reading %s.deps.json: %w", assembly, err)
	}
	for library, assets := range file.Targets[file.RuntimeTarget.Name] {
		managed, native := Packages, Native
		switch kind := file.Libraries[library].Type; {
		case strings.HasPrefix(kind, "runtimepack"):
			managed, native = Runtime, Runtime
		case kind == "project" && strings.HasPrefix(library, assembly+"/"):
			managed = App
		case kind == "project" || kind == "reference":
			managed = Libraries
		}
		for asset := range assets.Runtime {
			l.add(asset, managed)
		}
		for asset, about := range assets.Resources {
			l.put(resourcePath(asset, about), managed)
		}
		for asset := range assets.Native {
			l.add(asset, native)
		}
		for asset := range assets.RuntimeTargets {
			l.put(asset, Native)
		}
	}
	return l, nil
}

// add files an asset under the names that it may have in the published folder: packages are flattened, runtimes/ is not.
func (l *Layout) add(asset string, g Group) {
	l.put(path.Base(asset), g)
	l.put(asset, g)
}

// put files an asset. Of two that claim a name the one that changes more often has it, whichever is read first.
func (l *Layout) put(asset string, g Group) {
	asset = path.Clean(asset)
	if before, taken := l.group[asset]; taken {
		g = max(before, g)
	}
	l.group[asset] = g
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
	case l.app:
		if l.program {
			return App
		}
		return Native
	case l.app + ".deps.json":
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
	switch ext := path.Ext(file); {
	case ext == ".so" || ext == ".dbg":
		return Native
	case strings.HasPrefix(file, "wwwroot/"):
		return Content
	case ext == ".dll" || path.Dir(file) == "." && slices.Contains(beside, ext):
		return App
	}
	return Content
}

// beside are the kinds of file that lie beside the app's assembly and change with its code: configuration, symbols.
var beside = []string{".json", ".config", ".xml", ".ini", ".yml", ".yaml", ".toml", ".pdb", ""}
