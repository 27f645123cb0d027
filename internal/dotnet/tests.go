package dotnet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Runner is what runs the tests of a project.
type Runner string

// The two runners of .NET, https://learn.microsoft.com/dotnet/core/testing/test-platforms-overview
const (
	VSTest Runner = "VSTest"
	// TestingPlatform tests are programs that run themselves.
	TestingPlatform Runner = "Microsoft.Testing.Platform"
)

// TestSuite is one test project, for one target framework where it has several.
type TestSuite struct {
	Project Project
	// Framework is "" where the project has one alone.
	Framework string
	Runner    Runner
}

// ResultsDir is where a run of tests leaves what it has.
const ResultsDir = "/results"

// IsTest says whether the project looks like one of tests before it is restored: what packages bring is not there yet.
func (p Project) IsTest() bool {
	isTestPackage := func(name string) bool { return slices.Contains(testPackages, strings.ToLower(name)) }
	said := slices.ContainsFunc([]string{"IsTestProject", "IsTestingPlatformApplication", "EnableMSTestRunner", "EnableNUnitRunner"}, p.is)
	return said || slices.ContainsFunc(p.Items["PackageReference"], isTestPackage)
}

// NoTestsError says why there is nothing to test.
type NoTestsError struct{ Reason string }

func (e *NoTestsError) Error() string { return "looking for tests: " + e.Reason }

// ChooseTests gives the test projects that a request means: a test project's file, folder or name; a folder above several; or
// another project, which stands for the tests that refer to it. "" means all of them. There being none is a NoTestsError.
func ChooseTests(all []Project, request string) ([]Project, error) {
	var tests []Project
	for _, p := range all {
		if p.IsTest() {
			tests = append(tests, p)
		}
	}
	if len(tests) == 0 {
		return nil, &NoTestsError{fmt.Sprintf("none of the source's projects is a test project: %s; one sets IsTestProject or refers to a package of a test framework, such as Microsoft.NET.Test.Sdk, xunit.v3 or MSTest", names(all))}
	}
	if request == "" {
		return tests, nil
	}
	wanted := clean(request)
	var named []Project
	for _, p := range all {
		if p.Path == wanted || p.Dir() == wanted || strings.EqualFold(p.Name(), wanted) {
			named = append(named, p)
		}
	}
	if len(named) == 0 {
		for _, p := range all {
			if within(p.Path, wanted) {
				named = append(named, p)
			}
		}
	}
	if len(named) == 0 {
		return nil, fmt.Errorf("looking for tests: no project is called or lies at %q; there are tests in: %s", request, names(tests))
	}
	return testsOf(named, tests, all)
}

// testsOf gives the test projects among the named ones, else those that refer to a named one.
func testsOf(named, tests, all []Project) ([]Project, error) {
	var chosen []Project
	for _, t := range tests {
		if slices.ContainsFunc(named, func(p Project) bool { return p.Path == t.Path }) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, t := range tests {
		refers := func(p Project) bool {
			return slices.ContainsFunc(named, func(q Project) bool { return p.Path == q.Path })
		}
		if slices.ContainsFunc(t.closure(all), refers) {
			chosen = append(chosen, t)
		}
	}
	if len(chosen) == 0 {
		return nil, &NoTestsError{fmt.Sprintf("no test project refers to %s; there are tests in: %s", names(named), names(tests))}
	}
	return chosen, nil
}

// PlatformByGlobalJSON says whether the text of global.json makes Microsoft.Testing.Platform the runner of all tests that can
// be run by it.
func PlatformByGlobalJSON(text string) (bool, error) {
	if strings.TrimSpace(text) == "" {
		return false, nil
	}
	var file struct {
		Test struct {
			Runner string `json:"runner"`
		} `json:"test"`
	}
	if err := json.Unmarshal(withoutComments(text), &file); err != nil {
		return false, fmt.Errorf("reading global.json: %w", err)
	}
	return strings.EqualFold(file.Test.Runner, string(TestingPlatform)), nil
}

// TestRunner says what runs the project's tests, of which it was said after the restore what it is; "" where it is no test
// project. A project that both could run is VSTest's unless it or global.json chooses the other, as for `dotnet test`.
func (p Project) TestRunner(platformByGlobalJSON bool) Runner {
	chosen := slices.ContainsFunc([]string{"TestingPlatformDotnetTestSupport", "UseMicrosoftTestingPlatformRunner", "EnableMSTestRunner", "EnableNUnitRunner"}, p.is)
	switch {
	case p.is("IsTestingPlatformApplication") && (chosen || platformByGlobalJSON || !p.is("IsTestProject")):
		return TestingPlatform
	case p.is("IsTestProject"):
		return VSTest
	}
	return ""
}

// TestFramework is what is asked of MSBuild at once: projects of one target framework, by path. Name is "" for those that have one
// alone, whichever it is.
type TestFramework struct {
	Name     string
	Projects []string
}

// TestFrameworks groups test projects by the frameworks that they are tested for: all of theirs, or the one that the caller asks
// for of those that have it.
func TestFrameworks(tests []Project, wanted string) ([]TestFramework, error) {
	var groups []TestFramework
	add := func(name, project string) {
		i := slices.IndexFunc(groups, func(g TestFramework) bool { return g.Name == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, TestFramework{Name: name})
		}
		groups[i].Projects = append(groups[i].Projects, project)
	}
	for _, t := range tests {
		several := t.Frameworks()
		if len(several) == 0 && (wanted == "" || wanted == t.Properties["TargetFramework"]) {
			add("", t.Path)
		}
		for _, framework := range several {
			if wanted == "" || wanted == framework {
				add(framework, t.Path)
			}
		}
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("looking for tests: no test project targets %s: %s", wanted, names(tests))
	}
	return groups, nil
}

// TestSDK gives the tag of the SDK image that builds all the tests, where the newest LTS cannot; "" where it can.
func TestSDK(tests []Project) string {
	tag := ""
	for _, t := range tests {
		if wanted := SDKFor(t); tag == "" || newer(wanted, tag) {
			tag = wanted
		}
	}
	return tag
}

// TestRuntime names the image, below the base registry, whose .NET runs the suites where the SDK image's is of another
// platform: of the newest framework among them, with ASP.NET Core.
func TestRuntime(suites []TestSuite) string {
	version := ""
	for _, s := range suites {
		if v := s.Project.FrameworkVersion(); version == "" || newer(v, version) {
			version = v
		}
	}
	return "dotnet/aspnet:" + version
}
