package dotnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Doubt is what may be known against a package.
type Doubt string

// The doubts that package sources tell of.
const (
	Vulnerable Doubt = "vulnerable"
	Deprecated Doubt = "deprecated"
)

// Tops gives the projects that no other refers to: what is restored of them is restored of all. left names those that are built
// on another system than Linux, or with a workload, and are not looked at.
func Tops(all []Project) (tops []Project, left []string) {
	for _, p := range all {
		refersTo := func(other Project) bool { return other.Path != p.Path && slices.Contains(other.References(), p.Path) }
		switch {
		case strings.Contains(p.Properties["TargetFramework"], "-"):
			left = append(left, p.Path+" ("+p.Properties["TargetFramework"]+")")
		case !slices.ContainsFunc(all, refersTo):
			tops = append(tops, p)
		}
	}
	return tops, left
}

// ListPackagesHelp gives the command whose output says, by naming NoRestore, that the SDK would restore unasked.
func ListPackagesHelp() []string { return []string{"dotnet", "list", "package", "--help"} }

// NoRestore is the option of SDK 10 and later to take what is restored.
const NoRestore = "--no-restore"

// ListPackages gives the command that lists a restored project's packages, also those that packages bring, of which its sources
// have a doubt. help is what ListPackagesHelp printed.
func ListPackages(s Settings, project Project, doubt Doubt, help string) []string {
	args := []string{"dotnet", "list", path.Join(s.Dir(), project.Path), "package", "--" + string(doubt), "--include-transitive", "--format", "json"}
	if s.Feed {
		args = append(args, "--source", FeedDir)
	}
	if s.ConfigFile {
		args = append(args, "--config", ConfigFile)
	}
	if s.Framework != "" && len(project.Frameworks()) > 0 {
		args = append(args, "--framework", s.Framework)
	}
	if strings.Contains(help, NoRestore) {
		args = append(args, NoRestore)
	}
	return args
}

// SourceSilent says whether what ListPackages printed, when it failed, is that a source of packages did not answer.
func SourceSilent(output string) bool {
	return strings.Contains(output, "Unable to load the service index") || strings.Contains(output, "NU1301")
}

// Doubts are what package sources have against packages, gathered from several reports.
type Doubts struct {
	// Sources are those that were asked, each once.
	Sources []string
	// lines by package, in order; projects has who uses it.
	lines    []string
	projects map[string][]string
}

// report in JSON, version 1: https://learn.microsoft.com/dotnet/core/tools/dotnet-package-list
type packageReport struct {
	Version  int
	Sources  []string
	Problems []struct{ Level, Text string }
	Projects []struct {
		Path       string
		Frameworks []struct{ TopLevelPackages, TransitivePackages []listedPackage }
	}
}

type listedPackage struct {
	ID, ResolvedVersion string
	Vulnerabilities     []struct{ Severity, AdvisoryURL string }
	DeprecationReasons  []string
	AlternativePackage  struct{ ID, VersionRange string }
}

// Read takes in what ListPackages printed of a project.
func (d *Doubts) Read(output, sourceDir string) error {
	var r packageReport
	decoder := json.NewDecoder(strings.NewReader(output))
	if err := decoder.Decode(&r); err != nil {
		return fmt.Errorf("reading the list of packages: it is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("reading the list of packages: there is more behind it")
	}
	if r.Version != 1 {
		return fmt.Errorf("reading the list of packages: its version is %d, and only 1 is known", r.Version)
	}
	for _, problem := range r.Problems {
		if strings.EqualFold(problem.Level, "error") {
			return fmt.Errorf("listing the packages: %s", shown(strings.Join(strings.Fields(problem.Text), " ")))
		}
	}
	for _, source := range r.Sources {
		if source = shown(source); !slices.Contains(d.Sources, source) {
			d.Sources = append(d.Sources, source)
		}
	}
	for _, project := range r.Projects {
		file := strings.TrimPrefix(project.Path, sourceDir+"/")
		for _, framework := range project.Frameworks {
			for _, p := range framework.TopLevelPackages {
				d.add(p, "", file)
			}
			for _, p := range framework.TransitivePackages {
				d.add(p, " (brought by another package)", file)
			}
		}
	}
	return nil
}

func (d *Doubts) add(p listedPackage, how, project string) {
	var doubts []string
	for _, v := range p.Vulnerabilities {
		doubts = append(doubts, fmt.Sprintf("is vulnerable (%s, %s)", strings.ToLower(v.Severity), v.AdvisoryURL))
	}
	if len(p.DeprecationReasons) > 0 {
		deprecated := "is deprecated (" + strings.Join(p.DeprecationReasons, ", ") + ")"
		if p.AlternativePackage.ID != "" {
			deprecated += ", use " + strings.TrimSpace(p.AlternativePackage.ID+" "+p.AlternativePackage.VersionRange)
		}
		doubts = append(doubts, deprecated)
	}
	if d.projects == nil {
		d.projects = map[string][]string{}
	}
	for _, doubt := range doubts {
		line := p.ID + " " + p.ResolvedVersion + how + " " + doubt
		if !slices.Contains(d.lines, line) {
			d.lines = append(d.lines, line)
		}
		if !slices.Contains(d.projects[line], project) {
			d.projects[line] = append(d.projects[line], project)
		}
	}
}

// Lines has a line for each package and doubt, sorted, with the projects that use it; none where there is no doubt.
func (d *Doubts) Lines() []string {
	lines := slices.Sorted(slices.Values(d.lines))
	for i, line := range lines {
		lines[i] = line + ": " + strings.Join(d.projects[line], ", ")
	}
	return lines
}

// Telling are the sources that can tell of doubts: a folder of packages cannot.
func (d *Doubts) Telling() []string {
	return slices.DeleteFunc(slices.Clone(d.Sources), func(source string) bool { return !strings.HasPrefix(source, "http") })
}
