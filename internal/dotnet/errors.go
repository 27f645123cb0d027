package dotnet

import (
	"fmt"
	"regexp"
	"strings"
)

// maxErrors is how many lines of errors a person is shown.
const maxErrors = 40

// maxErrorLine is how long one may be, in characters: an error of a linker repeats its whole command line.
const maxErrorLine = 600

// cures by a sign in the tool's own lines: its code, or a text where the code says too little. Of one error's lines the
// first sign that fits decides. What the tool's text already says is not repeated here.
var cures = []struct{ sign, cure string }{
	// Texts first.
	{"A compatible .NET SDK was not found", "the SDK image lacks the version that global.json asks for: give one that has it with --sdk-image, or set sdk.rollForward in global.json"},
	{"No .NET SDKs were found", "the image holds no .NET SDK: give one that does with --sdk-image"},
	{": not found", "the SDK image lacks a program that the build calls: give one that has it with --sdk-image"},
	{"not a git repository", "the build asks git: give it the history with --git, or the version with --property Version=1.2.3"},
	{"No space left on device", "the engine's disk is full: make room on it, as with dagger core engine local-cache prune"},
	{"exited with code 137", "the compiler was killed, most likely for want of memory: give the engine more"},
	{"401 (Unauthorized)", "the package source wants a login: give it with --nuget-credentials or --nuget-config"},
	{"403 (Forbidden)", "the package source refuses the login: check --nuget-credentials or --nuget-config, and what the account may read"},
	{"404 (Not Found)", "there is no package source at this address: check it in nuget.config"},
	{"remote certificate is invalid", "the SDK image does not trust the certificate of the package source: give an image that does with --sdk-image, or packages with --feed"},
	{"The local source '", "the restore does not see this folder of packages: give it with --feed"},
	{"PackageSourceMapping is enabled", "packageSourceMapping in nuget.config keeps the package from the source: give one without it with --nuget-config"},
	{"find package Microsoft.NETCore.App.Runtime.", "no package source has the runtime for one of the platforms: add it to the sources in nuget.config or --feed, or leave the platform out of --platforms"},
	{"runtime identifiers have changed", "packages.lock.json was made for other platforms: name them in the project's RuntimeIdentifiers, run dotnet restore --force-evaluate and commit it, or do without --locked-mode"},
	{"Platform linker ('", aotCure}, {"Symbol stripping tool ('", aotCure}, {"'--target=", aotCure}, {"ld returned", aotCure}, {"linker command failed", aotCure},
	{`The target "_DotnetMultiarchDescribe" does not exist`, "the project does not take in the SDK's targets: check its Sdk attribute, and whether the SDK image has the compiler of its language (--sdk-image)"},

	{"NETSDK1004", "the restore did not reach this project: check the conditions on references to it"},
	{"NETSDK1005", "restore and publish disagree on the target framework: name it with --framework"},
	{"NETSDK1032", "the project's PlatformTarget fits one platform only: take it out, or give --property PlatformTarget=AnyCPU"},
	{"NETSDK1045", "the SDK image is older than the target framework: give a newer one with --sdk-image, or raise sdk.version in global.json"},
	{"NETSDK1047", "restore and publish disagree on the platforms: take RuntimeIdentifier out of the project or name it in RuntimeIdentifiers"},
	{"NETSDK1064", "what was restored is not where the build looks for it: check RestorePackagesPath and NUGET_PACKAGES in the project's files"},
	{"NETSDK1082", "there is no runtime of this kind for one of the platforms: leave it out of --platforms"},
	{"NETSDK1083", "take the runtime identifier out of the project: --platforms says what to build for"},
	{"NETSDK1084", "there is no .NET for one of the platforms: leave it out of --platforms"},
	{"NETSDK1094", "the restore did not know of ReadyToRun, or there is none for one of the platforms: give --publish ready-to-run, or choose another"},
	{"NETSDK1095", "ReadyToRun has no compiler for one of the platforms: leave it out of --platforms or choose another --publish"},
	{"NETSDK1100", windowsCure}, {"NETSDK1136", windowsCure},
	{"NETSDK1112", "the restore did not know how the app is published: say it with --publish, not by a condition in the project"},
	{"NETSDK1147", "the SDK image lacks a workload: give one that has it with --sdk-image"},
	{"NETSDK1152", "let one project alone publish this file, or give --property ErrorOnDuplicatePublishOutputFiles=false"},
	{"NETSDK1203", "Native AOT has no compiler for one of the platforms: leave it out of --platforms or choose another --publish"},
	{"NU1004", "packages.lock.json does not fit the projects: run dotnet restore --force-evaluate and commit it, or do without --locked-mode"},
	{"NU1101", "no package source has this package: check its name, and the sources in nuget.config or --feed"},
	{"NU1102", "no package source has this version: check it, and the sources in nuget.config or --feed"},
	{"NU1301", "a package source did not answer: check its address in nuget.config and the network, or give packages with --feed"},
	{"NU1403", "packages.lock.json was made with another copy of the package: check the source, or run dotnet restore --force-evaluate and commit it"},
	{"MSB3202", referenceCure}, {"MSB9008", referenceCure},
	{"MSB4006", "projects refer to each other in a circle"},
	{"MSB4019", "the imported file is not there: check that it lies inside --source and in no folder that is left out, such as bin and obj"},
	{"MSB4025", "the project file is not valid XML"},
	{"MSB4166", "a process of the build died, most likely for want of memory: give the engine more"},
	{"MSB4236", "the SDK that the project names is not to be had: check its name and version, in the Sdk attribute or global.json, and the sources in nuget.config"},
}

const (
	aotCure       = "native-aot wants clang and every platform's libraries in the SDK image: give one that has them with --sdk-image, or choose another --publish"
	windowsCure   = "the project targets Windows: only projects that run on Linux can be an image"
	referenceCure = "a project reference leads to no file: check that it lies inside --source"
)

var (
	// errorLine is MSBuild's canonical form, "ORIGIN : error CODE: text [project]",
	// https://learn.microsoft.com/visualstudio/msbuild/msbuild-diagnostic-format-for-tasks; what dotnet format reports has a word for a code.
	errorLine = regexp.MustCompile(`(?i)^((?:.*?[:)\s])?)((?:fatal )?error|warning)(?: ([A-Z]+[0-9]+|(?-i:WHITESPACE|FINALNEWLINE|ENDOFLINE|CHARSET|IMPORTS)))?\s*:(.*)$`)
	// projectOfLine is what MSBuild puts at the end of a line; an inner build has its properties there.
	projectOfLine = regexp.MustCompile(`\s\[(/[^\[\]:]+)(::[^\[\]]*)?\]$`)
	// otherForm: the dotnet program before it finds an SDK, an exception, git, a linker.
	otherForm = regexp.MustCompile(`^(?:A compatible \.NET SDK was not found\.|Requested SDK version: .*|No \.NET SDKs were found\.` +
		`|(?:---> )?(?:[A-Z]\w*\.)+\w*Exception: .*|Unhandled exception[.:] .*|fatal: .*|\S*\bld(?:\.\w+)?: (?:cannot find|unrecogni[sz]ed|error:) .*)$`)
	// missingProgram is what a shell says; the script's name is another in every run.
	missingProgram = regexp.MustCompile(`sh: (?:line )?\d+: (?:.*: )?(\S+): (?:command )?not found$|: line \d+: (\S+): command not found$`)
	stackFrame     = regexp.MustCompile(`^\s*(?:at .*\(.*|--- End of .*|)$`)

	sdkFile    = regexp.MustCompile(`^/\S+/sdk/[0-9]`)
	sourcePath = regexp.MustCompile(`(^|[\s'"(\[=;,])` + DefaultSourceDir + `/`)
	identifier = regexp.MustCompile(` ?/ ?linux-[a-z0-9-]+`)
	login      = regexp.MustCompile(`://(?:[^\s/:'"]+:[^\s/'"]*[^\s/\d'"][^\s'"]*|[^\s/'"]+)@`)
)

// report is one line in which a tool reports an error.
type report struct {
	line, code string
	// text is what the tool says, without where.
	text string
	// key is the same for the same error of another project or runtime identifier.
	key string
	// aside is a warning that explains errors and is none.
	aside bool
}

// readReport reads one line of a tool's output; nil when it reports nothing.
func readReport(line string) *report {
	line = strings.TrimSpace(line)
	if m := missingProgram.FindStringSubmatch(line); m != nil {
		line = m[1] + m[2] + ": not found"
		return &report{line: line, text: line, key: line}
	}
	if otherForm.MatchString(line) {
		return &report{line: line, text: line, key: line}
	}
	m := errorLine.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	origin, kind, code, text, project := m[1], m[2], strings.ToUpper(m[3]), m[4], ""
	aside := strings.EqualFold(kind, "warning")
	if aside && code != "MSB9008" {
		return nil
	}
	if p := projectOfLine.FindStringSubmatch(text); p != nil {
		text, project = strings.TrimSuffix(text, p[0]), p[0]
		switch {
		case sdkFile.MatchString(origin): // where in the SDK helps nobody
			origin, project = p[1]+" : ", ""
		case strings.HasPrefix(origin, DefaultSourceDir+"/") && p[2] == "":
			project = ""
		}
	}
	text = strings.TrimSpace(text)
	r := &report{code: code, text: text, aside: aside}
	r.line = origin + strings.TrimSpace(kind+" "+m[3]) + ": " + text + project
	r.key = code + " " + identifier.ReplaceAllString(text, "")
	if strings.Contains(origin, "):") || strings.Contains(origin, ") :") {
		r.key = origin + r.key // a place in a file: the same text is another error elsewhere
	}
	return r
}

// ErrorLines picks the lines that report errors out of what a .NET tool printed, each once, in order, with the cure below
// an error that has one. Paths are shown relative to the source, and logins in addresses are not shown.
func ErrorLines(output string) []string {
	var reports []*report
	seen, errors := map[string]bool{}, 0
	last := &report{}
	for line := range strings.Lines(output) {
		r := readReport(line)
		if r == nil {
			continue
		}
		// Only the top of a stack is worth showing.
		more := errors > 0 && r.code == last.code && stackFrame.MatchString(r.text)
		if last = r; more || seen[r.key] {
			continue
		}
		seen[r.key] = true
		reports = append(reports, r)
		if !r.aside {
			errors++
		}
	}
	if errors == 0 {
		return nil
	}
	left := max(0, len(reports)-maxErrors)
	reports = reports[:len(reports)-left]
	var lines []string
	for i, first := 0, 0; i < len(reports); i++ {
		lines = append(lines, shown(reports[i].line))
		if i+1 < len(reports) && reports[i+1].code == reports[i].code {
			continue // the error goes on
		}
		if cure := cureOf(reports[first : i+1]); cure != "" && !seen[cure] {
			seen[cure] = true
			lines = append(lines, "  "+cure)
		}
		first = i + 1
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("and %d more errors", left))
	}
	return lines
}

func cureOf(reports []*report) string {
	for _, c := range cures {
		for _, r := range reports {
			if c.sign == r.code || strings.Contains(r.text, c.sign) {
				return c.cure
			}
		}
	}
	return ""
}

// shown is a line of a tool as a person may see it.
func shown(line string) string {
	line = login.ReplaceAllString(sourcePath.ReplaceAllString(line, "$1"), "://***@")
	if r := []rune(line); len(r) > maxErrorLine {
		line = string(r[:maxErrorLine*2/3]) + " … " + string(r[len(r)-maxErrorLine/3:])
	}
	return line
}

// LastLines gives the last n lines that say something, for a tool that failed without a line of ErrorLines.
func LastLines(output string, n int) []string {
	var lines []string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, shown(line))
		}
	}
	return lines[max(0, len(lines)-n):]
}
