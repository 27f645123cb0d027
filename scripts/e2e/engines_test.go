//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// freshEngine starts an engine that takes nothing over from that of the other tests but its programs and its Go SDK: its state, the
// base images and the registry are new. It answers by tcp, as one in a cluster does. The environment leads scripts/dagger-local to it.
func freshEngine(t *testing.T) (env []string, address string) {
	t.Helper()
	fresh := t.TempDir()
	switch r := run(t, nil, filepath.Join(root(t), "scripts", "local", "take-programs.sh"), fresh); r.code {
	case 0:
	case 3:
		t.Skip(r.stderr)
	default:
		t.Fatalf("code %d\n%s", r.code, r.stderr)
	}
	address = "tcp://" + freePort(t)
	return []string{"XDG_CACHE_HOME=" + fresh, "DOTNET_MULTIARCH_ENGINE_LISTEN=" + address}, address
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestEnginesGiveOneDigestAndLoseNoTag has three clients push to one repository at once, each a tag of its own: two by tcp through
// a fresh engine, one through the engine of the other tests.
func TestEnginesGiveOneDigestAndLoseNoTag(t *testing.T) {
	t.Parallel()
	want, _ := push(t, nil, []string{"--image", repository(t)})
	sdk := local(t, "SDK_IMAGE")
	if sdk == "" {
		sdk = local(t, "BASE_REGISTRY") + "/dotnet/sdk:10.0"
	}
	env, address := freshEngine(t)
	tool := filepath.Join(root(t), "scripts", "dagger-local")
	defer func() { run(t, env, tool, "clean") }()
	r := run(t, env, tool, "up")
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	if steps := held(t, env, tool); steps > few {
		t.Fatalf("it is no fresh engine: it holds %d steps", steps)
	}
	network := networkOf(t, r.stdout)
	network.flush(t)
	if r := run(t, env, tool, "up"); r.code != 0 { // makes again what something else has flushed
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	fresh := run(t, env, "bash", "-c", `eval "$("$0" env)"; echo "$DOTNET_MULTIARCH_REGISTRY"`, tool)
	registry := strings.TrimPrefix(strings.TrimSpace(fresh.stdout), "tcp://")
	image := registry + "/shop/app"
	deed := func(tag string) []string {
		return []string{"build-and-push", "--format", "json", "--image", image, "--tag", tag}
	}
	remotely := func(tag string) result {
		script := `eval "$("$0" env)"; _EXPERIMENTAL_DAGGER_RUNNER_HOST=` + address + ` exec dagger --progress=plain call "$@"`
		return run(t, env, "bash", append([]string{"-c", script, tool}, deed(tag)...)...)
	}
	locally := func(tag string) result {
		app := []string{"--progress=plain", "call", "--registry", "tcp://" + registry, "--base-registry", registry, "--sdk-image", sdk}
		return dagger(t, append(app, deed(tag)...)...)
	}

	results := map[string]result{}
	var lock sync.Mutex
	var clients sync.WaitGroup
	for tag, client := range map[string]func(string) result{"one": remotely, "two": remotely, "three": locally} {
		clients.Go(func() {
			r := client(tag)
			lock.Lock()
			defer lock.Unlock()
			results[tag] = r
		})
	}
	clients.Wait()

	for tag, r := range results {
		if r.code != 0 {
			t.Errorf("%s: code %d\n%s", tag, r.code, tail(r.stderr))
			continue
		}
		var got publication
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatal(err)
		}
		if got.Digest != want.Digest {
			t.Errorf("%s: digest %s, want %s", tag, got.Digest, want.Digest)
		}
		ref, err := name.ParseReference(fmt.Sprintf("%s:%s", image, tag))
		if err != nil {
			t.Fatal(err)
		}
		if there, err := remote.Head(ref); err != nil || there.Digest.String() != want.Digest {
			t.Errorf("%s: %v, %v", ref, there, err)
		}
	}
	if steps := held(t, env, tool); steps <= few {
		t.Errorf("the engine behind %s holds %d steps after two builds: what is counted are no steps", address, steps)
	}
	network.isDaggers(t)
	if rules := network.rules(t); len(rules) != 3 {
		t.Errorf("want three firewall rules for all containers, got\n%s", strings.Join(rules, "\n"))
	}
	if r := run(t, env, tool, "stop"); r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	if rules := network.rules(t); len(rules) != 0 {
		t.Errorf("left after the engine's end:\n%s", strings.Join(rules, "\n"))
	}
}

// few is more than an engine holds that has only started.
const few = 20

// held is how many steps an engine holds. What two clients print who wait for the same step does not tell whether it ran, since its
// lines may reach neither.
func held(t *testing.T, env []string, tool string) int {
	t.Helper()
	r := run(t, env, "bash", "-c", `eval "$("$0" env)"; exec dagger core engine local-cache entry-set entry-count`, tool)
	steps, err := strconv.Atoi(strings.TrimSpace(r.stdout))
	if err != nil {
		t.Fatalf("code %d, %v\n%s", r.code, err, tail(r.stderr))
	}
	return steps
}

// engineNetwork is an engine's, on this machine.
type engineNetwork struct{ name, root string }

// networkOf reads it from what dagger-local up prints of the engine.
func networkOf(t *testing.T, status string) engineNetwork {
	t.Helper()
	process := regexp.MustCompile(`process (\d+)`).FindStringSubmatch(status)
	if process == nil {
		t.Fatalf("no process in\n%s", status)
	}
	line, err := os.ReadFile(filepath.Join("/proc", process[1], "cmdline"))
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Split(string(line), "\x00")
	at := slices.Index(args, "--network-name")
	if at < 0 {
		t.Fatalf("no network in %q", args)
	}
	return engineNetwork{name: args[at+1], root: filepath.Join("/proc", process[1], "root")}
}

// rules are those of iptables that name the network.
func (n engineNetwork) rules(t *testing.T) (rules []string) {
	t.Helper()
	for line := range strings.Lines(must(t, "iptables-save")) {
		if strings.HasPrefix(line, "-A ") && strings.Contains(line, n.name) {
			rules = append(rules, strings.TrimSpace(line))
		}
	}
	return rules
}

// flush deletes a rule of the network, as a restart of the machine's firewall would all.
func (n engineNetwork) flush(t *testing.T) {
	t.Helper()
	const forward = "-A FORWARD "
	rules := n.rules(t)
	at := slices.IndexFunc(rules, func(rule string) bool { return strings.HasPrefix(rule, forward) })
	if at < 0 {
		t.Fatalf("no rule that lets containers out in\n%s", strings.Join(rules, "\n"))
	}
	must(t, "iptables", strings.Fields("--wait -D FORWARD "+strings.TrimPrefix(rules[at], forward))...)
}

// isDaggers compares what the engine is told of its network with what Dagger would say, which it writes down all the same: the
// rules of the firewall are all that we leave out.
func (n engineNetwork) isDaggers(t *testing.T) {
	t.Helper()
	read := func(file string) (config map[string]any) {
		text, err := os.ReadFile(filepath.Join(n.root, file))
		if err == nil {
			err = json.Unmarshal(text, &config)
		}
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	want := read("/run/containers/cni/dnsname/" + n.name + "/cni.conflist")
	plugins := slices.DeleteFunc(want["plugins"].([]any), func(p any) bool {
		delete(p.(map[string]any), "ipMasq")
		return p.(map[string]any)["type"] == "firewall"
	})
	want["plugins"] = plugins
	if got := read("/run/dotnet-multiarch/config/network.conflist"); !reflect.DeepEqual(got, want) {
		t.Errorf("the engine's network is\n%v\nwant\n%v", got, want)
	}
}

// TestAnEngineInAPodIsReachedByKubectl has Dagger's client find the engine as docs/kubernetes.md says. The kubectl of the test takes
// the one command that kube-pod-access.yaml allows, and does what the pod would: it runs Dagger's dial-stdio, there called buildctl.
func TestAnEngineInAPodIsReachedByKubectl(t *testing.T) {
	t.Parallel()
	socket := regexp.MustCompile(`_EXPERIMENTAL_DAGGER_RUNNER_HOST='(unix://[^']+)'`).FindStringSubmatch(localEnvironment(t, nil))
	if socket == nil {
		t.Skip("scripts/dagger uses an engine that has no socket here")
	}
	folder := t.TempDir()
	// The flags are those of the engine's build, whose packages are not compiled again then.
	build := exec.Command("go", "build", "-trimpath", "-gcflags=all=-dwarf=false",
		"-o", filepath.Join(folder, "dial-stdio"), "github.com/dagger/dagger/cmd/dialstdio")
	build.Dir = filepath.Join(root(t), "scripts", "local", "daggerengine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kubectl := `#!/bin/sh
if [ "$*" = "--context= --namespace=dagger exec --container= -i dagger-amd64-engine-0 -- buildctl dial-stdio" ]; then
  exec "${0%/*}/dial-stdio" --addr "` + socket[1] + `"
fi
echo "$*" >"${0%/*}/refused"
kill "$PPID" # it would ask again for ten minutes
exit 1
`
	if err := os.WriteFile(filepath.Join(folder, "kubectl"), []byte(kubectl), 0o755); err != nil {
		t.Fatal(err)
	}
	call := func(pod string) result {
		script := `eval "$("$0" env)"; PATH=$1:$PATH _EXPERIMENTAL_DAGGER_RUNNER_HOST=$2 exec dagger core version`
		return run(t, nil, "bash", "-c", script, filepath.Join(root(t), "scripts", "dagger-local"), folder, pod)
	}
	if r := call("kube-pod://dagger-amd64-engine-0?namespace=dagger"); r.code != 0 || !strings.HasPrefix(r.stdout, "v") {
		t.Errorf("code %d, %q\n%s", r.code, r.stdout, tail(r.stderr))
	}
	refused := filepath.Join(folder, "refused")
	if command, err := os.ReadFile(refused); err == nil {
		t.Errorf("the role does not allow kubectl %s", command)
	}
	if r := call("kube-pod://postgres-0?namespace=dagger"); r.code == 0 {
		t.Error("another pod was reached")
	}
	if command, err := os.ReadFile(refused); err != nil || !strings.Contains(string(command), "exec --container= -i postgres-0 --") {
		t.Errorf("the refused command was %q, %v", command, err)
	}
}
