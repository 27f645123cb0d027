package dotnet

import (
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Project is what MSBuild says of one project: evaluated properties and items, not the text of its file.
type Project struct {
	// Path is relative to the source, with forward slashes: "src/Api/Api.csproj".
	Path string
	// Properties by MSBuild's name; absent and empty are the same.
	Properties map[string]string
	// Items by list name, in MSBuild's order. Paths in the source are relative to it, others are absolute.
	Items map[string][]string
}

// ParseFacts reads the file that the Describe command wrote for a source that lies in sourceDir.
func ParseFacts(content, sourceDir string) ([]Project, error) {
	var file struct {
		Projects []struct {
			Path  string `xml:"path,attr"`
			Facts []struct {
				Name string `xml:"name,attr"`
				Item string `xml:"item,attr"`
				Text string `xml:",chardata"`
			} `xml:"fact"`
		} `xml:"project"`
	}
	if err := xml.Unmarshal([]byte(content), &file); err != nil {
		return nil, fmt.Errorf("reading what MSBuild said of the projects: %w", err)
	}
	var projects []Project
	for _, described := range file.Projects {
		relative, inside := strings.CutPrefix(described.Path, sourceDir+"/")
		if !inside {
			return nil, fmt.Errorf("reading what MSBuild said of the projects: %s lies outside the source", described.Path)
		}
		p := Project{Path: relative, Properties: map[string]string{}, Items: map[string][]string{}}
		for _, f := range described.Facts {
			switch {
			case f.Item != "":
				p.Items[f.Name] = append(p.Items[f.Name], strings.TrimPrefix(f.Item, sourceDir+"/"))
			case f.Text != "":
				p.Properties[f.Name] = f.Text
			}
		}
		projects = append(projects, p)
	}
	slices.SortFunc(projects, func(a, b Project) int { return strings.Compare(a.Path, b.Path) })
	return projects, nil
}

// Name is the project's name: its file's without the extension.
func (p Project) Name() string { return strings.TrimSuffix(path.Base(p.Path), path.Ext(p.Path)) }

// Dir is the project's folder relative to the source; "." is the source itself.
func (p Project) Dir() string { return path.Dir(p.Path) }

// AssemblyName is the name of the app's dll and apphost, without extension.
func (p Project) AssemblyName() string { return p.Properties["AssemblyName"] }

// FrameworkVersion is "10.0" for net10.0 and "3.1" for netcoreapp3.1; "" where the project has several frameworks or
// none of .NET's own.
func (p Project) FrameworkVersion() string {
	if p.Properties["TargetFrameworkIdentifier"] != ".NETCoreApp" {
		return ""
	}
	return strings.TrimPrefix(p.Properties["TargetFrameworkVersion"], "v")
}

// Frameworks lists the target frameworks of a project that has several.
func (p Project) Frameworks() []string { return split(p.Properties["TargetFrameworks"]) }

// SelfContained says whether the app carries the runtime, so that its base needs none.
func (p Project) SelfContained() bool {
	return p.is("SelfContained") || p.is("PublishSelfContained") || p.is("PublishAot")
}

// Mode is how the project is published, as MSBuild evaluated it.
func (p Project) Mode() Mode {
	switch {
	case p.is("PublishAot"):
		return NativeAOT
	case p.is("PublishTrimmed"):
		return Trimmed
	case p.is("PublishSingleFile"):
		return SingleFile
	case p.SelfContained():
		return SelfContained
	case p.is("PublishReadyToRun"):
		return ReadyToRun
	}
	return FrameworkDependent
}

// RuntimeIdentifiers gives the project's own target platforms: ContainerRuntimeIdentifiers as the .NET SDK's container
// support reads them, else RuntimeIdentifiers.
func (p Project) RuntimeIdentifiers() []string {
	for _, name := range []string{"ContainerRuntimeIdentifiers", "ContainerRuntimeIdentifier", "RuntimeIdentifiers"} {
		if ids := split(p.Properties[name]); len(ids) > 0 {
			return ids
		}
	}
	return nil
}

// Platforms gives the project's own target platforms, else the default ones. The note says which identifiers were left out,
// since no Linux image of that C library is built for them.
func (p Project) Platforms(libc platform.Libc) (platforms []platform.Platform, note string) {
	var left []string
	for _, rid := range p.RuntimeIdentifiers() {
		own, of, err := platform.FromRuntimeIdentifier(rid)
		switch {
		case err != nil || of != libc:
			left = append(left, rid)
		case !slices.Contains(platforms, own):
			platforms = append(platforms, own)
		}
	}
	if len(left) > 0 {
		note = p.Path + " also names " + strings.Join(left, ", ") + ", for which no image is built"
	}
	if len(platforms) > 0 {
		return platforms, note
	}
	return platform.Default(), note
}

// onlyMusl says whether the project names Linux identifiers, all of them of musl.
func (p Project) onlyMusl() bool {
	found := false
	for _, rid := range p.RuntimeIdentifiers() {
		_, libc, err := platform.FromRuntimeIdentifier(rid)
		if err == nil && libc != platform.Musl {
			return false
		}
		found = found || err == nil
	}
	return found
}

// NeedsFramework says whether the app has to be described again for the framework that the caller names. Naming one that
// the project does not have is an error.
func (p Project) NeedsFramework(framework string) (bool, error) {
	several := p.Frameworks()
	switch {
	case framework == "" || len(several) == 0 && framework == p.Properties["TargetFramework"]:
		return false, nil
	case slices.Contains(several, framework):
		return true, nil
	case len(several) == 0:
		several = []string{p.Properties["TargetFramework"]}
	}
	return false, fmt.Errorf("choosing the target framework: %s does not target %s, only %s", p.Path, framework, strings.Join(several, ", "))
}

// UsesAspNetCore says whether the app needs the ASP.NET Core runtime: its own framework references or those of a
// project that it refers to, directly or not.
func (p Project) UsesAspNetCore(all []Project) bool {
	return slices.ContainsFunc(p.closure(all), func(q Project) bool {
		return slices.Contains(q.Items["FrameworkReference"], "Microsoft.AspNetCore.App") || q.is("UsingMicrosoftNETSdkWeb")
	})
}

// References gives the paths of the projects that p refers to, relative to the source. One that leaves the source keeps
// its absolute path.
func (p Project) References() []string { return p.Items["ProjectReference"] }

// closure gives p and every project that it refers to, directly or not.
func (p Project) closure(all []Project) []Project {
	found := []Project{p}
	for i := 0; i < len(found); i++ {
		for _, reference := range found[i].References() {
			known := func(q Project) bool { return q.Path == reference }
			if j := slices.IndexFunc(all, known); j >= 0 && !slices.ContainsFunc(found, known) {
				found = append(found, all[j])
			}
		}
	}
	return found
}

// Missing says which references of the app and its libraries lead to no file of the source: MSBuild leaves them out.
func (p Project) Missing(all []Project, files []string) []string {
	var notes []string
	for _, q := range p.closure(all) {
		for _, reference := range q.References() {
			if !path.IsAbs(reference) && !slices.Contains(files, reference) {
				notes = append(notes, fmt.Sprintf("%s refers to %s, which the source does not have: MSBuild leaves it out", q.Path, reference))
			}
		}
	}
	return notes
}

func (p Project) is(property string) bool { return strings.EqualFold(p.Properties[property], "true") }

func split(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, ";") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
