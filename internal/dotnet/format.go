package dotnet

import "path"

// FormatVersion gives the command that succeeds where the SDK has `dotnet format`, and ends with code 1 elsewhere: the SDK's own code
// is 129 there, which Dagger takes for a signal's.
func FormatVersion() []string { return []string{"sh", "-c", "dotnet format --version || exit 1"} }

// FormatTargets are what `dotnet format` is run on: the solution at the root of the source, else every project.
func FormatTargets(all []Project, files []string) []string {
	if solution := RootSolution(files); solution != "" {
		return []string{solution}
	}
	return paths(all)
}

// VerifyFormat gives the command that fails, and names file and line, where a restored project or solution is not formatted
// as its .editorconfig has it.
func VerifyFormat(s Settings, target string) []string {
	return []string{"dotnet", "format", path.Join(s.Dir(), target), "--verify-no-changes", "--no-restore"}
}

// WithWarningsAsErrors adds to a property string, as Settings has it, that every warning is an error: the compiler's and NuGet's by
// the one property, MSBuild's own by the other.
func WithWarningsAsErrors(property string) string {
	const strict = "TreatWarningsAsErrors=true;MSBuildTreatWarningsAsErrors=true"
	if property == "" {
		return strict
	}
	return property + ";" + strict
}
