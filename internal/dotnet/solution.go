package dotnet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// NamedSolution gives the path of the solution that the caller names, relative to the source; "" where a request means
// something else. One that the source lacks is an error.
func NamedSolution(request string, files []string) (string, error) {
	if !IsSolution(request) {
		return "", nil
	}
	solution := clean(request)
	if !slices.Contains(files, solution) {
		return "", fmt.Errorf("choosing the project to publish: the source has no %s", solution)
	}
	return solution, nil
}

// SolutionList gives the command that lists the projects of a solution: .sln, .slnx or .slnf.
func SolutionList(s Settings, solution string) []string {
	return []string{"dotnet", "sln", path.Join(s.Dir(), solution), "list"}
}

// SolutionRestore gives the command whose own error says what is wrong with a solution that names a missing project.
func SolutionRestore(s Settings, solution string) []string {
	return []string{"dotnet", "restore", path.Join(s.Dir(), solution), "-nologo", "-v:minimal"}
}

// ParseSolutionList reads what SolutionList's command printed: paths of projects, relative to the source. What a solution
// may hold that is no .NET project is left out.
func ParseSolutionList(output, solution string) []string {
	var projects []string
	for line := range strings.Lines(output) {
		if file := strings.ReplaceAll(strings.TrimSpace(line), `\`, "/"); IsProject(file) {
			projects = append(projects, path.Join(path.Dir(solution), file))
		}
	}
	return projects
}

// RootSolution gives the one solution at the root of the source; "" where there is none or no one. Of a solution in two forms
// it is the newer.
func RootSolution(files []string) string {
	forms := map[string]string{}
	for _, f := range files {
		extension := path.Ext(f)
		if path.Dir(f) != "." || !slices.Contains(SolutionExtensions[:2], strings.ToLower(extension)) {
			continue
		}
		stem := strings.TrimSuffix(f, extension)
		if forms[stem] == "" || strings.EqualFold(extension, ".slnx") {
			forms[stem] = f
		}
	}
	if len(forms) != 1 {
		return ""
	}
	for _, f := range forms {
		return f
	}
	return ""
}

// Of gives the projects whose path is listed.
func Of(all []Project, listed []string) []Project {
	var found []Project
	for _, p := range all {
		if slices.Contains(listed, p.Path) {
			found = append(found, p)
		}
	}
	return found
}

// FileBasedApp gives the file of an app without a project, as `dotnet run app.cs` takes it: the one that the caller names, else,
// in a source without projects, the one with a directive ("#!" or "#:") at its head or the only .cs file. "" means that
// the source has none.
func FileBasedApp(request string, files []string, read func(file string) (string, error)) (string, error) {
	if strings.EqualFold(path.Ext(request), ".cs") {
		file := clean(request)
		if !slices.Contains(files, file) {
			return "", fmt.Errorf("choosing the file to publish: the source has no %s", file)
		}
		alone, err := directed(file, read)
		if err != nil {
			return "", err
		}
		for _, project := range files {
			if !alone && IsProject(project) && within(file, path.Dir(project)) {
				return "", fmt.Errorf("choosing the file to publish: %s belongs to %s: give that with --project", file, project)
			}
		}
		return file, nil
	}
	var code, marked []string
	for _, f := range files {
		if IsProject(f) {
			return "", nil
		}
		if !strings.EqualFold(path.Ext(f), ".cs") {
			continue
		}
		code = append(code, f)
		alone, err := directed(f, read)
		if err != nil {
			return "", err
		}
		if alone {
			marked = append(marked, f)
		}
	}
	if len(marked) == 0 {
		marked = code
	}
	switch {
	case len(marked) == 0 || request != "":
		return "", nil
	case len(marked) > 1:
		return "", fmt.Errorf("choosing the file to publish: there is no project, and there are %d candidates among the .cs files, say which with --project: %s", len(marked), strings.Join(marked, ", "))
	}
	return marked[0], nil
}

// directed says whether a .cs file begins with a directive that only an app without a project has.
func directed(file string, read func(file string) (string, error)) (bool, error) {
	text, err := read(file)
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "#:"), err
}

// Convert gives the command that makes a project of a file-based app, and the project's path. It lies beside the file, so that
// Directory.Build.props and relative paths mean the same to both.
func Convert(file string) (command []string, project string) {
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	folder := path.Join(path.Dir(file), ".file-based-"+stem)
	return []string{"dotnet", "project", "convert", path.Join(DefaultSourceDir, file), "--output", path.Join(DefaultSourceDir, folder)}, path.Join(folder, stem+".csproj")
}
