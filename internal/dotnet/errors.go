package dotnet

import (
	"regexp"
	"strings"
)

// errorLine is MSBuild's canonical form, "ORIGIN : error CODE: text [project]",
// https://learn.microsoft.com/visualstudio/msbuild/msbuild-diagnostic-format-for-tasks
var errorLine = regexp.MustCompile(`(?i)^\s*(?:.*?[:)\s])?(?:fatal )?error(?: ([A-Z]+[0-9]+))?\s*:`)

// cures by the tool's own code; what the tool's text already says is not repeated here.
var cures = map[string]string{
	"NETSDK1045": "the SDK image is older than the target framework: give a newer one with --sdk-image, or raise sdk.version in global.json",
	"NETSDK1100": "the project targets Windows: only projects that run on Linux can be an image",
	"NETSDK1047": "restore and publish disagree on the platforms: take RuntimeIdentifier out of the project or name it in RuntimeIdentifiers",
	"NETSDK1082": "there is no runtime of this kind for one of the platforms: leave it out of --platforms",
	"NETSDK1094": "ReadyToRun has no compiler for one of the platforms: leave it out of --platforms or choose another --publish",
	"NETSDK1147": "the SDK image lacks a workload: give one that has it with --sdk-image",
	"NU1101":     "no package source has this package: check its name, and the sources in nuget.config or --feed",
	"NU1102":     "no package source has this version: check it, and the sources in nuget.config or --feed",
	"NU1301":     "a package source did not answer: check its address in nuget.config and the network, or give packages with --feed",
	"NU1004":     "packages.lock.json does not fit the projects: run dotnet restore and commit it",
	"MSB4025":    "the project file is not valid XML",
	"MSB4236":    "the SDK that the project names is not to be had: check its Sdk attribute and global.json",
	"MSB3202":    "a project reference leads to no file: check that it lies inside --source",
	"MSB4006":    "projects refer to each other in a circle",
}

// ErrorLines picks the lines that report errors out of what a .NET tool printed, each once, in order, with the cure
// below a code that has one. Paths are shown relative to the source.
func ErrorLines(output string) []string {
	var lines []string
	seen := map[string]bool{}
	for line := range strings.Lines(output) {
		line = strings.ReplaceAll(strings.TrimSpace(line), DefaultSourceDir+"/", "")
		match := errorLine.FindStringSubmatch(line)
		if match == nil || seen[line] {
			continue
		}
		seen[line] = true
		lines = append(lines, line)
		if cure := cures[strings.ToUpper(match[1])]; cure != "" && !seen[match[1]] {
			seen[match[1]] = true
			lines = append(lines, "  "+cure)
		}
	}
	return lines
}

// LastLines gives the last n lines that say something, for a tool that failed without an error line of MSBuild's form.
func LastLines(output string, n int) []string {
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}
