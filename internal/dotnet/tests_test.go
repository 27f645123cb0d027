package dotnet

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// shop is a source with an app, a library, and tests of both.
func shop() []Project {
	test := func(path string, references ...string) Project {
		return Project{Path: path, Properties: map[string]string{"TargetFramework": "net10.0"}, Items: map[string][]string{
			"PackageReference": {"Microsoft.NET.Test.Sdk"}, "ProjectReference": references,
		}}
	}
	return []Project{
		{Path: "src/Api/Api.csproj", Items: map[string][]string{"ProjectReference": {"src/Core/Core.csproj"}}},
		{Path: "src/Core/Core.csproj"},
		{Path: "src/Tool/Tool.csproj"},
		test("tests/Api.Tests/Api.Tests.csproj", "src/Api/Api.csproj"),
		test("tests/Core.Tests/Core.Tests.csproj", "src/Core/Core.csproj"),
		{Path: "tests/Shared/Shared.csproj"},
	}
}

func TestChooseTests(t *testing.T) {
	const api, core = "tests/Api.Tests/Api.Tests.csproj", "tests/Core.Tests/Core.Tests.csproj"
	for request, want := range map[string][]string{
		"": {api, core}, api: {api}, `tests\Core.Tests`: {core}, "core.tests": {core}, "tests": {api, core},
		// Another project stands for the tests that refer to it, directly or not.
		"Api": {api}, "src/Core/Core.csproj": {api, core}, "src": {api, core},
	} {
		got, err := ChooseTests(shop(), request)
		if err != nil || !slices.Equal(paths(got), want) {
			t.Errorf("%q: %q, %v", request, paths(got), err)
		}
	}
	for request, says := range map[string]string{"Nope": "there are tests in: " + api, "Tool": "no test project refers to src/Tool/Tool.csproj"} {
		if got, err := ChooseTests(shop(), request); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %q, %v", request, paths(got), err)
		}
	}
	for _, none := range []struct {
		all     []Project
		request string
	}{{shop()[:3], ""}, {shop(), "src/Tool"}} {
		var problem *NoTestsError
		if _, err := ChooseTests(none.all, none.request); !errors.As(err, &problem) || !strings.Contains(err.Error(), "looking for tests: "+problem.Reason) {
			t.Errorf("%q: %v", none.request, err)
		}
	}
	if _, err := ChooseTests(shop()[:3], ""); err == nil || !strings.Contains(err.Error(), "none of the source's projects is a test project: src/Api/Api.csproj, src/Core/Core.csproj, src/Tool/Tool.csproj") {
		t.Error(err)
	}
}

func TestTestRunner(t *testing.T) {
	for name, c := range map[string]struct {
		facts  map[string]string
		global bool
		want   Runner
	}{
		"xunit 2":                       {map[string]string{"IsTestProject": "true"}, false, VSTest},
		"xunit 3 alone":                 {map[string]string{"IsTestingPlatformApplication": "true"}, false, TestingPlatform},
		"xunit 3 with VSTest":           {map[string]string{"IsTestProject": "true", "IsTestingPlatformApplication": "true"}, false, VSTest},
		"the same, by global.json":      {map[string]string{"IsTestProject": "true", "IsTestingPlatformApplication": "true"}, true, TestingPlatform},
		"xunit 2, by global.json":       {map[string]string{"IsTestProject": "true"}, true, VSTest},
		"MSTest's runner":               {map[string]string{"IsTestProject": "true", "IsTestingPlatformApplication": "true", "EnableMSTestRunner": "true"}, false, TestingPlatform},
		"NUnit's runner":                {map[string]string{"IsTestProject": "true", "IsTestingPlatformApplication": "true", "EnableNUnitRunner": "true"}, false, TestingPlatform},
		"dotnet test supports it":       {map[string]string{"IsTestProject": "true", "IsTestingPlatformApplication": "true", "TestingPlatformDotnetTestSupport": "true"}, false, TestingPlatform},
		"asked for, and not to be had":  {map[string]string{"IsTestProject": "true", "EnableNUnitRunner": "true"}, false, VSTest},
		"a library with test utilities": {map[string]string{"OutputType": "Library"}, true, ""},
	} {
		if got := (Project{Properties: c.facts}).TestRunner(c.global); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestPlatformByGlobalJSON(t *testing.T) {
	for text, want := range map[string]bool{"": false, "{}": false, `{"test": {"runner": "VSTest"}}`: false, "{ // us\n\"test\": {\"runner\": \"Microsoft.Testing.Platform\"}}": true} {
		if got, err := PlatformByGlobalJSON(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := PlatformByGlobalJSON("{"); err == nil {
		t.Error("half a file is taken")
	}
}

func TestTestFrameworks(t *testing.T) {
	one := Project{Path: "one.csproj", Properties: map[string]string{"TargetFramework": "net10.0"}}
	two := Project{Path: "two.csproj", Properties: map[string]string{"TargetFrameworks": "net8.0;net10.0"}}
	for wanted, want := range map[string]string{"": "one.csproj|net8.0 two.csproj|net10.0 two.csproj", "net10.0": "one.csproj|net10.0 two.csproj", "net8.0": "net8.0 two.csproj"} {
		groups, err := TestFrameworks([]Project{one, two}, wanted)
		var got []string
		for _, g := range groups {
			got = append(got, strings.TrimSpace(g.Name+" "+strings.Join(g.Projects, " ")))
		}
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%q: %q, %v", wanted, got, err)
		}
	}
	if _, err := TestFrameworks([]Project{one, two}, "net9.0"); err == nil {
		t.Error("a framework that nobody has is taken")
	}
}

func TestVSTestCommand(t *testing.T) {
	suite := TestSuite{Runner: VSTest, Framework: "net8.0", Project: Project{Path: "a/A.csproj", Items: map[string][]string{"PackageReference": {"Coverlet.Collector"}}}}
	command, err := RunTests(Settings{Configuration: "Release"}, suite, TestRun{Timeout: 90 * time.Second, Filter: "Name~A(1)&Category!=\"x;y\"", Foreign: true}, nil)
	if err != nil || !slices.Equal(command[:4], []string{"sh", "/opt/dotnet-multiarch/test.sh", "90", "VSTest"}) {
		t.Fatalf("%q, %v", command, err)
	}
	for _, argument := range []string{
		"/src/a/A.csproj", "-p:TargetFramework=net8.0", "-p:VSTestCollect=XPlat Code Coverage", "-p:VSTestLogger=trx%3BLogFileName=results.trx",
		"-p:VSTestTestCaseFilter=Name~A%281%29&Category!=%22x%3By%22", "-p:VSTestCLIRunSettings=RunConfiguration.DotNetHostPath=/opt/dotnet-multiarch-emulation/dotnet", "-p:Configuration=Release",
	} {
		if !slices.Contains(command, argument) {
			t.Errorf("no %s in %q", argument, command)
		}
	}
	if _, err := RunTests(Settings{}, suite, TestRun{Filter: "/*/*/C"}, nil); err == nil || !strings.Contains(err.Error(), "testing a/A.csproj: its runner is VSTest") || !strings.Contains(err.Error(), "FullyQualifiedName~") {
		t.Errorf("a path as a filter: %v", err)
	}
	suite.Project.Items = nil
	if command, _ := RunTests(Settings{}, suite, TestRun{}, nil); slices.ContainsFunc(command, func(a string) bool { return strings.HasPrefix(a, "-p:VSTestCollect") }) {
		t.Errorf("coverage without a collector: %q", command)
	}
}

func TestProgramIsAskedForWhatItHas(t *testing.T) {
	suite := TestSuite{Runner: TestingPlatform, Project: Project{Path: "a/A.csproj", Properties: map[string]string{"TargetPath": "/src/a/bin/A.dll"}}}
	options := ParseOptions("Usage dotnet exec A.dll [option providers]\n\nOptions:\n    --diagnostic\n        Enable --x.\n    --no-ansi\n    --output\n    --report-xunit-trx\n  --filter-query\n  --filter-uid\n--flush\n")
	if want := (Options{"--diagnostic", "--no-ansi", "--output", "--report-xunit-trx", "--filter-query", "--filter-uid"}); !slices.Equal(options, want) {
		t.Fatalf("options %q", options)
	}
	command, err := RunTests(Settings{}, suite, TestRun{Timeout: time.Minute, Filter: "/*/*/C"}, options)
	want := "sh /opt/dotnet-multiarch/test.sh 60 Microsoft.Testing.Platform dotnet exec /src/a/bin/A.dll --results-directory /results" +
		" --no-ansi --output Detailed --diagnostic --report-xunit-trx --report-xunit-trx-filename results.trx --filter-query /*/*/C"
	if err != nil || strings.Join(command, " ") != want {
		t.Errorf("%q, %v", command, err)
	}
	if _, err := RunTests(Settings{}, suite, TestRun{Filter: "Name~C"}, options); err == nil || !strings.Contains(err.Error(), "has no --filter") {
		t.Error(err)
	}
	if _, err := RunTests(Settings{}, suite, TestRun{}, nil); err == nil || !strings.Contains(err.Error(), "OutputType") {
		t.Error(err)
	}
	foreign, err := RunTests(Settings{}, suite, TestRun{Foreign: true}, append(options, "--report-trx", "--coverage", "--coverage-output"))
	line := strings.Join(foreign, " ")
	if err != nil || foreign[4] != EmulatedProgram() || strings.Contains(line, "--report-trx") || strings.Contains(line, "--coverage") || !strings.Contains(line, "--report-xunit-trx") {
		t.Errorf("%q, %v", foreign, err)
	}
}

func TestRerun(t *testing.T) {
	program := TestSuite{Runner: TestingPlatform, Project: Project{Properties: map[string]string{"TargetPath": "/src/A.dll"}}}
	failed := []Failed{{"N.C", "M", "id-1"}, {"N.C", "M", "id-2"}, {"N.C", "A", "id-3"}}
	unnamed := []Failed{{"", "", ""}}
	for name, c := range map[string]struct {
		suite   TestSuite
		options Options
		failed  []Failed
		end     []string
		reason  string
	}{
		"VSTest":                   {TestSuite{Runner: VSTest}, nil, failed, []string{"-p:VSTestTestCaseFilter=FullyQualifiedName~N.C.A|FullyQualifiedName~N.C.M"}, ""},
		"a program, by id":         {program, Options{"--filter-uid", "--filter"}, failed, []string{"--filter-uid", "id-1", "id-2", "id-3"}, ""},
		"a program without a log":  {program, Options{"--filter-uid", "--filter"}, []Failed{{"N.C", "M", ""}}, []string{"--filter", "FullyQualifiedName~N.C.M"}, ""},
		"a program without filter": {program, Options{"--help"}, failed, nil, "its runner names no test that could be run again"},
		"no name":                  {TestSuite{Runner: VSTest}, nil, unnamed, nil, "its runner names no test that could be run again"},
		"too many":                 {TestSuite{Runner: VSTest}, nil, slices.Repeat(failed, 40), nil, "120 tests failed, too many to be run again"},
	} {
		command, reason, err := RerunTests(Settings{}, c.suite, TestRun{Filter: "the caller's"}, c.options, c.failed)
		if err != nil || reason != c.reason || !strings.Contains(strings.Join(command, "\n"), strings.Join(c.end, "\n")) {
			t.Errorf("%s: %q, %q, %v", name, command, reason, err)
		}
		if strings.Contains(strings.Join(command, " "), "the caller's") {
			t.Errorf("%s: %q", name, command)
		}
	}
}

func TestCommandsForAllTests(t *testing.T) {
	s := Settings{Configuration: "Release", Mode: NativeAOT, Feed: true, LockedMode: true}
	restore := RestoreProjects(s, shop()[3:5])
	if !slices.Contains(restore, `-p:RestoreGraphProjectInput="/src/tests/Api.Tests/Api.Tests.csproj;/src/tests/Core.Tests/Core.Tests.csproj"`) || !slices.Contains(restore, FeedDir) || !slices.Contains(restore, "--locked-mode") {
		t.Errorf("%q", restore)
	}
	compile := CompileTests(s, []TestSuite{{Project: Project{Path: "a.csproj"}}, {Project: Project{Path: "b.csproj"}, Framework: "net8.0"}})
	if !slices.Contains(compile, `-p:DotnetMultiarchTests="/src/a.csproj;/src/b.csproj|net8.0"`) {
		t.Errorf("%q", compile)
	}
	for _, command := range [][]string{restore, compile} {
		if line := strings.Join(command, " "); strings.Contains(line, string(NativeAOT)) || strings.Contains(line, "PathMap") {
			t.Errorf("the app's choices reach its tests: %s", line)
		}
	}
}

func TestRuntimeOfTheNewestFramework(t *testing.T) {
	of := func(version string) TestSuite {
		return TestSuite{Project: Project{Properties: map[string]string{"TargetFrameworkIdentifier": ".NETCoreApp", "TargetFrameworkVersion": "v" + version}}}
	}
	if got := TestRuntime([]TestSuite{of("8.0"), of("10.0"), of("9.0")}); got != "dotnet/aspnet:10.0" {
		t.Error(got)
	}
	if got := TestSDK([]Project{of("12.0").Project, of("8.0").Project, of("11.0").Project}); got != "12.0" {
		t.Errorf("SDK %q", got)
	}
	if got := TestSDK([]Project{of("8.0").Project, of("10.0").Project}); got != "" {
		t.Errorf("SDK %q", got)
	}
}
