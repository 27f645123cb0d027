package kubernetes

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	core "k8s.io/api/core/v1"
)

const docs = "../../docs/kubernetes"

// sets are the files that go together, as docs/kubernetes.md gives them.
var sets = []struct {
	files         []string
	kind, name    string
	architectures []string
	port          int32
	socket        string
}{
	{[]string{"engine.yaml", "amd64.yaml"}, "StatefulSet", "dagger-amd64-engine", []string{"amd64"}, 0, ""},
	{[]string{"engine.yaml", "arm64.yaml"}, "StatefulSet", "dagger-arm64-engine", []string{"arm64"}, 0, ""},
	{[]string{"engine.yaml", "amd64.yaml", "tcp.yaml"}, "StatefulSet", "dagger-amd64-engine", []string{"amd64"}, 1234, ""},
	{[]string{"engine.yaml", "arm64.yaml", "tcp.yaml"}, "StatefulSet", "dagger-arm64-engine", []string{"arm64"}, 1234, ""},
	{[]string{"engine.yaml", "node.yaml"}, "DaemonSet", "dagger-engine", []string{"amd64", "arm64"}, 0, "/run/dagger-dagger"},
}

// daggerModule is the folder of Dagger's sources, of the version that the embedded engine is built from: its chart and the schema of
// engine.json are there.
func daggerModule(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/dagger/dagger")
	cmd.Dir = "../local/daggerengine"
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var module struct{ Dir, Error string }
	if json.Unmarshal(out, &module) != nil || err != nil || module.Error != "" {
		t.Fatalf("fetching Dagger's sources: %v %s\n%s", err, module.Error, errs.String())
	}
	return module.Dir
}

// engineVersion is that of the module, which the engines must have.
func engineVersion(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../dagger.json")
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ EngineVersion string }
	if err := json.Unmarshal(data, &module); err != nil {
		t.Fatal(err)
	}
	return module.EngineVersion
}

func schema(t *testing.T, module string) *jsonschema.Schema {
	t.Helper()
	compiled, err := jsonschema.NewCompiler().Compile(filepath.Join(module, "docs/static/reference/engine.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func paths(names []string) []string {
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(docs, name))
	}
	return files
}

func rendered(t *testing.T, module string, names []string) (Engine, Objects) {
	t.Helper()
	objects, err := Render(filepath.Join(module, "helm/dagger"), paths(names)...)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := objects.Engine()
	if err != nil {
		t.Fatal(err)
	}
	return engine, objects
}

// socket is the folder of the node that has the engine's socket; empty when none has.
func (e Engine) socket() string {
	mount := e.mounted("/run/dagger")
	if mount == nil {
		return ""
	}
	return e.volume(mount.Name).HostPath.Path
}

func TestValuesGiveAnEngineThatTheClusterTakes(t *testing.T) {
	module := daggerModule(t)
	for _, set := range sets {
		t.Run(strings.Join(set.files, "+"), func(t *testing.T) {
			engine, _ := rendered(t, module, set.files)
			if err := engine.Check(engineVersion(t), schema(t, module)); err != nil {
				t.Error(err)
			}
			if engine.Kind != set.kind || engine.Name != set.name {
				t.Errorf("%s %s, want %s %s", engine.Kind, engine.Name, set.kind, set.name)
			}
			if got := engine.Architectures(); !slices.Equal(got, set.architectures) {
				t.Errorf("on nodes of %v, want %v", got, set.architectures)
			}
			var port int32
			for _, p := range engine.Container().Ports {
				port = p.ContainerPort
			}
			if port != set.port {
				t.Errorf("port %d, want %d", port, set.port)
			}
			if got := engine.socket(); got != set.socket {
				t.Errorf("the socket's folder on the node is %q, want %q", got, set.socket)
			}
		})
	}
}

// TestEveryFileIsInASet makes sure that a file which is added is tested.
func TestEveryFileIsInASet(t *testing.T) {
	manifests := []string{"kube-pod-access.yaml", "tcp-access.yaml"}
	for _, set := range sets {
		manifests = append(manifests, set.files...)
	}
	files, err := filepath.Glob(docs + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if !slices.Contains(manifests, filepath.Base(file)) {
			t.Errorf("no test renders %s", file)
		}
	}
}

// TestKubePodAccessReachesTheEnginesAlone compares the names of the role's pods with those that the chart makes.
func TestKubePodAccessReachesTheEnginesAlone(t *testing.T) {
	module := daggerModule(t)
	var pods []string
	for _, set := range sets[:2] {
		engine, _ := rendered(t, module, set.files)
		pods = append(pods, engine.Name+"-0")
	}
	access, err := Read(filepath.Join(docs, "kube-pod-access.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(access.Roles) != 1 || len(access.RoleBindings) != 1 {
		t.Fatalf("%d roles, %d bindings", len(access.Roles), len(access.RoleBindings))
	}
	role, binding := access.Roles[0], access.RoleBindings[0]
	verbs := map[string][]string{}
	for _, rule := range role.Rules {
		if !slices.Equal(rule.ResourceNames, pods) {
			t.Errorf("%v of %v, want of %v", rule.Verbs, rule.ResourceNames, pods)
		}
		for _, resource := range rule.Resources {
			verbs[resource] = append(verbs[resource], rule.Verbs...)
		}
	}
	if !slices.Equal(verbs["pods"], []string{"get"}) || !slices.Equal(verbs["pods/exec"], []string{"get", "create"}) || len(verbs) != 2 {
		t.Errorf("verbs %v", verbs)
	}
	if binding.RoleRef.Name != role.Name || binding.RoleRef.Kind != "Role" || role.Namespace != "dagger" || binding.Namespace != "dagger" {
		t.Errorf("the binding is to %v in %s, the role %s in %s", binding.RoleRef, binding.Namespace, role.Name, role.Namespace)
	}
}

// TestTCPAccessLeadsToTheEngines has the services and the policy select what the chart makes.
func TestTCPAccessLeadsToTheEngines(t *testing.T) {
	module := daggerModule(t)
	access, err := Read(filepath.Join(docs, "tcp-access.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(access.NetworkPolicies) != 1 || len(access.Services) != 2 {
		t.Fatalf("%d policies, %d services", len(access.NetworkPolicies), len(access.Services))
	}
	for at, set := range sets[2:4] {
		engine, _ := rendered(t, module, set.files)
		policy, service := access.NetworkPolicies[0], access.Services[at]
		if !engine.Selects(policy.Spec.PodSelector.MatchLabels) {
			t.Errorf("%s: the policy does not select it", engine.Name)
		}
		if open := policy.Spec.Ingress[0].Ports[0].Port.IntVal; open != set.port {
			t.Errorf("%s: the policy opens port %d", engine.Name, open)
		}
		if !engine.Selects(service.Spec.Selector) || service.Name+"-engine" != engine.Name {
			t.Errorf("%s: the service %s does not select it", engine.Name, service.Name)
		}
		named := func(p core.ContainerPort) bool { return p.Name == service.Spec.Ports[0].TargetPort.StrVal }
		if !slices.ContainsFunc(engine.Container().Ports, named) {
			t.Errorf("%s: no port %s", engine.Name, service.Spec.Ports[0].TargetPort.StrVal)
		}
	}
	other, _ := rendered(t, module, sets[1].files)
	if other.Selects(access.Services[0].Spec.Selector) {
		t.Error("the service of one architecture selects the engine of the other")
	}
}

// TestBadValuesAreRejected lays a bad file over good ones: each must be refused, with the reason.
func TestBadValuesAreRejected(t *testing.T) {
	module := daggerModule(t)
	for _, bad := range []struct{ file, want string }{
		{"misspelt-value.yaml", "the chart knows no value engine.hostPaths"},
		{"misspelt-field.yaml", `unknown field "nodeAffinty"`},
		{"value-twice.yaml", `key "kind" already set`},
		{"two-volumes.yaml", `volume "data" is there 2 times`},
		{"no-volume.yaml", `/var/lib/dagger is mounted from the volume "data", which is not there`},
		{"node-disk.yaml", "/var/lib/dagger is not a volume that the cluster keeps"},
		{"other-version.yaml", "registry.dagger.io/engine:v0.18.0, want that of the module's engine version"},
		{"any-node.yaml", "no node affinity requires kubernetes.io/arch"},
		{"no-memory-limit.yaml", "memory: request 4Gi, limit 0"},
		{"config-key.yaml", "additional properties 'maxUsed' not allowed"},
		{"config-space.yaml", "85 percent"},
		{"config-unbounded.yaml", "does not bound all that the engine keeps"},
		{"config-not-json.yaml", "reading engine.json"},
	} {
		t.Run(bad.file, func(t *testing.T) {
			files := append(paths([]string{"engine.yaml", "amd64.yaml"}), filepath.Join("testdata", bad.file))
			objects, err := Render(filepath.Join(module, "helm/dagger"), files...)
			if err == nil {
				engine, notOne := objects.Engine()
				if notOne != nil {
					t.Fatal(notOne)
				}
				err = engine.Check(engineVersion(t), schema(t, module))
			}
			if err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("error %v, want one with %q", err, bad.want)
			}
		})
	}
}
