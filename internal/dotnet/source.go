package dotnet

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// ProjectExtensions are the kinds of project that can be published.
var ProjectExtensions = []string{".csproj", ".fsproj", ".vbproj"}

// SolutionExtensions are the kinds of solution.
var SolutionExtensions = []string{".slnx", ".sln", ".slnf"}

// Ignored are folders of a source that never belong to a build: what an earlier build left, history, editors' own. The
// pragma of the module's --source repeats them, so that they are not even uploaded; a default from .env skips the pragma.
func Ignored() []string {
	return []string{"**/bin", "**/obj", "**/.git", "**/.vs", "**/.idea", "**/node_modules", "**/TestResults"}
}

// restoreExtensions and restoreNames select, beside projects and solutions, the files that decide a restore and what MSBuild
// says of a project.
var (
	restoreExtensions = []string{".shproj", ".projitems", ".proj", ".props", ".targets", ".rsp"}
	restoreNames      = []string{"packages.lock.json", "global.json", "nuget.config", "dotnet-tools.json"}
)

// DecidesRestore says whether a file may change what is restored or what MSBuild says of a project, by its name alone.
func DecidesRestore(file string) bool {
	name := strings.ToLower(path.Base(file))
	return IsProject(name) || IsSolution(name) || slices.Contains(restoreExtensions, path.Ext(name)) || slices.Contains(restoreNames, name)
}

// What MSBuild reads while it evaluates a project, beside the project files: imports, files asked for by Exists, and all that
// a text names which reads files by a property function. The last two may go through a property.
var (
	importedFile = regexp.MustCompile(`(?i)<Import\s[^>]*?Project\s*=\s*"([^"]*)"`)
	askedFile    = regexp.MustCompile(`(?i)Exists\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)`)
	readsFiles   = regexp.MustCompile(`(?i)System\.IO\.File\]::`)
	fileName     = regexp.MustCompile(`[\w.*?-]+`)
	// code is what a compiler reads and an evaluation never.
	codeExtensions = []string{".cs", ".fs", ".vb", ".razor", ".cshtml", ".resx", ".dll"}
)

// RestoreInputs gives a predicate for the files that decide a restore: DecidesRestore, and the files that MSBuild's files
// name as read while they are evaluated, such as a VERSION file, and packages. While none of them changes, an edit never restores again.
func RestoreInputs(files []string, read func(file string) (string, error)) (func(file string) bool, error) {
	var patterns []string
	for _, f := range files {
		if !DecidesRestore(f) {
			continue
		}
		text, err := read(f)
		if err != nil {
			return nil, err
		}
		for _, expression := range []*regexp.Regexp{importedFile, askedFile} {
			for _, match := range expression.FindAllStringSubmatch(text, -1) {
				patterns = append(patterns, fileName.FindAllString(match[1], -1)...)
			}
		}
		if readsFiles.MatchString(text) {
			patterns = append(patterns, fileName.FindAllString(text, -1)...)
		}
	}
	slices.Sort(patterns)
	patterns = slices.Compact(patterns)
	return func(file string) bool {
		if DecidesRestore(file) || strings.EqualFold(path.Ext(file), ".nupkg") { // a folder of packages may be a source of them
			return true
		}
		if slices.Contains(codeExtensions, strings.ToLower(path.Ext(file))) {
			return false
		}
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			match, err := path.Match(pattern, path.Base(file))
			return err == nil && match && strings.Trim(pattern, "*?.") != ""
		})
	}, nil
}

// LibraryInputs gives a predicate for the files that the apps' libraries may need: all but those in the apps' folders, of which
// only what a library takes from there. The reason says why the shape of the tree forbids to tell them apart; it is empty
// where it does not. Several apps must be Together, each of them without a reason of its own.
func LibraryInputs(apps []Project, all []Project) (wanted func(file string) bool, reason string) {
	taken := map[string]bool{}
	var folders []string
	for _, app := range apps {
		switch {
		case len(app.References()) == 0:
			return nil, "it refers to no project"
		case app.Dir() == ".":
			return nil, "the app's project lies at the root of the source"
		}
		for _, q := range app.closure(all)[1:] {
			if within(q.Path, app.Dir()) {
				return nil, q.Path + " lies in the app's folder"
			}
			for _, f := range q.Items["OutsideFile"] {
				taken[f] = true
			}
		}
		folders = append(folders, app.Dir())
	}
	return func(file string) bool { return !Within(file, folders...) || taken[file] }, ""
}

// Outsiders gives the folders of projects that the app has nothing to do with, such as tests and other services of the
// repository: their files do not decide what is built. files are all project files of the source, also those that MSBuild
// could not read; read gives their text. A folder that a project of the app's names in its text is none.
func Outsiders(app Project, all []Project, files []string, read func(file string) (string, error)) ([]string, error) {
	closure := app.closure(all)
	inClosure := map[string]bool{}
	var texts strings.Builder
	for _, p := range closure {
		inClosure[p.Path] = true
	}
	for _, f := range files {
		if IsProject(f) && !inClosure[f] || !DecidesRestore(f) || IsSolution(f) {
			continue
		}
		text, err := read(f)
		if err != nil {
			return nil, err
		}
		texts.WriteString(strings.ReplaceAll(text, `\`, "/"))
	}
	named := texts.String()
	var folders []string
	for _, f := range files {
		dir := path.Dir(f)
		if !IsProject(f) || inClosure[f] || dir == "." || strings.Contains(named, path.Base(f)) || strings.Contains(named, path.Base(dir)+"/") {
			continue
		}
		needed := slices.ContainsFunc(closure, func(p Project) bool {
			return within(p.Path, dir) || slices.ContainsFunc(p.Items["OutsideFile"], func(taken string) bool { return within(taken, dir) })
		})
		if !needed && !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	return folders, nil
}

// Within says whether a file lies in one of the folders.
func Within(file string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(dir string) bool { return within(file, dir) })
}

func within(file, dir string) bool { return dir == "." || strings.HasPrefix(path.Clean(file), dir+"/") }

// IsSolution says whether the name is a solution's.
func IsSolution(file string) bool {
	return slices.Contains(SolutionExtensions, strings.ToLower(path.Ext(file)))
}

// IsProject says whether the name is a project file's.
func IsProject(name string) bool {
	return slices.Contains(ProjectExtensions, strings.ToLower(path.Ext(name)))
}
