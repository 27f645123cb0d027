package dotnet

import (
	"slices"
	"strings"
	"testing"
)

func TestSolution(t *testing.T) {
	list := "Project(s)\n----------\nsrc\\Api\\Api.csproj\nsrc/Core/Core.fsproj\nsetup/Setup.wixproj\n"
	if got := ParseSolutionList(list, "all/All.sln"); !slices.Equal(got, []string{"all/src/Api/Api.csproj", "all/src/Core/Core.fsproj"}) {
		t.Errorf("ParseSolutionList = %q", got)
	}
	for files, want := range map[string]string{
		"": "", "App.sln": "App.sln", "App.sln App.slnx": "App.slnx", "A.sln B.sln": "", "src/App.sln": "", "App.slnx App.Api.slnf": "App.slnx",
	} {
		if got := RootSolution(strings.Fields(files)); got != want {
			t.Errorf("RootSolution(%q) = %q, want %q", files, got, want)
		}
	}
	if got := Of([]Project{project("a/A.csproj"), project("b/B.csproj")}, []string{"b/B.csproj"}); len(got) != 1 || got[0].Path != "b/B.csproj" {
		t.Errorf("Of = %v", got)
	}
}

func TestFileBasedApp(t *testing.T) {
	for _, c := range []struct {
		name, request string
		files         map[string]string
		want, says    string
	}{
		{"the only file", "", map[string]string{"app.cs": "return 1;"}, "app.cs", ""},
		{"the one with directives", "", map[string]string{"app.cs": "#:sdk Microsoft.NET.Sdk.Web\n", "Lib.cs": "class Lib;"}, "app.cs", ""},
		{"the one to be run", "", map[string]string{"app.cs": "\ufeff#!/usr/bin/env dotnet\n", "Lib.cs": ""}, "app.cs", ""},
		{"several", "", map[string]string{"a.cs": "#!x", "b.cs": "#!x"}, "", "--project: a.cs, b.cs"},
		{"beside projects", "", map[string]string{"app.cs": "#!x", "a/A.csproj": ""}, "", ""},
		{"named beside projects", `tools\app.cs`, map[string]string{"tools/app.cs": "", "a/A.csproj": ""}, "tools/app.cs", ""},
		{"a file of a project", "a/Program.cs", map[string]string{"a/Program.cs": "", "a/A.csproj": ""}, "", "belongs to a/A.csproj"},
		{"with directives in a project's folder", "a/x.cs", map[string]string{"a/x.cs": "#!x", "a/A.csproj": ""}, "a/x.cs", ""},
		{"named and missing", "nope.cs", map[string]string{"app.cs": ""}, "", "no nope.cs"},
		{"a name that is no file", "Api", map[string]string{"app.cs": ""}, "", ""},
		{"nothing", "", map[string]string{"README.md": ""}, "", ""},
	} {
		names, read := tree(c.files)
		got, err := FileBasedApp(c.request, names, read)
		if got != c.want || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if command, converted := Convert("tools/report.cs"); converted != "tools/.file-based-report/report.csproj" || command[len(command)-1] != "/src/tools/.file-based-report" {
		t.Errorf("Convert = %q, %q", command, converted)
	}
}

func FuzzParseSolutionList(f *testing.F) {
	f.Add("Project(s)\n----------\nsrc\\Api\\Api.csproj\n", "All.sln")
	f.Fuzz(func(t *testing.T, output, solution string) {
		for _, p := range ParseSolutionList(output, solution) {
			if !IsProject(p) {
				t.Errorf("%q is no project", p)
			}
		}
	})
}

func TestDescription(t *testing.T) {
	app, core, other := project("a/A.csproj", "AssemblyName=Shop"), project("b/B.csproj"), project("c/C.csproj")
	app.Items["ProjectReference"] = []string{"b/B.csproj"}
	app.Items["PackageReference"], core.Items["PackageReference"] = []string{"Z", "Dapper"}, []string{"Dapper"}
	other.Items["PackageReference"] = []string{"Unused"}
	got := NewDescription(app, []Project{app, core, other})
	if got.AssemblyName != "Shop" || got.Mode != FrameworkDependent || !slices.Equal(got.Projects, []string{"b/B.csproj"}) || !slices.Equal(got.Packages, []string{"Dapper", "Z"}) {
		t.Errorf("%+v", got)
	}
}

func TestMissingReferencesAreNoted(t *testing.T) {
	app, core := project("a/A.csproj"), project("b/B.csproj")
	app.Items["ProjectReference"], core.Items["ProjectReference"] = []string{"b/B.csproj", "/elsewhere/C.csproj"}, []string{"gone/Gone.csproj"}
	got := app.Missing([]Project{app, core}, []string{"a/A.csproj", "b/B.csproj"})
	if len(got) != 1 || !strings.Contains(got[0], "b/B.csproj refers to gone/Gone.csproj") {
		t.Errorf("%q", got)
	}
}

func TestNamedSolution(t *testing.T) {
	files := []string{"all/All.slnx", "a/A.csproj"}
	for request, want := range map[string]string{`all\All.slnx`: "all/All.slnx", "./all/All.slnx": "all/All.slnx", "A": "", "": ""} {
		if got, err := NamedSolution(request, files); err != nil || got != want {
			t.Errorf("NamedSolution(%q) = %q, %v", request, got, err)
		}
	}
	if got, err := NamedSolution("Nope.sln", files); err == nil || !strings.Contains(err.Error(), "no Nope.sln") {
		t.Errorf("a solution that is not there: %q, %v", got, err)
	}
}
