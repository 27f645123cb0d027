package dotnet

import "testing"

func TestEditedFileIsCodeOfTheApp(t *testing.T) {
	files := []string{"README.md", "src/Api/Api.csproj", "src/Api/Alpha.cs", "src/Api/Program.cs", "src/Core/Core.cs", "src/F/F.fsproj", "src/F/One.fs", "src/V/V.vbproj"}
	for app, want := range map[string][2]string{
		"src/Api/Api.csproj": {"src/Api/Program.cs", "// x"},
		"src/F/F.fsproj":     {"src/F/One.fs", "// x"},
	} {
		file, err := EditedFile(Project{Path: app}, files)
		if err != nil || file != want[0] || Comment(file, "x") != want[1] {
			t.Errorf("%s: %q %q %v", app, file, Comment(file, "x"), err)
		}
	}
	if got := Comment("Program.VB", "x"); got != "' x" {
		t.Errorf("a comment of Visual Basic is %q", got)
	}
	if file, err := EditedFile(Project{Path: "src/V/V.vbproj"}, files); err == nil {
		t.Errorf("%q is no code of an app without any", file)
	}
	if file, err := EditedFile(Project{Path: "Root.csproj"}, []string{"Root.csproj", "a/b.cs"}); err != nil || file != "a/b.cs" {
		t.Error(file, err)
	}
}
