package dotnet

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RestoreProjects gives the command that restores projects for no platform in particular, in one run, and what they refer to.
func RestoreProjects(s Settings, projects []Project) []string {
	s.Mode = "" // the app's
	args := []string{"dotnet", "restore", path.Join(ToolsDir, "tests.proj"), "-nologo", "-v:minimal", "-p:RestoreGraphProjectInput=" + list(s.absolute(paths(projects)))}
	if s.Feed {
		args = append(args, "--source", FeedDir)
	}
	if s.ConfigFile {
		args = append(args, "--configfile", ConfigFile)
	}
	if s.LockedMode {
		args = append(args, "--locked-mode")
	}
	return append(append(args, hooks(s)...), testProperties(s)...)
}

// CompileTests gives the command that compiles the suites and what they refer to, in one MSBuild run.
func CompileTests(s Settings, suites []TestSuite) []string {
	s.Mode = ""
	built := make([]string, len(suites))
	for i, suite := range suites {
		built[i] = path.Join(s.Dir(), suite.Project.Path)
		if suite.Framework != "" {
			built[i] += "|" + suite.Framework
		}
	}
	processors := s.Processors
	if processors <= 2 {
		processors = 1 // as for publishing
	}
	args := []string{
		"dotnet", "msbuild", path.Join(ToolsDir, "tests.proj"), "-t:Build", "-nologo", "-v:minimal", "-nodeReuse:false", fmt.Sprintf("-m:%d", processors),
		"-p:DotnetMultiarchTests=" + list(built),
	}
	return append(append(args, hooks(s)...), testProperties(s)...)
}

// testProperties are the same at restore, build and test. PathMap is not among them: coverage looks for the source where the
// symbols say it is.
func testProperties(s Settings) []string {
	// What xunit 3 runs itself with, where the project does not say.
	args := append([]string{"-p:UseMicrosoftTestingPlatformRunner=true"}, userProperties(s)...)
	if !s.History {
		args = append(args, "-p:EnableSourceControlManagerQueries=false", "-p:IncludeSourceRevisionInInformationalVersion=false")
	}
	return args
}

// TestRun is how a suite is run.
type TestRun struct {
	Timeout time.Duration
	// Filter is the caller's, in the runner's own language; "" runs all tests.
	Filter string
	// Foreign runs the tests with EmulatedProgram.
	Foreign bool
}

// RunTests gives the command that runs a suite's tests once and leaves in ResultsDir what the runner wrote: results.trx,
// output.txt, exit-code, and timed-out where the time was up. options are those that a Microsoft.Testing.Platform program says it has.
func RunTests(s Settings, suite TestSuite, run TestRun, options Options) ([]string, error) {
	var command []string
	switch suite.Runner {
	case VSTest:
		if strings.HasPrefix(run.Filter, "/") {
			return nil, fmt.Errorf("testing %s: its runner is %s, in whose language no filter begins with a slash, as --filter %q does: write it so, such as FullyQualifiedName~Orders, or choose other projects with --project", suite.Project.Path, VSTest, run.Filter)
		}
		command = vstest(s, suite, run)
	case TestingPlatform:
		var err error
		if command, err = testProgram(suite, run, options); err != nil {
			return nil, err
		}
	}
	return testScript(run.Timeout, suite, command), nil
}

// vstest goes through the target that `dotnet test` runs, which knows the project's run settings and collectors; the command itself
// means another thing where global.json chooses the other runner.
func vstest(s Settings, suite TestSuite, run TestRun) []string {
	args := []string{
		"dotnet", "msbuild", path.Join(s.Dir(), suite.Project.Path), "-t:VSTest", "-nologo", "-v:minimal", "-nodeReuse:false",
		"-p:VSTestNoBuild=true", "-p:VsTestUseMSBuildOutput=false", "-p:VSTestBlame=true",
		"-p:VSTestResultsDirectory=" + ResultsDir, "-p:VSTestLogger=" + escaped("trx;LogFileName=results.trx"),
	}
	if suite.Framework != "" {
		args = append(args, "-p:TargetFramework="+suite.Framework)
	}
	if collector := suite.Collector(); collector != "" {
		args = append(args, "-p:VSTestCollect="+escaped(collector))
	}
	if run.Filter != "" {
		args = append(args, "-p:VSTestTestCaseFilter="+escaped(run.Filter))
	}
	if run.Foreign {
		args = append(args, "-p:VSTestCLIRunSettings="+escaped("RunConfiguration.DotNetHostPath="+EmulatedProgram()))
	}
	return append(args, testProperties(s)...)
}

// Collector is what VSTest collects coverage with; "" where the project refers to none. Microsoft's own counts only where the
// project itself refers to it: Microsoft.NET.Test.Sdk brings it unasked.
func (t TestSuite) Collector() string {
	for _, known := range [][2]string{{"coverlet.collector", "XPlat Code Coverage"}, {"Microsoft.CodeCoverage", "Code Coverage;Format=cobertura"}} {
		if slices.ContainsFunc(t.Project.Items["PackageReference"], func(name string) bool { return strings.EqualFold(name, known[0]) }) {
			return known[1]
		}
	}
	return ""
}

// escaped writes a text as the value of a property on MSBuild's command line,
// https://learn.microsoft.com/visualstudio/msbuild/msbuild-special-characters
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`%$@'();?*,"`, r) {
			fmt.Fprintf(&b, "%%%02X", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Options are those that a Microsoft.Testing.Platform program has, such as --report-trx.
type Options []string

// TestHelp gives the command whose output ParseOptions reads. A program that is none of the platform's may do anything.
func TestHelp(suite TestSuite) []string {
	return testScript(helpTimeout, suite, []string{"dotnet", "exec", suite.target(), "--help"})
}

// helpTimeout is for a program that runs instead of giving help; one that gives it takes a second.
const helpTimeout = 2 * time.Minute

func testScript(limit time.Duration, suite TestSuite, command []string) []string {
	return append([]string{"sh", path.Join(ToolsDir, "test.sh"), strconv.Itoa(int(limit.Seconds())), string(suite.Runner)}, command...)
}

var optionLine = regexp.MustCompile(`(?m)^\s+(--[a-z][a-z0-9-]*)`)

// ParseOptions reads what a test program says of itself when it is asked for help.
func ParseOptions(help string) Options {
	var o Options
	for _, m := range optionLine.FindAllStringSubmatch(help, -1) {
		o = append(o, m[1])
	}
	return o
}

// Has says whether the program has an option.
func (o Options) Has(name string) bool { return slices.Contains(o, name) }

// WithoutProcesses leaves out the options whose extensions start the program a second time, to watch it from outside: QEMU in
// user mode runs one process, and the kernel cannot start another of a foreign platform.
func (o Options) WithoutProcesses() Options {
	return slices.DeleteFunc(slices.Clone(o), func(name string) bool {
		return name == "--report-trx" || strings.HasPrefix(name, "--coverage") || strings.HasPrefix(name, "--coverlet")
	})
}

// TRX says whether the program writes a report.
func (o Options) TRX() bool { return o.Has("--report-trx") || o.Has("--report-xunit-trx") }

// Coverage says whether the program collects coverage.
func (o Options) Coverage() bool { return o.Has("--coverage") || o.Has("--coverlet") }

// target is the assembly that the project compiles to.
func (t TestSuite) target() string { return t.Project.Properties["TargetPath"] }

// Dir is the folder that the tests run in: that of their assembly, as with VSTest.
func (t TestSuite) Dir() string { return path.Dir(t.target()) }

// testProgram asks for what the program has: its extensions decide.
func testProgram(suite TestSuite, run TestRun, options Options) ([]string, error) {
	dotnet := "dotnet"
	if run.Foreign {
		dotnet = EmulatedProgram()
	}
	args := []string{dotnet, "exec", suite.target(), "--results-directory", ResultsDir}
	if len(options) == 0 {
		return nil, fmt.Errorf("testing %s: its program does not answer --help as one of %s does: check that it sets OutputType to Exe", suite.Project.Path, TestingPlatform)
	}
	if run.Foreign {
		options = options.WithoutProcesses()
	}
	for _, wanted := range [][]string{
		{"--no-ansi"}, {"--no-progress"}, {"--output", "Detailed"},
		// What runs when the process dies or hangs is in its log alone, which then must be on disk.
		{"--diagnostic"}, {"--diagnostic-verbosity", "Trace"}, {"--diagnostic-output-directory", ResultsDir},
		{"--diagnostic-synchronous-write"}, {"--diagnostic-filelogger-synchronouswrite"},
		{"--coverage"}, {"--coverage-output-format", "cobertura"}, {"--coverage-output", "coverage.cobertura.xml"},
		{"--coverlet"}, {"--coverlet-output-format", "cobertura"},
	} {
		if options.Has(wanted[0]) {
			args = append(args, wanted...)
		}
	}
	for _, report := range []string{"--report-trx", "--report-xunit-trx"} {
		if options.Has(report) {
			args = append(args, report, report+"-filename", "results.trx")
			break
		}
	}
	if run.Filter == "" {
		return args, nil
	}
	filter, err := filterOption(suite, run.Filter, options)
	return append(args, filter, run.Filter), err
}

// filterOption gives the option that a filter is for: in VSTest's language, or as a path of xunit's or TUnit's query language.
func filterOption(suite TestSuite, filter string, options Options) (string, error) {
	known := []string{"--filter"}
	if strings.HasPrefix(filter, "/") {
		known = []string{"--filter-query", "--treenode-filter"}
	}
	for _, option := range known {
		if options.Has(option) {
			return option, nil
		}
	}
	return "", fmt.Errorf("testing %s: its program has no %s, which --filter %q wants: write the filter in its own language, or choose other projects with --project", suite.Project.Path, strings.Join(known, " or "), filter)
}

// maxRerun is how many tests are run again at most: that many are not flaky, and their names do not fit a command line.
const maxRerun = 100

// Failed is a test that is to run again.
type Failed struct {
	// Class and Method name it, ID is the runner's own name; "" where it has none.
	Class, Method, ID string
}

// RerunTests gives the command that runs failed tests again. It may reach more tests than these: rows of the same theory,
// and methods whose name begins alike. The reason says why there is no such command; it is empty where there is one.
func RerunTests(s Settings, suite TestSuite, run TestRun, options Options, failed []Failed) (command []string, reason string, err error) {
	if len(failed) > maxRerun {
		return nil, fmt.Sprintf("%d tests failed, too many to be run again", len(failed)), nil
	}
	run.Filter = ""
	ids, clauses := []string{}, []string{}
	for _, f := range failed {
		if f.ID != "" {
			ids = append(ids, f.ID)
		}
		if f.Method != "" {
			clauses = append(clauses, "FullyQualifiedName~"+f.Class+"."+f.Method)
		}
	}
	slices.Sort(clauses)
	clauses = slices.Compact(clauses)
	byName := len(clauses) > 0 && (suite.Runner == VSTest || options.Has("--filter"))
	switch {
	case suite.Runner == TestingPlatform && options.Has("--filter-uid") && len(ids) == len(failed):
		command, err = RunTests(s, suite, run, options)
		command = append(append(command, "--filter-uid"), ids...)
	case byName:
		run.Filter = strings.Join(clauses, "|")
		command, err = RunTests(s, suite, run, options)
	default:
		reason = "its runner names no test that could be run again"
	}
	return command, reason, err
}

func paths(projects []Project) []string {
	list := make([]string, len(projects))
	for i, p := range projects {
		list[i] = p.Path
	}
	return list
}
