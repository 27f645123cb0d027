package dotnet

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Assets is what the packages of an app hold for every identifier, by project.assets.json,
// https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files
type Assets struct {
	// Targets are FRAMEWORK or FRAMEWORK/IDENTIFIER, and what of each package is used there.
	Targets   map[string]map[string]any `json:"targets"`
	Libraries map[string]struct {
		Type  string   `json:"type"`
		Files []string `json:"files"`
	} `json:"libraries"`
}

// ParseAssets reads the text of a project.assets.json.
func ParseAssets(text []byte) (*Assets, error) {
	var a Assets
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("reading what the restore wrote down: %w", err)
	}
	return &a, nil
}

// LackingAsset is a native library of a package that has it for other Linux identifiers only.
type LackingAsset struct {
	// File is its name, Package is NAME VERSION, and Has is one of the identifiers.
	File, Package, Has string
}

// Lacking gives the native libraries that packages of an app have for Linux, and not for an identifier, sorted by package. Those
// of packages for one identifier alone are among them: another package may have the file.
func (a *Assets) Lacking(identifier string) []LackingAsset {
	used := map[string]bool{}
	for target, packages := range a.Targets {
		if strings.HasSuffix(target, "/"+identifier) {
			for name := range packages {
				used[name] = true
			}
		}
	}
	var lacking []LackingAsset
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if a.Libraries[name].Type == "package" {
			lacking = append(lacking, lackingOf(name, a.Libraries[name].Files, taken(identifier))...)
		}
	}
	return lacking
}

// lackingOf gives the libraries of one package; none where it has anything for an identifier that is taken.
func lackingOf(name string, files, taken []string) []LackingAsset {
	var lacking []LackingAsset
	for _, file := range slices.Sorted(slices.Values(files)) {
		parts := strings.Split(file, "/") // runtimes/IDENTIFIER/native/FILE
		if len(parts) < 4 || parts[0] != "runtimes" || parts[2] != "native" {
			continue
		}
		base := path.Base(file)
		switch {
		case slices.Contains(taken, parts[1]):
			return nil
		case !strings.HasPrefix(parts[1], "linux-") || path.Ext(base) != ".so":
			continue
		case slices.ContainsFunc(lacking, func(l LackingAsset) bool { return l.File == base }):
			continue
		}
		lacking = append(lacking, LackingAsset{File: base, Package: strings.Replace(name, "/", " ", 1), Has: parts[1]})
	}
	return lacking
}

// taken are the identifiers whose assets NuGet takes for one, by the graph of portable identifiers,
// https://learn.microsoft.com/dotnet/core/rid-catalog
func taken(identifier string) []string {
	architecture := identifier[strings.LastIndex(identifier, "-")+1:]
	list := []string{"linux-" + architecture, "linux", "unix-" + architecture, "unix", "any"}
	if strings.HasPrefix(identifier, "linux-musl-") {
		list = append(list, identifier, "linux-musl")
	}
	return list
}
