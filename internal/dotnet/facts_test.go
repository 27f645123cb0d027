package dotnet

import (
	"slices"
	"strings"
	"testing"
)

const described = `<facts>
<project path="/src/src/Api/Api.csproj">
<fact name="AssemblyName" item="">Shop.Api</fact>
<fact name="OutputType" item="">Exe</fact>
<fact name="TargetFramework" item="">net10.0</fact>
<fact name="TargetFrameworkIdentifier" item="">.NETCoreApp</fact>
<fact name="TargetFrameworkVersion" item="">v10.0</fact>
<fact name="IsTestProject" item=""></fact>
<fact name="ContainerUser" item="">a&#92;b &amp; &lt;"c"; it's</fact>
<fact name="RuntimeIdentifiers" item="">linux-x64; linux-arm64;</fact>
<fact name="ProjectReference" item="/src/src/Core/Core.csproj"></fact>
<fact name="PackageReference" item="Serilog"></fact>
<fact name="PackageReference" item="Dapper"></fact>
</project>
<project path="/src/src/Core/Core.csproj">
<fact name="OutputType" item="">Library</fact>
<fact name="ProjectReference" item="/src/src/Web/Web.csproj"></fact>
</project>
<project path="/src/src/Web/Web.csproj">
<fact name="OutputType" item="">Library</fact>
<fact name="FrameworkReference" item="Microsoft.AspNetCore.App"></fact>
<fact name="ProjectReference" item="/src/src/Core/Core.csproj"></fact>
</project>
</facts>`

func parse(t *testing.T, content string) []Project {
	t.Helper()
	projects, err := ParseFacts(content)
	if err != nil {
		t.Fatal(err)
	}
	return projects
}

func TestFactsKeepTextThatMSBuildAndXMLWouldChange(t *testing.T) {
	api := parse(t, described)[0]
	if got, want := api.Properties["ContainerUser"], `a\b & <"c"; it's`; got != want {
		t.Errorf("ContainerUser = %q, want %q", got, want)
	}
	if _, present := api.Properties["IsTestProject"]; present {
		t.Error("an empty property is kept apart from an absent one")
	}
	if got := api.Items["PackageReference"]; !slices.Equal(got, []string{"Serilog", "Dapper"}) {
		t.Errorf("PackageReference = %q", got)
	}
	if got := api.RuntimeIdentifiers(); !slices.Equal(got, []string{"linux-x64", "linux-arm64"}) {
		t.Errorf("runtime identifiers = %q", got)
	}
}

func TestAspNetCoreIsFoundThroughReferencesInACircleToo(t *testing.T) {
	projects := parse(t, described)
	if !projects[0].UsesAspNetCore(projects) {
		t.Error("an app whose library's library needs ASP.NET Core gets a base without it")
	}
	if RuntimeRepository(projects[0], projects) != "dotnet/aspnet" {
		t.Error("base image is not aspnet")
	}
	projects[0].Properties["PublishSelfContained"] = "true"
	if RuntimeRepository(projects[0], projects) != "dotnet/runtime-deps" {
		t.Error("a self-contained app gets a base with a runtime")
	}
}

func TestFactsOutsideTheSourceAreRefused(t *testing.T) {
	if _, err := ParseFacts(`<facts><project path="/etc/x.csproj"></project></facts>`); err == nil {
		t.Error("accepted")
	}
	if _, err := ParseFacts(`<facts><project`); err == nil {
		t.Error("half a file is accepted")
	}
}

func project(path string, properties ...string) Project {
	p := Project{Path: path, Properties: map[string]string{"OutputType": "Exe", "TargetFramework": "net10.0", "TargetFrameworkIdentifier": ".NETCoreApp", "TargetFrameworkVersion": "v10.0"}, Items: map[string][]string{}}
	for _, property := range properties {
		name, value, _ := strings.Cut(property, "=")
		p.Properties[name] = value
	}
	return p
}

func TestChoose(t *testing.T) {
	library := project("src/Core/Core.csproj", "OutputType=Library")
	test := project("tests/T/T.csproj", "OutputType=Library")
	test.Items["PackageReference"] = []string{"Microsoft.NET.Test.SDK"}
	api, worker := project("src/Api/Api.csproj"), project("src/Worker/Worker.csproj")
	for _, c := range []struct {
		name, request string
		all           []Project
		want          string
		says          []string
	}{
		{"the one app", "", []Project{api, library, test}, "src/Api/Api.csproj", nil},
		{"two apps", "", []Project{api, worker}, "", []string{"--project", "src/Api/Api.csproj, src/Worker/Worker.csproj"}},
		{"no app", "", []Project{library, test}, "", []string{"src/Core/Core.csproj is a class library", "tests/T/T.csproj is a test project"}},
		{"by file", "src/Worker/Worker.csproj", []Project{api, worker}, "src/Worker/Worker.csproj", nil},
		{"by folder", "./src/Worker/", []Project{api, worker}, "src/Worker/Worker.csproj", nil},
		{"by Windows path", `src\Worker\Worker.csproj`, []Project{api, worker}, "src/Worker/Worker.csproj", nil},
		{"by name", "worker", []Project{api, worker}, "src/Worker/Worker.csproj", nil},
		{"unknown", "Nope", []Project{api, worker}, "", []string{`"Nope"`, "src/Api/Api.csproj"}},
		{"a name that two have", "Api", []Project{api, project("other/Api/Api.csproj")}, "", []string{"2 projects", "other/Api/Api.csproj"}},
		{"a library by name", "Core", []Project{api, library}, "", []string{"class library"}},
		{"not publishable", "", []Project{project("a/A.csproj", "IsPublishable=false")}, "", []string{"IsPublishable"}},
		{".NET Framework", "", []Project{project("a/A.csproj", "TargetFramework=net48", "TargetFrameworkIdentifier=.NETFramework")}, "", []string{"net48"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Choose(c.all, c.request)
			if got.Path != c.want || (err == nil) != (c.want != "") {
				t.Fatalf("Choose = %q, %v; want %q", got.Path, err, c.want)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not say %q", err, s)
				}
			}
		})
	}
}

func TestAppFolderKeepsLibrariesWhole(t *testing.T) {
	app, core := project("src/Api/Api.csproj"), project("src/Core/Core.csproj", "OutputType=Library")
	app.Items["ProjectReference"] = []string{"/src/src/Core/Core.csproj"}
	folder, reason := AppFolder(app, []Project{app, core})
	if folder != "src/Api" || reason != "" {
		t.Errorf("AppFolder = %q, %q", folder, reason)
	}

	inside := core
	inside.Path = "src/Api/Core/Core.csproj"
	app.Items["ProjectReference"] = []string{"/src/src/Api/Core/Core.csproj"}
	if _, reason := AppFolder(app, []Project{app, inside}); reason == "" {
		t.Error("a library below the app's folder would lose its sources")
	}

	core.Items["OutsideFile"] = []string{"/src/src/Api/Shared.cs"}
	app.Items["ProjectReference"] = []string{"/src/src/Core/Core.csproj"}
	if _, reason := AppFolder(app, []Project{app, core}); !strings.Contains(reason, "src/Api/Shared.cs") {
		t.Errorf("a library that takes a file from the app's folder: reason %q", reason)
	}

	root := project("Api.csproj")
	root.Items["ProjectReference"] = []string{"/src/Core/Core.csproj"}
	if _, reason := AppFolder(root, nil); reason == "" {
		t.Error("an app at the root of the source would exclude everything")
	}
}

func TestDecidesRestore(t *testing.T) {
	for file, want := range map[string]bool{
		"src/A.csproj": true, "a/b/Directory.Packages.props": true, "NuGet.Config": true, "nuget.config": true, "src/packages.lock.json": true,
		".config/dotnet-tools.json": true, "App.slnx": true, "Directory.Build.rsp": true, "global.json": true,
		"src/Program.cs": false, "appsettings.json": false, "wwwroot/site.css": false, "props": false,
	} {
		if DecidesRestore(file) != want {
			t.Errorf("DecidesRestore(%q) = %v", file, !want)
		}
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add(described)
	f.Fuzz(func(_ *testing.T, content string) {
		projects, err := ParseFacts(content)
		if err == nil && len(projects) > 0 {
			_, _ = Choose(projects, "")
			_, _ = AppFolder(projects[0], projects)
		}
	})
}

func TestPlatformsOfTheProject(t *testing.T) {
	for rids, want := range map[string]string{
		"": "linux/amd64 linux/arm64", "linux-arm64": "linux/arm64", "linux-x64;linux-musl-x64;linux-x64": "linux/amd64",
		"win-x64": "linux/amd64 linux/arm64", "win-x64;linux-arm": "linux/arm/v7",
	} {
		platforms, note, err := project("a/A.csproj", "RuntimeIdentifiers="+rids).Platforms()
		var names []string
		for _, p := range platforms {
			names = append(names, p.String())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", rids, got, err, want)
		}
		if left := strings.Contains(rids, "win-") || strings.Contains(rids, "musl"); left != (note != "") {
			t.Errorf("%q: note %q", rids, note)
		}
	}
	if _, _, err := project("a/A.csproj", "RuntimeIdentifiers=linux-musl-x64").Platforms(); err == nil || !strings.Contains(err.Error(), "--platforms") {
		t.Errorf("musl alone: %v", err)
	}
}

func TestNeedsFramework(t *testing.T) {
	several := project("a/A.csproj", "TargetFramework=", "TargetFrameworks=net8.0;net10.0")
	for framework, want := range map[string]bool{"": false, "net8.0": true} {
		if got, err := several.NeedsFramework(framework); err != nil || got != want {
			t.Errorf("%q: %v, %v", framework, got, err)
		}
	}
	if _, err := several.NeedsFramework("net9.0"); err == nil || !strings.Contains(err.Error(), "net8.0, net10.0") {
		t.Errorf("a framework that it lacks: %v", err)
	}
	if again, err := project("a/A.csproj").NeedsFramework("net10.0"); err != nil || again {
		t.Errorf("its only framework: %v, %v", again, err)
	}
	if _, err := project("a/A.csproj").NeedsFramework("net8.0"); err == nil {
		t.Error("a framework that a single-target project lacks is ignored")
	}
}
