package dotnet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// service is an app that refers to libraries.
func service(path string, references ...string) Project {
	p := project(path)
	p.Items["ProjectReference"] = references
	return p
}

func library(path string, references ...string) Project {
	p := service(path, references...)
	p.Properties["OutputType"] = "Library"
	return p
}

func TestAppsShareStepsOnlyWhenNeitherSeesTheOther(t *testing.T) {
	core := library("lib/Core/Core.csproj")
	a := service("src/A/A.csproj", core.Path)
	below := library("src/A/Parts/Parts.csproj")
	taking := library("lib/Taking/Taking.csproj")
	taking.Items["OutsideFile"] = []string{"src/A/Shared.cs"}
	native := service("src/N/N.csproj", core.Path)
	native.Properties["PublishAot"] = "true"
	contained := service("src/S/S.csproj", core.Path)
	contained.Properties["SelfContained"] = "true"
	quick := service("src/Q/Q.csproj", core.Path)
	quick.Properties["PublishReadyToRun"] = "true"
	all := []Project{core, a, below, taking, native, contained, quick}
	for _, c := range []struct {
		why  string
		b    Project
		want bool
	}{
		{"a library in common", service("src/B/B.csproj", core.Path), true},
		{"none in common", service("src/B/B.csproj"), true},
		{"a mode that is the project's own matter", quick, true},
		{"a name that begins alike", service("src/AB/AB.csproj", core.Path), true},
		{"it refers to the other", service("src/B/B.csproj", a.Path), false},
		{"a library in the other's folder", service("src/B/B.csproj", below.Path), false},
		{"a library that takes a file from the other's folder", service("src/B/B.csproj", taking.Path), false},
		{"one folder", service("src/A/Other.csproj"), false},
		{"a folder in the other's", service("src/A/B/B.csproj"), false},
		{"the root", service("B.csproj"), false},
		{"another property at restore", contained, false},
		{"a linker", native, false},
	} {
		if got := Together(a, c.b, all); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
		if Together(a, c.b, all) != Together(c.b, a, all) {
			t.Errorf("%s: it depends on who comes first", c.why)
		}
	}
}

func TestAppsWithoutALibraryInCommonCompileApart(t *testing.T) {
	lib := func(name string, references ...string) Project {
		return library("lib/"+name+"/"+name+".csproj", references...)
	}
	one, two, three := lib("One"), lib("Two"), lib("Three")
	low := lib("Low")
	high := lib("High", low.Path)
	inside := library("src/F/Inside/Inside.csproj", one.Path)
	all := []Project{one, two, three, low, high, inside}
	apps := []Project{
		service("src/A/A.csproj", one.Path), service("src/B/B.csproj", two.Path), service("src/C/C.csproj"), service("src/D/D.csproj", high.Path),
		service("src/E/E.csproj", two.Path, one.Path), service("src/F/F.csproj", inside.Path), service("src/G/G.csproj", low.Path), service("src/H/H.csproj", three.Path),
	}
	if got := fmt.Sprint(Sharing(apps, all)); got != "[[0 1 4] [2] [3 6] [5] [7]]" {
		t.Errorf("Sharing = %s", got)
	}
	if got := Sharing(apps[:1], all); len(got) != 1 || !slices.Equal(got[0], []int{0}) {
		t.Errorf("one app: %v", got)
	}
}

func TestLibraryInputsOfSeveralAppsLeaveOutAllTheirFolders(t *testing.T) {
	core := library("src/Core/Core.csproj")
	apps := []Project{service("src/A/A.csproj", core.Path), service("src/B/B.csproj", core.Path)}
	wanted, reason := LibraryInputs(apps, append(apps, core))
	if reason != "" {
		t.Fatal(reason)
	}
	for file, want := range map[string]bool{"src/Core/C.cs": true, "src/A/A.cs": false, "src/B/B.cs": false, "src/BC/C.cs": true} {
		if wanted(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}

func TestSeveralAppsAreRestoredInOneRun(t *testing.T) {
	apps := []Project{project("a/A.csproj"), project("b/B.csproj")}
	s := Settings{Configuration: "Release"}
	restore, compile := Restore(s, apps, []string{"linux-x64"}), CompileReferences(s, apps, []string{"linux-x64"})
	for _, want := range []string{`-p:RestoreGraphProjectInput="/src/a/A.csproj;/src/b/B.csproj"`, `-p:DotnetMultiarchApp="/src/a/A.csproj;/src/b/B.csproj"`} {
		if !slices.Contains(restore, want) {
			t.Errorf("the restore has no %s: %q", want, restore)
		}
	}
	if !slices.Contains(compile, `-p:DotnetMultiarchApp="/src/a/A.csproj;/src/b/B.csproj"`) {
		t.Errorf("the libraries are not those of both: %q", compile)
	}
	if one := strings.Join(Restore(s, apps[:1], nil), " "); strings.Contains(one, "RestoreGraphProjectInput") {
		t.Errorf("one app: %s", one)
	}
}

func TestAllApps(t *testing.T) {
	api, worker, core := project("src/Api/Api.csproj"), project("src/Worker/Worker.csproj"), library("src/Core/Core.csproj")
	with := func(path, property string) Project { return project(path, property) }
	bench, tests := project("bench/Bench.csproj"), library("tests/T/T.csproj")
	bench.Items["PackageReference"] = []string{"benchmarkdotnet"}
	tests.Items["PackageReference"] = []string{"xunit.v3"}
	all := []Project{
		bench, api, core, worker, tests, with("tools/Gen/Gen.csproj", "PackAsTool=true"), with("host/Host.csproj", "IsAspireHost=true"),
		with("a/Quiet.csproj", "IsPublishable=false"), with("b/Bare.csproj", "EnableSdkContainerSupport=false"),
	}
	for request, want := range map[string]string{
		"": "src/Api/Api.csproj, src/Worker/Worker.csproj", "src": "src/Api/Api.csproj, src/Worker/Worker.csproj", "worker": "src/Worker/Worker.csproj",
		`.\src\Api`: "src/Api/Api.csproj", "src/Api/Api.csproj": "src/Api/Api.csproj",
	} {
		apps, _, err := Apps(all, request)
		if err != nil || names(apps) != want {
			t.Errorf("%q: %s, %v", request, names(apps), err)
		}
	}
	_, note, err := Apps(all, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"bench/Bench.csproj is a benchmark", "tests/T/T.csproj is a test project", "tools/Gen/Gen.csproj is a .NET tool", "host/Host.csproj is an Aspire host",
		"a/Quiet.csproj sets IsPublishable", "b/Bare.csproj sets EnableSdkContainerSupport",
	} {
		if !strings.Contains(note, want) {
			t.Errorf("the note does not say %q: %s", want, note)
		}
	}
	if strings.Contains(note, core.Path) {
		t.Errorf("a class library is no news: %s", note)
	}
	for request, says := range map[string]string{"Nope": `"Nope"`, "bench": "is a benchmark", "src/Core": "is a class library"} {
		if _, _, err := Apps(all, request); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", request, err)
		}
	}
}

// A project that cannot be read may be an app: to leave it out would be half a release.
func TestProjectsThatCannotBeReadAreTold(t *testing.T) {
	described := []Project{project("src/A/A.csproj")}
	files := []string{"src/A/A.csproj", "src/Broken/Broken.csproj", "other/Other.csproj"}
	for request, want := range map[string]string{"": "src/Broken/Broken.csproj other/Other.csproj", "src": "src/Broken/Broken.csproj", "other": "other/Other.csproj", "A": ""} {
		if got := strings.Join(Undescribed(described, files, request), " "); got != want {
			t.Errorf("%q: %s, want %s", request, got, want)
		}
	}
}

func TestImageName(t *testing.T) {
	for assembly, want := range map[string]string{
		"SampleApp.Api": "sampleapp.api", "Ünïcode App": "n-code-app", "日本": "app", "": "app", "_A_": "a", "A..B": "a-b", "A__B": "a__b", "A--B": "a--b", "A.-B": "a-b", "A C#": "a-c",
	} {
		if got := project("a/A.csproj", "AssemblyName="+assembly).ImageName(); got != want {
			t.Errorf("%q: %q, want %q", assembly, got, want)
		}
	}
}

func TestTwoAppsOfOneNameAreRefused(t *testing.T) {
	a, b, c := project("x/Api.csproj", "AssemblyName=Api"), project("y/Api.csproj", "AssemblyName=api"), project("z/Z.csproj", "AssemblyName=Z")
	if err := CheckNames([]Project{a, c}); err != nil {
		t.Error(err)
	}
	if err := CheckNames([]Project{a, c, b}); err == nil || !strings.Contains(err.Error(), "x/Api.csproj and y/Api.csproj") || !strings.Contains(err.Error(), "AssemblyName") {
		t.Error(err)
	}
}
