package dotnet

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSettingsAreChecked(t *testing.T) {
	for _, good := range []Settings{{}, {Configuration: "Release", Framework: "net10.0", Mode: NativeAOT, Property: "A=1;B=x%3By;C="}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for want, bad := range map[string]Settings{
		"native-aot": {Mode: "aot"},
		"Name=Value": {Property: "A"},
		"net10.0":    {Framework: "net10.0;net8.0"},
		"Release":    {Configuration: "Release Debug"},
		`"=1"`:       {Property: "=1"},
	} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v does not say %s", bad, err, want)
		}
	}
}

// A difference between what restore and publish are given makes MSBuild look for packs that were not restored.
func TestRestoreAndPublishGetTheSameProperties(t *testing.T) {
	s := Settings{Configuration: "Release", Mode: ReadyToRun, Property: "A=1"}
	modes := ToolFiles()["mode.targets"]
	for _, mode := range Modes {
		if mode != SelfContained && // what is left without a condition
			!strings.Contains(modes, "'"+string(mode)+"'") {
			t.Errorf("mode.targets does not know %s", mode)
		}
	}
	ids := []string{"linux-x64", "linux-arm64"}
	restore, publish := Restore(s, []Project{project("a/A.csproj")}, ids), Publish(s, project("a/A.csproj"), ids, false)
	for _, property := range append(properties(s, project("a/A.csproj")), hooks(s)...) {
		if !slices.Contains(restore, property) || !slices.Contains(publish, property) {
			t.Errorf("%s is not given to both", property)
		}
	}
	if !slices.Contains(restore, `-p:RuntimeIdentifiers="linux-x64;linux-arm64"`) {
		t.Errorf("restore does not get all identifiers: %q", restore)
	}
}

// The libraries' step is worth nothing when publish asks for them with other properties.
func TestLibrariesAreCompiledAsPublishWants(t *testing.T) {
	s := Settings{Configuration: "Debug", Framework: "net8.0"}
	ids := []string{"linux-x64"}
	app := project("a/A.csproj")
	app.Items["ProjectReference"] = []string{"b/B.csproj"}
	libraries, publish := CompileReferences(s, []Project{app}, ids), Publish(s, app, ids, false)
	publish[slices.Index(publish, "-t:Publish")] = "-t:CompileReferences"
	if !slices.Equal(publish, libraries) {
		t.Errorf("publish has %q, libraries %q", publish, libraries)
	}
}

func TestWhatIsCompiledIsNotAskedForAgain(t *testing.T) {
	alone, two := project("a/A.csproj"), project("a/A.csproj")
	two.Items["ProjectReference"] = []string{"b/B.csproj"}
	for _, c := range []struct {
		app                  Project
		compiled             bool
		asksNoMore, noServer bool
	}{{alone, false, false, true}, {two, false, false, false}, {two, true, true, true}, {project("a/A.vbproj"), false, false, false}} {
		args := Publish(Settings{}, c.app, nil, c.compiled)
		if slices.Contains(args, "-p:DotnetMultiarchCompiled=true") != c.asksNoMore || slices.Contains(args, "-p:UseSharedCompilation=false") != c.noServer {
			t.Errorf("%v, compiled %v: %q", c.app.References(), c.compiled, args)
		}
	}
}

func TestAFlagBeatsTheProject(t *testing.T) {
	own := project("a/A.csproj", "SelfContained=true")
	if args := Publish(Settings{}, own, nil, false); slices.Contains(args, "-p:SelfContained=false") {
		t.Error("an unset flag overrides a self-contained project")
	}
	// As a global property the mode would reach libraries, of which some cannot be restored with it.
	for _, args := range [][]string{Publish(Settings{Mode: NativeAOT}, own, nil, false), Restore(Settings{Mode: NativeAOT}, []Project{own}, nil)} {
		if !slices.Contains(args, "-p:DotnetMultiarchMode=native-aot") || slices.Contains(args, "-p:PublishAot=true") {
			t.Errorf("the flag does not reach the app alone: %q", args)
		}
	}
	if args := Publish(Settings{}, project("a/A.csproj"), nil, false); !slices.Contains(args, "-p:SelfContained=false") {
		t.Error("before .NET 6 an identifier alone would make the app self-contained")
	}
}

func TestRestoreTakesPackagesFromWhereTheCallerSays(t *testing.T) {
	args := strings.Join(Restore(Settings{Feed: true, LockedMode: true, ConfigFile: true}, []Project{project("a/A.csproj")}, nil), " ")
	for _, want := range []string{"--source " + FeedDir, "--locked-mode", "--configfile " + ConfigFile} {
		if !strings.Contains(args, want) {
			t.Errorf("%s is not in %s", want, args)
		}
	}
}

func TestSDKTag(t *testing.T) {
	for text, want := range map[string]string{
		"": LatestLTS, "{}": LatestLTS, `{"sdk":{}}`: LatestLTS,
		`{"sdk":{"version":"8.0.404"}}`:                                            "8.0.404",
		`{"sdk":{"version":"8.0.404","rollForward":"latestPatch"}}`:                "8.0.404",
		`{"sdk":{"version":"8.0.100","rollForward":"latestFeature"}}`:              "8.0",
		`{"sdk":{"version":"8.0.100","rollForward":"LatestMinor"}}`:                "8.0",
		`{"sdk":{"version":"8.0.100","rollForward":"latestMajor"}}`:                LatestLTS,
		`{"sdk":{"version":"11.0.100","rollForward":"major"}}`:                     "11.0",
		`{"sdk":{"version":"11.0.100-preview.1.2","rollForward":"feature"}}`:       "11.0.100-preview.1.2",
		"\ufeff{ // the \"SDK\"\n \"sdk\": { /* x */ \"version\": \"9.0.100\" } }": "9.0.100",
		`{"msbuild-sdks":{"X":"http://x//y"},"sdk":{"version":"9.0.100"}}`:         "9.0.100",
	} {
		got, err := SDKTag(text)
		if err != nil || got != want {
			t.Errorf("SDKTag(%s) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, bad := range []string{"{", `{"sdk":{"version":"8"}}`, `{"sdk":{"version":"8.0.100","rollForward":"up"}}`, `{"sdk":3}`} {
		if got, err := SDKTag(bad); err == nil || !strings.Contains(err.Error(), "global.json") {
			t.Errorf("SDKTag(%s) = %q, %v", bad, got, err)
		}
	}
}

func FuzzSDKTag(f *testing.F) {
	f.Add(`{"sdk":{"version":"8.0.404","rollForward":"latestPatch"}} // x`)
	f.Fuzz(func(t *testing.T, text string) {
		if tag, err := SDKTag(text); err == nil && tag == "" {
			t.Error("no tag and no error")
		}
	})
}

func FuzzLayout(f *testing.F) {
	f.Add([]byte(deps), "runtimes/linux-x64/native/libe_sqlite3.so")
	f.Fuzz(func(_ *testing.T, deps []byte, file string) {
		if l, err := NewLayout("App", deps, []string{file}); err == nil {
			_ = l.Group(file).String()
		}
	})
}

func TestIgnoredEqualsThePragmaOfTheModule(t *testing.T) {
	source, err := os.ReadFile("../../ci/main.go")
	if err != nil {
		t.Fatal(err)
	}
	want := `// +ignore=["` + strings.Join(Ignored(), `", "`) + `"]`
	if got := regexp.MustCompile(`// \+ignore=.*`).FindString(string(source)); got != want {
		t.Errorf("ci/main.go has\n%s\nand dotnet.Ignored\n%s", got, want)
	}
}

const deps = `{
 "runtimeTarget": {"name": ".NETCoreApp,Version=v10.0/linux-arm64"},
 "targets": {".NETCoreApp,Version=v10.0": {}, ".NETCoreApp,Version=v10.0/linux-arm64": {
  "App/1.0.0": {"runtime": {"App.dll": {}}},
  "Core/1.0.0": {"runtime": {"Core.dll": {}}, "resources": {"de/Core.resources.dll": {"locale": "de"}}},
  "Dapper/2.0": {"runtime": {"lib/net8.0/Dapper.dll": {}}},
  "Humanizer.de/2.0": {"resources": {"lib/net6.0/de/Humanizer.resources.dll": {"locale": "de"}}},
  "SQLitePCLRaw/2.1": {"native": {"runtimes/linux-arm64/native/libe_sqlite3.so": {}}},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-arm64/10.0.0": {"runtime": {"System.Runtime.dll": {}}, "native": {"libcoreclr.so": {}, "createdump": {}}}
 }},
 "libraries": {"App/1.0.0": {"type": "project"}, "Core/1.0.0": {"type": "project"}, "Dapper/2.0": {"type": "package"},
  "Humanizer.de/2.0": {"type": "package"}, "SQLitePCLRaw/2.1": {"type": "package"},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-arm64/10.0.0": {"type": "runtimepack"}}
}`
