package dotnet

import (
	"slices"
	"strings"
	"testing"
)

// What SDK 10.0.401 prints for packages of a source that tells of them.
const (
	vulnerableReport = `{
  "version": 1,
  "parameters": "--vulnerable --include-transitive",
  "sources": ["https://me:secret@feed.example.com/v3/index.json", "/opt/dotnet-multiarch-feed"],
  "projects": [
    {"path": "/src/app/App.csproj", "frameworks": [
      {"framework": "net8.0", "topLevelPackages": [{"id": "Newtonsoft.Json", "requestedVersion": "13.0.3", "resolvedVersion": "13.0.4",
        "vulnerabilities": [{"severity": "High", "advisoryurl": "https://github.com/advisories/GHSA-5crp-9r3c-p9vr"}]}]},
      {"framework": "net10.0",
        "topLevelPackages": [{"id": "Newtonsoft.Json", "requestedVersion": "13.0.3", "resolvedVersion": "13.0.4",
          "vulnerabilities": [{"severity": "High", "advisoryurl": "https://github.com/advisories/GHSA-5crp-9r3c-p9vr"}]}],
        "transitivePackages": [{"id": "A.B", "resolvedVersion": "1.0.0", "vulnerabilities": [{"severity": "Low", "advisoryurl": "https://x/1"}, {"severity": "Critical", "advisoryurl": "https://x/2"}]}]}
    ]},
    {"path": "/src/tests/Tests.csproj"}
  ]
}
`
	deprecatedReport = `{
  "version": 1, "parameters": "--deprecated --include-transitive", "sources": ["/opt/dotnet-multiarch-feed"],
  "projects": [{"path": "/src/tests/Tests.csproj", "frameworks": [{"framework": "net10.0", "topLevelPackages": [
    {"id": "xunit", "requestedVersion": "2.9.3", "resolvedVersion": "2.9.3", "deprecationReasons": ["Legacy"], "alternativePackage": {"id": "xunit.v3", "versionRange": ">= 0.0.0"}}]}]}]
}`
	cleanReport = `{"version": 1, "parameters": "--vulnerable", "sources": ["/feed"], "projects": [{"path": "/src/a.csproj"}]}`
)

func TestDoubtsOfPackagesAreSaidOnce(t *testing.T) {
	var d Doubts
	again := strings.ReplaceAll(vulnerableReport, "/src/app/App.csproj", "/src/tests/Tests.csproj")
	for _, report := range []string{vulnerableReport, deprecatedReport, again} {
		if err := d.Read(report, "/src"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"A.B 1.0.0 (brought by another package) is vulnerable (critical, https://x/2): app/App.csproj, tests/Tests.csproj",
		"A.B 1.0.0 (brought by another package) is vulnerable (low, https://x/1): app/App.csproj, tests/Tests.csproj",
		"Newtonsoft.Json 13.0.4 is vulnerable (high, https://github.com/advisories/GHSA-5crp-9r3c-p9vr): app/App.csproj, tests/Tests.csproj",
		"xunit 2.9.3 is deprecated (Legacy), use xunit.v3 >= 0.0.0: tests/Tests.csproj",
	}
	if got := d.Lines(); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if got := d.Telling(); !slices.Equal(got, []string{"https://***@feed.example.com/v3/index.json"}) {
		t.Errorf("telling %q", got)
	}
}

func TestAFolderOfPackagesTellsNothing(t *testing.T) {
	var d Doubts
	if err := d.Read(cleanReport, "/src"); err != nil || len(d.Lines()) > 0 || len(d.Telling()) > 0 || !slices.Equal(d.Sources, []string{"/feed"}) {
		t.Errorf("%v: %+v", err, d)
	}
}

func TestAListOfPackagesThatIsNoneHasItsCause(t *testing.T) {
	for report, says := range map[string]string{
		"":                     "it is not JSON",
		"error: no such thing": "it is not JSON",
		cleanReport + "{}":     "there is more behind it",
		`{"version": 2}`:       "its version is 2",
		`{"version": 1, "problems": [{"level": "error", "text": "No assets file was found for\n /src/a.csproj"}]}`: "listing the packages: No assets file was found for a.csproj",
	} {
		if err := new(Doubts).Read(report, "/src"); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: want %q: %v", report, says, err)
		}
	}
	if err := new(Doubts).Read(`{"version": 1, "problems": [{"level": "warning", "text": "odd"}]}`, "/src"); err != nil {
		t.Error(err)
	}
	if !SourceSilent("error: Unable to load the service index for source https://api.nuget.org/v3/index.json.\nerror:   Name or service not known") || SourceSilent("error: No assets file was found") {
		t.Error("a source that does not answer is taken for another error, or the other way round")
	}
}

func TestPackagesAreListedOfWhatBringsInTheRest(t *testing.T) {
	project := func(file, framework string, refers ...string) Project {
		return Project{Path: file, Properties: map[string]string{"TargetFramework": framework}, Items: map[string][]string{"ProjectReference": refers}}
	}
	tops, left := Tops([]Project{
		project("app/App.csproj", "net10.0", "lib/Lib.csproj"), project("lib/Lib.csproj", "net8.0"), project("alone/Alone.csproj", "netstandard2.0"),
		project("desk/Desk.csproj", "net10.0-windows", "lib/Lib.csproj"), project("tests/Tests.csproj", "net10.0", "app/App.csproj", "tests/Tests.csproj"),
	})
	if got := paths(tops); !slices.Equal(got, []string{"alone/Alone.csproj", "tests/Tests.csproj"}) || !slices.Equal(left, []string{"desk/Desk.csproj (net10.0-windows)"}) {
		t.Errorf("%q, left %q", got, left)
	}
}

func TestListPackagesGoesWithTheSDK(t *testing.T) {
	several := Project{Path: "a.csproj", Properties: map[string]string{"TargetFrameworks": "net8.0;net10.0"}}
	for _, c := range []struct {
		s    Settings
		help string
		want string
	}{
		{Settings{}, "  --no-restore  Do not restore", "dotnet list /src/a.csproj package --vulnerable --include-transitive --format json --no-restore"},
		{Settings{Feed: true, ConfigFile: true, Framework: "net8.0"}, "", "dotnet list /src/a.csproj package --vulnerable --include-transitive --format json --source /opt/dotnet-multiarch-feed --config /run/secrets/nuget.config --framework net8.0"},
	} {
		if got := strings.Join(ListPackages(c.s, several, Vulnerable, c.help), " "); got != c.want {
			t.Errorf("%s", got)
		}
	}
}

func TestTheFormatIsOfTheSolutionOrEveryProject(t *testing.T) {
	all := []Project{{Path: "a/A.csproj"}, {Path: "b/B.csproj"}}
	if got := FormatTargets(all, []string{"All.sln", "a/A.csproj", "b/B.csproj"}); !slices.Equal(got, []string{"All.sln"}) {
		t.Errorf("%q", got)
	}
	if got := FormatTargets(all, []string{"a/A.csproj", "b/B.csproj"}); !slices.Equal(got, []string{"a/A.csproj", "b/B.csproj"}) {
		t.Errorf("%q", got)
	}
	// What dotnet format prints, https://github.com/dotnet/sdk/tree/main/src/BuiltInTools/dotnet-format
	lines := ErrorLines("/src/a/Program.cs(3,1): error WHITESPACE: Fix whitespace formatting. Insert '\\s\\s'. [/src/a/A.csproj]\n")
	if !slices.Equal(lines, []string{`a/Program.cs(3,1): error WHITESPACE: Fix whitespace formatting. Insert '\s\s'.`}) {
		t.Errorf("%q", lines)
	}
}

func TestWarningsAreErrorsBesidesTheCallersProperties(t *testing.T) {
	for property, want := range map[string]string{
		"":    "TreatWarningsAsErrors=true;MSBuildTreatWarningsAsErrors=true",
		"A=1": "A=1;TreatWarningsAsErrors=true;MSBuildTreatWarningsAsErrors=true",
	} {
		got := WithWarningsAsErrors(property)
		if got != want {
			t.Errorf("%q", got)
		}
		if err := (Settings{Property: got}).Validate(); err != nil {
			t.Error(err)
		}
	}
}
