//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/cifile"
)

// findings are what the provider's own tools, and the rules of this project, have against the files of a checkout.
func (p *pipeline) findings(t *testing.T, provider string) string {
	t.Helper()
	switch provider {
	case "github":
		text, err := os.ReadFile(filepath.Join(p.dir, workflow))
		if err != nil {
			t.Fatal(err)
		}
		found := p.execute(t, nil, pipelineTool(t, "ACTIONLINT", "actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", workflow).log
		for _, action := range unpinned(string(text)) {
			found += "no commit pins the action " + action + "\n"
		}
		if strings.Contains(string(text), "ACTIONS_ID_TOKEN_REQUEST_URL") && !permitsIdentity(t, string(text)) {
			found += "the job asks for an identity token without id-token: write\n"
		}
		return found
	case "gitlab":
		if o := p.gitlab(t, "--list"); o.code != 0 {
			return o.log
		}
		return ""
	}
	modules, schema := pipelineTool(t, "PIPELINE_NODE_MODULES", "azure-pipelines-language-service"), os.Getenv("AZURE_PIPELINES_SCHEMA")
	if schema == "" {
		t.Skip("the schema of Azure Pipelines is not here: AZURE_PIPELINES_SCHEMA names the service-schema.json of Microsoft's extension azure-pipelines for VS Code")
	}
	o := p.execute(t, nil, "node", filepath.Join(root(t), "scripts", "e2e", "testdata", "pipelines", "validate-azure.js"), modules, schema, "azure-pipelines.yml")
	if o.code != 0 && o.log == "" {
		t.Fatalf("the validation ended with code %d and says nothing", o.code)
	}
	return o.log
}

func TestThePipelineFilesAreValid(t *testing.T) {
	t.Parallel()
	password, none := shop, shop
	password.Role, password.Image = "", "ghcr.io/shop/api"
	none.Role, none.Image, none.Require = "", "localhost:5001/api", nil
	for name, app := range map[string]cifile.App{"role": shop, "password": password, "none": none} {
		eachProvider(t, func(t *testing.T, provider string) {
			if found := provided(t, app).findings(t, provider); found != "" {
				t.Errorf("%s:\n%s", name, found)
			}
		})
	}
	t.Run("forms", func(t *testing.T) {
		eachProvider(t, func(t *testing.T, provider string) {
			p := &pipeline{dir: t.TempDir(), event: "push"}
			forms, err := cifile.Reusable()
			if err != nil {
				t.Fatal(err)
			}
			write(t, p.dir, map[string]string{
				workflow: short[workflow], "templates/build-and-push.yml": forms["templates/build-and-push.yml"], ".gitlab-ci.yml": short[".gitlab-ci.yml"],
				"azure-pipelines.yml": forms["templates/azure/build-and-push.yml"],
			})
			p.commit(t)
			if found := p.findings(t, provider); found != "" {
				t.Error(found)
			}
			if found := unpinned(forms["action.yml"]); len(found) > 0 {
				t.Errorf("no commit pins %q", found)
			}
		})
	})
}

// TestABadPipelineFileIsRefused: each is the right file but for one slip.
func TestABadPipelineFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, provider, file, from, to, says string }{
		{"misspelt key", "github", workflow, "timeout-minutes:", "timeout-minute:", `unexpected key "timeout-minute"`},
		{"misspelt permission", "github", workflow, "id-token: write", "id-tokn: write", `unknown permission scope "id-tokn"`},
		{"unknown context", "github", workflow, "github.run_attempt", "github.attempt", `property "attempt" is not defined`},
		{"unpinned action", "github", workflow, "@d23441a48e516b6c34aea4fa41551a30e30af803", "@v6", "no commit pins the action actions/checkout@v6"},
		{"missing id-token", "github", workflow, "      id-token: write\n", "", "without id-token: write"},
		{"misspelt key", "gitlab", ".gitlab-ci.yml", "artifacts:", "artefacts:", "artefacts"},
		{"wrong value", "gitlab", ".gitlab-ci.yml", "when: always", "when: alway", "alway"},
		{"misspelt key", "azure", "azure-pipelines.yml", "timeoutInMinutes", "timeoutMinutes", "Unexpected property timeoutMinutes"},
		{"wrong task input", "azure", "azure-pipelines.yml", "testResultsFormat", "testResultFormat", "Unexpected property testResultFormat"},
		{"wrong value of an input", "azure", "azure-pipelines.yml", "testResultsFormat: VSTest", "testResultsFormat: TRX", "Value is not accepted"},
		{"unknown task", "azure", "azure-pipelines.yml", "Cache@2", "Cache@99", "does not match"},
	} {
		t.Run(c.provider+" "+c.name, func(t *testing.T) {
			p := provided(t, shop)
			edit(t, filepath.Join(p.dir, c.file), c.from, c.to)
			if found := p.findings(t, c.provider); !strings.Contains(found, c.says) {
				t.Errorf("want %q in\n%s", c.says, found)
			}
		})
	}
}

// A job that may not ask for an identity does not get as far as the push.
func TestWithoutIDTokenPermissionTheJobSaysWhatItWants(t *testing.T) {
	t.Parallel()
	p := provided(t, shop)
	edit(t, filepath.Join(p.dir, workflow), "      id-token: write\n", "")
	o := p.recorded(t, runners["github"], nil)
	sameCalls(t, o, shopCalls{"false"}.list()[:2])
	if o.code == 0 || !strings.Contains(o.log, "the job wants permissions: id-token: write") {
		t.Errorf("code %d\n%s", o.code, tail(o.log))
	}
}

// TestDaggerIsInstalledByItsOwnScript runs the step that makes dagger available, with Dagger's real script and a web that is
// played by a program in the place of curl.
func TestDaggerIsInstalledByItsOwnScript(t *testing.T) {
	t.Parallel()
	module := run(t, []string{"GOFLAGS=", "GOWORK=off"}, "go", "-C", "scripts/local/daggerengine", "list", "-m", "-f", "{{.Dir}}", "github.com/dagger/dagger")
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(module.stdout), "install.sh"))
	if err != nil {
		t.Fatalf("%v\n%s", err, module.stderr)
	}
	archive := released(t)
	sum := sha256.Sum256(archive)
	checksums := hex.EncodeToString(sum[:]) + "  dagger_v0.19.10_linux_amd64.tar.gz\n" + hex.EncodeToString(sum[:]) + "  dagger_v0.19.10_linux_arm64.tar.gz\n"
	for name, c := range map[string]struct {
		script, checksums string
		code              bool
	}{
		"all is well":         {string(script), checksums, true},
		"another script":      {"echo taken over\n" + string(script), checksums, false},
		"another archive":     {string(script), strings.Replace(checksums, checksums[:4], "0000", 2), false},
		"no checksum of it":   {string(script), "", false},
		"the web is not here": {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, web := provided(t, shop), t.TempDir()
			write(t, web, map[string]string{"install.sh": c.script, "checksums.txt": c.checksums, "archive": string(archive), "bin/curl": strings.ReplaceAll(webCurl, "WEB", web)})
			if err := os.Chmod(filepath.Join(web, "bin", "curl"), 0o755); err != nil {
				t.Fatal(err)
			}
			var file struct{ Jobs []struct{ Steps []step } }
			readYAML(t, filepath.Join(p.dir, "azure-pipelines.yml"), &file)
			o := p.execute(t, []string{"PATH=" + filepath.Join(web, "bin") + ":" + os.Getenv("PATH"), "CI=true"}, "bash", "-c", file.Jobs[0].Steps[2].Bash)
			installed := strings.Contains(o.log, "dagger of the archive")
			if installed != c.code || (o.code == 0) != c.code || strings.Contains(o.log, "taken over") {
				t.Errorf("code %d, installed %v\n%s", o.code, installed, o.log)
			}
		})
	}
}

// webCurl gives the files that Dagger's script and the step ask for, whatever their options.
const webCurl = `#!/bin/sh
out=
while [ $# -gt 0 ]; do
  case $1 in -o) out=$2; shift ;; http*) url=$1 ;; esac
  shift
done
case $url in
  https://raw.githubusercontent.com/dagger/dagger/v0.19.10/install.sh) from=WEB/install.sh ;;
  https://dl.dagger.io/dagger/releases/0.19.10/dagger_v0.19.10_linux_*.tar.gz) from=WEB/archive ;;
  https://dl.dagger.io/dagger/releases/0.19.10/checksums.txt) from=WEB/checksums.txt ;;
  *) exit 22 ;;
esac
[ -s "$from" ] || exit 22
if [ -n "$out" ]; then cp "$from" "$out"; else cat "$from"; fi
case "$from" in *archive|*checksums.txt) printf 200 ;; esac
`

// released is an archive as Dagger releases them.
func released(t *testing.T) []byte {
	t.Helper()
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	writer := tar.NewWriter(compressed)
	program := "#!/bin/sh\necho dagger of the archive\n"
	if err := writer.WriteHeader(&tar.Header{Name: "dagger", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(writer, program)
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
