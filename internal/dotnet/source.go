package dotnet

import (
	"path"
	"slices"
	"strings"
)

// ProjectExtensions are the kinds of project that can be published.
var ProjectExtensions = []string{".csproj", ".fsproj", ".vbproj"}

// Ignored are folders of a source that never belong to a build: what an earlier build left, history, editors' own. The
// pragma of the module's --source repeats them, so that they are not even uploaded; a default from .env skips the pragma.
func Ignored() []string {
	return []string{"**/bin", "**/obj", "**/.git", "**/.vs", "**/.idea", "**/node_modules", "**/TestResults"}
}

// RestorePatterns select the files that decide a restore and what MSBuild says of a project. While none of them changes,
// an edit never restores again.
func RestorePatterns() []string {
	return []string{
		"**/*.csproj", "**/*.fsproj", "**/*.vbproj", "**/*.shproj", "**/*.projitems", "**/*.proj",
		"**/*.props", "**/*.targets", "**/*.rsp",
		"**/*.sln", "**/*.slnx", "**/*.slnf",
		"**/packages.lock.json", "**/global.json", "**/dotnet-tools.json",
		"**/nuget.config", "**/NuGet.config", "**/NuGet.Config",
	}
}

// ReferencePatterns exclude, from the source, what the libraries of the app do not need: the app's own files. It is nil
// where the shape of the tree forbids the split, with the reason.
func ReferencePatterns(app Project, all []Project) (exclude []string, reason string) {
	if len(app.References()) == 0 {
		return nil, "it refers to no project"
	}
	if app.Dir() == "." {
		return nil, "the app's project lies at the root of the source"
	}
	for _, q := range app.closure(all)[1:] {
		if within(q.Path, app.Dir()) {
			return nil, q.Path + " lies in the app's folder"
		}
		for _, f := range q.Items["OutsideFile"] {
			if within(strings.TrimPrefix(f, SourceDir+"/"), app.Dir()) {
				return nil, q.Path + " takes " + strings.TrimPrefix(f, SourceDir+"/") + " from the app's folder"
			}
		}
	}
	return []string{app.Dir() + "/**"}, ""
}

func within(file, dir string) bool { return strings.HasPrefix(path.Clean(file), dir+"/") }

// IsProject says whether the name is a project file's.
func IsProject(name string) bool {
	return slices.Contains(ProjectExtensions, strings.ToLower(path.Ext(name)))
}
