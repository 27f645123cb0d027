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

// restoreExtensions and restoreNames select the files that decide a restore and what MSBuild says of a project.
var (
	restoreExtensions = []string{".csproj", ".fsproj", ".vbproj", ".shproj", ".projitems", ".proj", ".props", ".targets", ".rsp", ".sln", ".slnx", ".slnf"}
	restoreNames      = []string{"packages.lock.json", "global.json", "nuget.config", "dotnet-tools.json"}
)

// DecidesRestore says whether a file may change what is restored or what MSBuild says of a project. While no such file
// changes, an edit never restores again.
func DecidesRestore(file string) bool {
	name := strings.ToLower(path.Base(file))
	return slices.Contains(restoreExtensions, path.Ext(name)) || slices.Contains(restoreNames, name)
}

// AppFolder gives the folder whose files the app's libraries do not need, since they are the app's own; "" where the shape
// of the tree forbids to tell them apart, with the reason.
func AppFolder(app Project, all []Project) (folder, reason string) {
	if len(app.References()) == 0 {
		return "", "it refers to no project"
	}
	if app.Dir() == "." {
		return "", "the app's project lies at the root of the source"
	}
	for _, q := range app.closure(all)[1:] {
		if within(q.Path, app.Dir()) {
			return "", q.Path + " lies in the app's folder"
		}
		for _, f := range q.Items["OutsideFile"] {
			if within(strings.TrimPrefix(f, SourceDir+"/"), app.Dir()) {
				return "", q.Path + " takes " + strings.TrimPrefix(f, SourceDir+"/") + " from the app's folder"
			}
		}
	}
	return app.Dir(), ""
}

func within(file, dir string) bool { return strings.HasPrefix(path.Clean(file), dir+"/") }

// IsProject says whether the name is a project file's.
func IsProject(name string) bool {
	return slices.Contains(ProjectExtensions, strings.ToLower(path.Ext(name)))
}
