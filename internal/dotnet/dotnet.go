// Package dotnet knows how a .NET source tree is built: which of its files decide a restore, which project is the app,
// which command lines restore it, compile its libraries and publish it for every runtime identifier in one MSBuild run,
// and what the build says of itself.
//
// The package runs nothing. It gives the commands and reads what they wrote; the caller has a container to run them in.
package dotnet

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

// Where things lie in the build container.
const (
	InputFile  = "/opt/dotnet-multiarch-input"
	ToolsDir   = "/opt/dotnet-multiarch"
	FeedDir    = "/opt/dotnet-multiarch-feed"
	ConfigFile = "/run/secrets/nuget.config"
	FactsDir   = "/facts"
	PublishDir = "/publish"
	// SymbolsDir holds what a debugger needs and the image does not: the .dbg files of Native AOT, by identifier.
	SymbolsDir = "/symbols"
	// AssetsDir holds what the packages of the app have for every identifier, in IDENTIFIER.json, for ParseAssets.
	AssetsDir = "/assets"
)

// DefaultSourceDir is where the source lies in the build container. Nothing that the compiler writes down depends on it:
// PathMap shows every path as if it began here.
const DefaultSourceDir = "/src"

//go:embed msbuild
var msbuildFiles embed.FS

// ToolFiles gives the MSBuild files that belong in ToolsDir, by name.
func ToolFiles() map[string]string {
	entries, err := msbuildFiles.ReadDir("msbuild")
	if err != nil {
		panic(err) // embedded: it cannot be missing
	}
	files := map[string]string{}
	for _, e := range entries {
		content, err := msbuildFiles.ReadFile(path.Join("msbuild", e.Name()))
		if err != nil {
			panic(err)
		}
		files[e.Name()] = string(content)
	}
	return files
}

// Settings are the caller's choices about the build. Empty means: what the project says.
type Settings struct {
	Configuration string
	Framework     string
	Mode          Mode
	// Property holds extra MSBuild properties in MSBuild's own form, "A=1;B=2"; %3B is a semicolon in a value, %2C a comma.
	Property string
	// SourceDir is where the source lies in the build container, absolute; "" is DefaultSourceDir.
	SourceDir string
	// LockedMode fails a restore that would change packages.lock.json.
	LockedMode bool
	// ConfigFile says that the restore reads the nuget.config in ConfigFile instead of the source's.
	ConfigFile bool
	// Feed says that packages come from FeedDir and from nowhere else.
	Feed bool
	// History says that the source has its .git, and that versions may be taken from it.
	History bool
	// Processors is the number of processors of the build machine: how many projects may be built side by side.
	Processors int
}

// Validate reports a setting that MSBuild would not understand or would misread.
func (s Settings) Validate() error {
	if _, err := ParseMode(string(s.Mode)); err != nil {
		return err
	}
	for part := range strings.SplitSeq(s.Property, ";") {
		name, _, found := strings.Cut(part, "=")
		if part != "" && (!found || strings.TrimSpace(name) == "" || strings.ContainsAny(name, " \t")) {
			return fmt.Errorf("reading property %q: want Name=Value, several separated by semicolons (%%3B for a semicolon in a value)", part)
		}
	}
	if s.SourceDir != "" && (!path.IsAbs(s.SourceDir) || path.Clean(s.SourceDir) == "/" || strings.ContainsAny(s.SourceDir, ";,= \t\"'")) {
		return fmt.Errorf("reading source path %q: want an absolute folder of the build container without spaces, such as %s", s.SourceDir, DefaultSourceDir)
	}
	for name, value := range map[string]string{"configuration": s.Configuration, "framework": s.Framework} {
		if strings.ContainsAny(value, "; \t\"'") {
			return fmt.Errorf("reading %s %q: one name is wanted, such as %s", name, value, map[string]string{"configuration": "Release", "framework": "net10.0"}[name])
		}
	}
	return nil
}

// Dir is where the source lies in the build container.
func (s Settings) Dir() string {
	if s.SourceDir == "" {
		return DefaultSourceDir
	}
	return path.Clean(s.SourceDir)
}

// Env is the environment of every step, as name and value.
func Env() [][2]string {
	return [][2]string{
		// Short-lived processes lose more to profiling than they win from it: 0.6 times the CPU on ten projects.
		{"DOTNET_TieredPGO", "0"},
		{"DOTNET_CLI_TELEMETRY_OPTOUT", "1"},
		{"DOTNET_NOLOGO", "true"},
		{"DOTNET_GENERATE_ASPNET_CERTIFICATE", "false"},
		{"DOTNET_ADD_GLOBAL_TOOLS_TO_PATH", "false"},
		{"DOTNET_CLI_UI_LANGUAGE", "en-US"},
		{"MSBUILDDISABLENODEREUSE", "1"},
		{"NUGET_XMLDOC_MODE", "skip"},
	}
}

// FeedEnv is the environment of a build that takes packages from a folder: a machine without a feed does not reach the servers
// that tell of revoked certificates either, and waiting for them cost 20 s. Signatures are still verified.
func FeedEnv() [][2]string { return [][2]string{{"NUGET_CERT_REVOCATION_MODE", "offline"}} }

// WithInput gives the command that unpacks InputFile, as package source packs it, over the source's folder and then runs
// the command. It wants a shell, base64, tar and gzip, which every SDK image has.
func WithInput(s Settings, command []string) []string {
	return append([]string{"sh", "-c", `mkdir -p "$0" && base64 -d ` + InputFile + ` | tar -xz -C "$0" && exec "$@"`, s.Dir()}, command...)
}

// Describe gives the command that writes FactsFile for the projects. A project that MSBuild cannot read fails the command,
// and the others are described all the same.
func Describe(s Settings, projects []string) []string {
	return msbuild(s, "Describe",
		"-p:DotnetMultiarchCandidates="+list(s.absolute(projects)),
		"-p:DotnetMultiarchFactsFile="+FactsFile,
		framework(s),
	)
}

// FactsFile is what Describe writes; ParseFacts reads it.
const FactsFile = FactsDir + "/facts.xml"

// Restore gives the command that restores the apps and their libraries for all identifiers at once. Several apps, of which
// each must be Together with the others, are one run of NuGet's.
func Restore(s Settings, apps []Project, identifiers []string) []string {
	args := []string{"dotnet", "restore", path.Join(s.Dir(), apps[0].Path), "-nologo", "-v:minimal"}
	if len(apps) > 1 {
		args = append(args, "-p:RestoreGraphProjectInput="+s.list(apps))
	}
	if s.Feed {
		args = append(args, "--source", FeedDir)
	}
	if s.ConfigFile {
		args = append(args, "--configfile", ConfigFile)
	}
	if s.LockedMode {
		args = append(args, "--locked-mode")
	}
	args = append(args, hooks(s)...)
	args = append(args, "-p:DotnetMultiarchApp="+s.list(apps))
	// The plural property: one restore serves every publish (NETSDK1047 otherwise).
	args = append(args, "-p:RuntimeIdentifiers="+list(identifiers))
	return append(args, properties(s, apps[0])...)
}

// CompileReferences gives the command that compiles the libraries of the apps, exactly as Publish will ask for them.
func CompileReferences(s Settings, apps []Project, identifiers []string) []string {
	return msbuild(s, "CompileReferences", build(s, apps, identifiers)...)
}

// Publish gives the command that publishes the app for every identifier into PublishDir/IDENTIFIER, in one MSBuild run.
// compiled says that CompileReferences has succeeded before.
func Publish(s Settings, app Project, identifiers []string, compiled bool) []string {
	var args []string
	if compiled {
		// Asking each library whether it is up to date took 0.5 s on ten projects.
		args = append(args, "-p:DotnetMultiarchCompiled=true")
	}
	if (compiled || len(app.References()) == 0) && strings.EqualFold(path.Ext(app.Path), ".csproj") {
		// A compiler server does not pay for one compilation of C#. Before the caller's properties, which win.
		args = append(args, "-p:UseSharedCompilation=false")
	}
	return msbuild(s, "Publish", append(args, build(s, []Project{app}, identifiers)...)...)
}

func build(s Settings, apps []Project, identifiers []string) []string {
	args := []string{
		"-p:DotnetMultiarchApp=" + s.list(apps),
		"-p:DotnetMultiarchIdentifiers=" + list(identifiers),
		framework(s),
		"-p:DotnetMultiarchPublishRoot=" + PublishDir,
		"-p:DotnetMultiarchAssetsRoot=" + AssetsDir,
	}
	if apps[0].Mode() == NativeAOT {
		args = append(args, "-p:DotnetMultiarchSymbolsRoot="+SymbolsDir)
	}
	return append(args, properties(s, apps[0])...)
}

// framework is a property of our own, which entry.proj gives to the app alone: TargetFramework itself would override that of
// the libraries too.
func framework(s Settings) string { return "-p:DotnetMultiarchFramework=" + s.Framework }

// msbuild gives a run of entry.proj. What it sets for every project is explained beside each property.
func msbuild(s Settings, target string, args ...string) []string {
	processors := s.Processors
	if processors <= 2 {
		processors = 1 // measured on two processors: a second MSBuild node costs more than it brings
	}
	command := []string{
		"dotnet", "msbuild", path.Join(ToolsDir, "entry.proj"), "-t:" + target,
		"-nologo", "-v:minimal", "-nodeReuse:false", fmt.Sprintf("-m:%d", processors),
		// What `dotnet publish` sets: PublishSelfContained and its kin apply only then.
		"-p:_IsPublishing=true",
	}
	command = append(command, hooks(s)...)
	if target != "Describe" {
		command = append(command,
			// Plural ones in a Directory.Build.props would make libraries compile once for each identifier.
			"-p:RuntimeIdentifiers=",
			"-p:UseCurrentRuntimeIdentifier=false",
			"-p:UseDefaultPublishRuntimeIdentifier=false",
			// The build without identifier compiles the IL that every mode then takes per identifier.
			"-p:AllowReadyToRunWithoutRuntimeIdentifier=true",
			"-p:AllowSelfContainedWithoutRuntimeIdentifier=true",
			"-p:AllowPublishSingleFileWithoutRuntimeIdentifier=true",
			"-p:AllowPublishAotWithoutRuntimeIdentifier=true",
		)
	} else {
		args = append(args, userProperties(s)...)
	}
	return append(command, args...)
}

// hooks gives the properties that import hooks.targets, and mode.targets where a mode is asked for, into every project.
func hooks(s Settings) []string {
	file := path.Join(ToolsDir, "hooks.targets")
	args := []string{"-p:CustomAfterMicrosoftCommonTargets=" + file, "-p:CustomAfterMicrosoftCommonCrossTargetingTargets=" + file}
	if s.Mode != "" {
		args = append(args, "-p:DotnetMultiarchMode="+string(s.Mode), "-p:BeforeMicrosoftNETSdkTargets="+path.Join(ToolsDir, "mode.targets"))
	}
	return args
}

// properties are the same at restore and at publish: a difference would make MSBuild resolve other packs than were
// restored.
func properties(s Settings, app Project) []string {
	args := userProperties(s)
	if !app.SelfContained() && s.Mode == "" {
		// Before .NET 6 a runtime identifier alone makes an app self-contained.
		args = append(args, "-p:SelfContained=false")
	}
	if !s.History {
		// A revision that enters every assembly would give each commit, even an empty one, other layers.
		args = append(args, "-p:EnableSourceControlManagerQueries=false", "-p:IncludeSourceRevisionInInformationalVersion=false")
	}
	return append(args, "-p:PathMap="+s.Dir()+"/="+DefaultSourceDir+"/")
}

func userProperties(s Settings) []string {
	args := []string{"-p:Configuration=" + s.Configuration}
	if s.Property != "" {
		args = append(args, "-p:"+s.Property)
	}
	return args
}

// list quotes a list for MSBuild, which otherwise reads a semicolon as the start of the next property.
func list(items []string) string {
	return `"` + strings.Join(items, ";") + `"`
}

// list gives the paths of projects in the build container, as the value of a property.
func (s Settings) list(projects []Project) string {
	if len(projects) == 1 {
		return path.Join(s.Dir(), projects[0].Path)
	}
	paths := make([]string, len(projects))
	for i, p := range projects {
		paths[i] = p.Path
	}
	return list(s.absolute(paths))
}

func (s Settings) absolute(projects []string) []string {
	paths := make([]string, len(projects))
	for i, p := range projects {
		paths[i] = path.Join(s.Dir(), p)
	}
	return paths
}
