package dotnet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// sources are the extensions of code by that of the project, each with what begins a comment.
var sources = map[string][2]string{".csproj": {".cs", "//"}, ".fsproj": {".fs", "//"}, ".vbproj": {".vb", "'"}}

// EditedFile names a file of the app whose edit compiles it again: its Program, else the first file of code in its folder.
func EditedFile(app Project, files []string) (string, error) {
	extension := sources[strings.ToLower(path.Ext(app.Path))][0]
	var code []string
	for _, f := range files {
		if within(f, app.Dir()) && strings.EqualFold(path.Ext(f), extension) {
			code = append(code, f)
		}
	}
	if len(code) == 0 {
		return "", fmt.Errorf("looking for a file to edit: there is no %s file in the folder of %s", extension, app.Path)
	}
	program := func(f string) bool { return strings.EqualFold(f, path.Join(app.Dir(), "Program"+extension)) }
	if i := slices.IndexFunc(code, program); i >= 0 {
		return code[i], nil
	}
	return code[0], nil
}

// Comment is a line of code in the file's language that does nothing.
func Comment(file, text string) string {
	for _, s := range sources {
		if strings.EqualFold(path.Ext(file), s[0]) {
			return s[1] + " " + text
		}
	}
	return ""
}
