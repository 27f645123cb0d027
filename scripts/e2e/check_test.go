//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
)

// TestCheckOfTheSample runs `dagger check` here, where all is well, and says what could not be looked at.
func TestCheckOfTheSample(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	r := dagger(t, "--progress=plain", "check")
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	for _, says := range []string{
		"built: src/SampleApp.Api/SampleApp.Api.csproj", "30 tests passed", "there is no dagger.lock",
		"azure-pipelines.yml is up to date", ".gitlab-ci.yml is up to date", workflow + " is up to date",
	} {
		if !strings.Contains(r.stderr, "| "+says) {
			t.Errorf("nothing says %q:\n%s", says, tail(r.stderr))
		}
	}
	if !strings.Contains(r.stderr, "the format was not checked: ") && !strings.Contains(r.stderr, "| formatted: SampleApp.sln") {
		t.Errorf("nothing is said of the format:\n%s", tail(r.stderr))
	}
	if !strings.Contains(r.stderr, "the packages were not checked") && !strings.Contains(r.stderr, "| no package is vulnerable or deprecated, as far as is known to http") {
		t.Errorf("nothing is said of the packages:\n%s", tail(r.stderr))
	}
}

// TestCheckSaysWhatIsWrong: a failing test, a warning where warnings are errors, a stale pipeline file and a lock that lacks what is
// built on, in a repository with a .env of its own.
func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	p := realCheckout(t, "github", cifile.App{Image: "ghcr.io/me/app", Source: "sample-app", Require: []string{"test"}})
	app := filepath.Join(p.dir, "sample-app")
	edit(t, filepath.Join(app, "tests", "SampleApp.Tests", "PrimeSieveTests.cs"), "InlineData(10, 4, 7)", "InlineData(10, 4, 9)")
	// Nothing but the check makes an error of the warning.
	edit(t, filepath.Join(app, "Directory.Build.props"), "<TreatWarningsAsErrors>true<", "<TreatWarningsAsErrors>false<")
	edit(t, filepath.Join(app, "src", "SampleApp.Core", "PrimeCount.cs"), "Count = count;", "int unused;\n            Count = count;")
	edit(t, filepath.Join(p.dir, workflow), "timeout-minutes: 30", "timeout-minutes: 40")
	write(t, app, map[string]string{"dagger.lock": `[["version","2"]]`})
	env := filepath.Join(p.dir, ".env")
	text, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.dir, map[string]string{".env": string(text) + "dotnet_multiarch_source=sample-app\ndotnet_multiarch_checkPipelines_repository=.\ndotnet_multiarch_checkBuild_warningsAsErrors=true\n"})
	r := runIn(t, p.dir, nil, filepath.Join(root(t), "scripts", "dagger"), "--progress=plain", "-m", root(t), "check", "check-build", "check-tests", "check-pipelines", "check-bases")
	for _, says := range []string{
		"src/SampleApp.Core/PrimeCount.cs(8,17): error CS0168: The variable 'unused' is declared but never used",
		"testing: 1 of 30 tests failed", "tests/SampleApp.Tests/PrimeSieveTests.cs:23",
		`checking ` + workflow + `: line 21 is "    timeout-minutes: 40" and should be "    timeout-minutes: 30": write it again: dagger call ci-file --provider github --image ghcr.io/me/app`,
		"dagger.lock is behind:", "checkBuild ERROR", "checkTests ERROR", "checkPipelines ERROR", "checkBases ERROR",
	} {
		if !strings.Contains(r.stderr, says) {
			t.Errorf("nothing says %q:\n%s", says, tail(r.stderr))
		}
	}
	if r.code != 1 {
		t.Errorf("code %d", r.code)
	}
}
