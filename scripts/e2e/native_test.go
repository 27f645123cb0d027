//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// doctored is the worker with a step that lays the x64 library into the arm64 files, as a package with a wrong asset does.
func doctored(t *testing.T) string {
	t.Helper()
	source := t.TempDir()
	if err := os.CopyFS(source, os.DirFS(filepath.Join("testdata", "worker"))); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(source, "Worker.csproj"), "</Project>", `
  <Target Name="Doctor" AfterTargets="Publish" Condition="'$(RuntimeIdentifier)' == 'linux-arm64'">
    <ItemGroup><_Wrong Include="$(NuGetPackageRoot)**/linux-x64/native/libe_sqlite3.so" /></ItemGroup>
    <Copy SourceFiles="@(_Wrong)" DestinationFolder="$(PublishDir)" />
  </Target>
</Project>`)
	return source
}

// TestAForeignLibraryIsRefused before anything is pushed, naming the file and the package, and goes through where it is allowed.
func TestAForeignLibraryIsRefused(t *testing.T) {
	needsDotnet10(t)
	source, image := doctored(t), repository(t)
	r := dagger(t, "--progress=plain", "call", "--source", source, "build-and-push", "--image", image)
	message := finalError(r.stderr)
	for _, says := range []string{"linux/arm64: libe_sqlite3.so (package SQLitePCLRaw.lib.e_sqlite3 ", ") is for amd64", "--allow-foreign 'libe_sqlite3.so'"} {
		if r.code == 0 || !strings.Contains(message, says) {
			t.Errorf("code %d, and no %q in\n%s", r.code, says, message)
		}
	}
	if tagged(t, image+":latest") {
		t.Error("it is tagged all the same")
	}
	push(t, []string{"--source", source, "--allow-foreign", "libe_sqlite3.so"}, []string{"--image", image})
}
