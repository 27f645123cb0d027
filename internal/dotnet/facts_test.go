package dotnet

import (
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
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
<fact name="ProjectReference" item="src/Web/Web.csproj"></fact>
</project>
<project path="/src/src/Web/Web.csproj">
<fact name="OutputType" item="">Library</fact>
<fact name="FrameworkReference" item="Microsoft.AspNetCore.App"></fact>
<fact name="ProjectReference" item="/src/src/Core/Core.csproj"></fact>
</project>
</facts>`

func parse(t *testing.T, content string) []Project {
	t.Helper()
	projects, err := ParseFacts(content, DefaultSourceDir)
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
	if runtimeRepository(projects[0], projects) != "dotnet/aspnet" {
		t.Error("base image is not aspnet")
	}
	projects[0].Properties["PublishSelfContained"] = "true"
	if runtimeRepository(projects[0], projects) != "dotnet/runtime-deps" {
		t.Error("a self-contained app gets a base with a runtime")
	}
}

func TestFactsOutsideTheSourceAreRefused(t *testing.T) {
	if _, err := ParseFacts(`<facts><project path="/etc/x.csproj"></project></facts>`, DefaultSourceDir); err == nil {
		t.Error("accepted")
	}
	if _, err := ParseFacts(`<facts><project`, DefaultSourceDir); err == nil {
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
		{"by a folder above", "src", []Project{api, library, project("other/Other.csproj")}, "src/Api/Api.csproj", nil},
		{"by the root", ".", []Project{api, library}, "src/Api/Api.csproj", nil},
		{"by a folder above two", "src", []Project{api, worker}, "", []string{"2 candidates"}},
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

func TestLibraryInputs(t *testing.T) {
	app, core := project("src/Api/Api.csproj"), project("src/Core/Core.csproj", "OutputType=Library")
	app.Items["ProjectReference"] = []string{"src/Core/Core.csproj"}
	core.Items["OutsideFile"] = []string{"src/Api/Shared.cs", "shared/Names.cs"}
	wanted, reason := LibraryInputs([]Project{app}, []Project{app, core})
	if reason != "" {
		t.Fatal(reason)
	}
	for file, want := range map[string]bool{"src/Core/C.cs": true, "shared/Names.cs": true, "src/Api/Shared.cs": true, "src/Api/Program.cs": false, "src/ApiTests/T.cs": true} {
		if wanted(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}

	inside := core
	inside.Path = "src/Api/Core/Core.csproj"
	app.Items["ProjectReference"] = []string{inside.Path}
	if _, reason := LibraryInputs([]Project{app}, []Project{app, inside}); !strings.Contains(reason, inside.Path) {
		t.Errorf("a library below the app's folder would lose its sources: reason %q", reason)
	}
	root := project("Api.csproj")
	root.Items["ProjectReference"] = []string{"Core/Core.csproj"}
	if _, reason := LibraryInputs([]Project{root}, nil); reason == "" {
		t.Error("an app at the root of the source would exclude everything")
	}
	if _, reason := LibraryInputs([]Project{project("src/Api/Api.csproj")}, nil); reason == "" {
		t.Error("without libraries there is nothing to compile")
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
		projects, err := ParseFacts(content, DefaultSourceDir)
		if err == nil && len(projects) > 0 {
			_, _ = Choose(projects, "")
			_, _ = LibraryInputs(projects[:1], projects)
		}
	})
}

func TestPlatformsOfTheProject(t *testing.T) {
	for rids, want := range map[string]string{
		"": "linux/amd64 linux/arm64", "linux-arm64": "linux/arm64", "linux-x64;linux-musl-x64;linux-x64": "linux/amd64",
		"win-x64": "linux/amd64 linux/arm64", "win-x64;linux-arm": "linux/arm/v7",
	} {
		platforms, note := project("a/A.csproj", "RuntimeIdentifiers="+rids).Platforms(platform.Glibc)
		var names []string
		for _, p := range platforms {
			names = append(names, p.String())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %s; want %s", rids, got, want)
		}
		if left := strings.Contains(rids, "win-") || strings.Contains(rids, "musl"); left != (note != "") {
			t.Errorf("%q: note %q", rids, note)
		}
	}
	if got, note := project("a/A.csproj", "RuntimeIdentifiers=linux-musl-arm64;linux-x64").Platforms(platform.Musl); len(got) != 1 || got[0].Architecture != "arm64" || note == "" {
		t.Errorf("on musl: %v, %q", got, note)
	}
}

func TestMirrorsAndTheirCanonicalNames(t *testing.T) {
	const canonical = "mcr.microsoft.com/dotnet/sdk:10.0"
	for registry, pulled := range map[string]string{
		"mcr.microsoft.com": canonical, "127.0.0.1:5001": "127.0.0.1:5001/dotnet/sdk:10.0", "corp.example/cache/": "corp.example/cache/dotnet/sdk:10.0",
	} {
		if got := Mirrored(canonical, registry); got != pulled {
			t.Errorf("from %s %s is pulled", registry, got)
		}
		if got := CanonicalName(pulled, registry); got != canonical {
			t.Errorf("%s is called %s", pulled, got)
		}
	}
	for _, other := range []string{"ghcr.io/me/base:1", "127.0.0.1:50010/dotnet/sdk:10.0", "127.0.0.1:5001/team/sdk:1", ""} {
		if Mirrored(other, "127.0.0.1:5001") != other || CanonicalName(other, "127.0.0.1:5001") != other {
			t.Errorf("%s is taken for one of Microsoft's", other)
		}
	}
}

func TestChooseBase(t *testing.T) {
	web := func(properties ...string) Project {
		return project("a/A.csproj", append([]string{"UsingMicrosoftNETSdkWeb=true"}, properties...)...)
	}
	const mirror = "mirror.example.com/ms"
	for _, c := range []struct {
		name            string
		app             Project
		runtime, flavor string
		want, canonical string // without the registry
		libc            platform.Libc
	}{
		{"web", web(), "", "", "dotnet/aspnet:10.0", "", platform.Glibc},
		{"console", project("a/A.csproj"), "", "", "dotnet/runtime:10.0", "", platform.Glibc},
		{"self-contained", web("SelfContained=true"), "", "", "dotnet/runtime-deps:10.0", "", platform.Glibc},
		{"native AOT", web("PublishAot=true"), "", "noble-chiseled", "dotnet/runtime-deps:10.0-noble-chiseled", "", platform.Glibc},
		{"an older framework", web("TargetFrameworkVersion=v8.0"), "", "azurelinux3.0-distroless", "dotnet/aspnet:8.0-azurelinux3.0-distroless", "", platform.Glibc},
		{"alpine", web(), "", "alpine", "dotnet/aspnet:10.0-alpine", "", platform.Musl},
		{"the project's musl", web("RuntimeIdentifiers=linux-musl-x64;linux-musl-arm64"), "", "", "dotnet/aspnet:10.0-alpine", "", platform.Musl},
		{"the project's family, with ICU", web("ContainerFamily=noble-chiseled"), "", "", "dotnet/aspnet:10.0-noble-chiseled-extra", "", platform.Glibc},
		{"the project's family, without ICU", web("ContainerFamily=noble-chiseled", "InvariantGlobalization=true"), "", "", "dotnet/aspnet:10.0-noble-chiseled", "", platform.Glibc},
		{"a flag beats the project's family", web("ContainerFamily=alpine"), "", "noble", "dotnet/aspnet:10.0-noble", "", platform.Glibc},
		{"the project's image of Microsoft's", web("ContainerBaseImage=mcr.microsoft.com/dotnet/nightly/aspnet:10.0"), "", "", "dotnet/nightly/aspnet:10.0", "", platform.Glibc},
		{"a flag beats the project's image", web("ContainerBaseImage=example.com/base:1"), "", "alpine", "dotnet/aspnet:10.0-alpine", "", platform.Musl},
	} {
		got, err := ChooseBase(c.app, []Project{c.app}, mirror, c.runtime, c.flavor)
		if want := (BaseImage{mirror + "/" + c.want, Canonical + "/" + c.want, c.libc}); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, want)
		}
	}
	if got, err := ChooseBase(web(), nil, mirror, mirror+"/dotnet/aspnet:9.0", ""); err != nil || got.Canonical != Canonical+"/dotnet/aspnet:9.0" || got.Reference != mirror+"/dotnet/aspnet:9.0" {
		t.Errorf("the caller's image of Microsoft's, from the mirror: %+v, %v", got, err)
	}
	for own, libc := range map[string]platform.Libc{"example.com/base:8.0-jammy-arm64v8": platform.Glibc, "example.com/alpine:3": platform.Musl} {
		for _, app := range []Project{web("ContainerBaseImage=example.com/other"), web()} {
			if got, err := ChooseBase(app, nil, mirror, own, "noble"); err != nil || got != (BaseImage{own, own, libc}) {
				t.Errorf("%s: %+v, %v", own, got, err)
			}
		}
	}
	for _, bad := range []Project{web("TargetFrameworks=net8.0;net10.0", "TargetFramework=", "TargetFrameworkIdentifier="), web("TargetFrameworkIdentifier=.NETFramework")} {
		if got, err := ChooseBase(bad, nil, mirror, "", ""); err == nil {
			t.Errorf("%v: %+v", bad.Properties, got)
		}
	}
}

func TestSDKForANewerFramework(t *testing.T) {
	for version, want := range map[string]string{"v11.0": "11.0", "v10.0": "", "v9.0": "", "v3.1": ""} {
		if got := SDKFor(project("a/A.csproj", "TargetFrameworkVersion="+version)); got != want {
			t.Errorf("%s: %q, want %q", version, got, want)
		}
	}
}

func TestSupportWarning(t *testing.T) {
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	warning := SupportWarning(project("a/A.csproj", "TargetFrameworkVersion=v8.0"), now)
	for _, want := range []string{"a/A.csproj", ".NET 8.0", "2026-11-10", "https://"} {
		if !strings.Contains(warning, want) {
			t.Errorf("%q does not say %q", warning, want)
		}
	}
	if strings.Contains(warning, "\n") {
		t.Error("it takes more than a line")
	}
	for version, then := range map[string]time.Time{"v10.0": now, "v8.0": now.AddDate(0, -1, 0), "v11.0": now} {
		if w := SupportWarning(project("a/A.csproj", "TargetFrameworkVersion="+version), then); w != "" {
			t.Errorf("%s at %s: %s", version, then, w)
		}
	}
}

func TestMode(t *testing.T) {
	for properties, want := range map[string]Mode{
		"": FrameworkDependent, "PublishReadyToRun=true": ReadyToRun, "SelfContained=true": SelfContained, "PublishAot=true": NativeAOT,
		"PublishTrimmed=true": Trimmed, "PublishSingleFile=true": SingleFile,
	} {
		if got := project("a/A.csproj", properties).Mode(); got != want {
			t.Errorf("%q: %s, want %s", properties, got, want)
		}
	}
}

// tree is a source in memory: names and texts.
func tree(files map[string]string) (names []string, read func(string) (string, error)) {
	return slices.Sorted(maps.Keys(files)), func(name string) (string, error) { return files[name], nil }
}

func TestRestoreInputsHoldsWhatAnEvaluationReads(t *testing.T) {
	names, read := tree(map[string]string{
		"a/A.csproj": `<Project><Import Project="../build/Shared.xml" /><Import Project="..\build\*.settings" /><Import Project="*" /></Project>`,
		"Directory.Build.props": `<Version>$([System.IO.File]::ReadAllText('$(MSBuildThisFileDirectory)VERSION').Trim())</Version>
			<Style Condition="Exists('$([MSBuild]::GetDirectoryNameOfFileAbove('.', 'style.json'))/style.json')">yes</Style>`,
		"packages/Own.1.0.0.nupkg": "zip", "VERSION": "1.2.3", "build/Shared.xml": "", "build/x.settings": "", "style.json": "", "a/Program.cs": "", "README.md": "", "a/appsettings.json": "",
	})
	wanted, err := RestoreInputs(names, read)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"a/A.csproj": true, "packages/Own.1.0.0.nupkg": true, "VERSION": true, "build/Shared.xml": true, "build/x.settings": true, "style.json": true,
		"a/Program.cs": false, "README.md": false, "a/appsettings.json": false,
	} {
		if wanted(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestOutsiders(t *testing.T) {
	app, core, generator := project("src/Api/Api.csproj"), project("src/Core/Core.csproj"), project("tools/Generator/Generator.csproj")
	app.Items["ProjectReference"] = []string{"src/Core/Core.csproj"}
	core.Items["OutsideFile"] = []string{"samples/Shared/Names.cs"}
	names, read := tree(map[string]string{
		"src/Api/Api.csproj": `<InternalsVisibleTo Include="Api.Tests" /><Exec Command="dotnet run --project ..\..\tools\Generator\" />`, "src/Core/Core.csproj": "",
		"tests/Api.Tests/Api.Tests.csproj": "", "tools/Generator/Generator.csproj": "", "samples/Shared/Shared.csproj": "", "other/Other.csproj": "", "Root.csproj": "",
		"All.sln": `"tests\Api.Tests\Api.Tests.csproj"`,
	})
	got, err := Outsiders(app, []Project{app, core, generator}, names, read)
	if want := []string{"other", "tests/Api.Tests"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Outsiders = %q, %v; want %q", got, err, want)
	}
	if !Within("other/deep/A.cs", got...) || Within("others/A.cs", got...) || Within("src/Api/A.cs", got...) {
		t.Error("Within")
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
