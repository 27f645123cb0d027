package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/programs"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

// searchPath is the engine's PATH: its own folder, then the machine's. An
// ordinary user's PATH may lack the folders of system programs.
const searchPath = RunDir + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Start starts the engine and waits until it answers. port is the registry's. The
// caller holds the cache's lock; binaries and SDK are there.
func (e Engine) Start(ctx context.Context, port int) (err error) {
	e.Listen = e.listen() // the record that says it goes with the engine that is stopped
	if err := e.Stop(); err != nil {
		return err
	}
	key, err := e.key(port)
	if err != nil {
		return err
	}
	network, err := e.network()
	if err != nil {
		return err
	}
	if err := e.layOut(port, network); err != nil {
		return fmt.Errorf("laying out the engine's folder: %w", err)
	}
	defer func() { // a table of rules may be there when the next is refused
		if err != nil {
			err = errors.Join(err, removeRules(e.Cache.ID))
		}
	}()
	if err := addRules(e.Cache.ID, network); err != nil {
		return err
	}
	argv, env, err := e.command(network)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	process, err := daemon.Start(daemon.Spec{
		What:    "starting the Dagger engine",
		Args:    append([]string{self, RunCommand, e.Cache.Dir, key, e.Listen}, argv...),
		Env:     env,
		Log:     e.Cache.Log("engine"),
		Isolate: isolate,
	})
	if err != nil {
		return explainPermission(err)
	}
	return process.Await(ctx, time.Minute, e.answers)
}

// explainPermission is for root in a container, which is not the machine's root.
func explainPermission(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; the engine must mount file systems: in a container that takes --privileged", err)
}

// layOut makes the folder that the engine sees as RunDir.
func (e Engine) layOut(port int, network netip.Prefix) error {
	root := e.root()
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "cni", "config", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := e.link(root); err != nil {
		return err
	}
	config, err := engineConfig(port)
	if err != nil {
		return err
	}
	plugins, err := pluginConfig(e.Cache.ID, network, firewalld())
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"engine.json": config, "engine.toml": []byte(workerConfig), "network.conflist": plugins} {
		if err := os.WriteFile(filepath.Join(root, "config", name), content, 0o644); err != nil {
			return err
		}
	}
	if len(filepath.Join(root, "engine.sock")) <= maxSocket {
		return nil
	}
	if err := os.RemoveAll(e.shortcut()); err != nil {
		return err
	}
	return os.Symlink(root, e.shortcut())
}

func (e Engine) link(root string) error {
	bin, err := e.Bin()
	if err != nil {
		return err
	}
	sdk, err := e.sdk()
	if err != nil {
		return err
	}
	links := map[string]string{
		"bin/dagger-init": filepath.Join(bin, "init"),
		"cni/dnsname":     filepath.Join(bin, "dnsname"),
		"content":         e.Cache.Path("engine", sdk.Folder),
	}
	if links["bin/runc"], err = programs.Find("runc"); err != nil {
		return err
	}
	cni, err := programs.FindCNI()
	if err != nil {
		return err
	}
	for _, plugin := range programs.CNIPlugins {
		links["cni/"+plugin] = filepath.Join(cni, plugin)
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return dnsmasqWrapper(filepath.Join(root, "bin", "dnsmasq"))
}

// dnsmasqWrapper lets the engine's name server bind to its own bridge only. As
// the engine starts it, it would take port 53 of every interface: that is in use
// on a machine with a name server, and by the engine of another cache.
func dnsmasqWrapper(path string) error {
	program, err := programs.Find("dnsmasq")
	if err != nil {
		return err
	}
	script := "#!/bin/sh\nexec " + program + " --bind-dynamic \"$@\"\n"
	return os.WriteFile(path, []byte(script), 0o755)
}

// cachePolicy says how much the engine's cache may hold. Left to itself the
// engine keeps a fifth of the disk free and throws away what was made last: on a
// fuller disk no step survived the minute, and each call built everything again.
var cachePolicy = map[string]any{"all": true, "reservedSpace": "2GB", "maxUsedSpace": "60GB", "minFreeSpace": "3GB"}

// engineConfig makes the loopback registry, which speaks plain HTTP, usable. The
// engine's own choice is to log at level debug: megabytes an hour.
func engineConfig(port int) ([]byte, error) {
	type entry struct {
		HTTP bool `json:"http"`
	}
	return json.MarshalIndent(map[string]any{
		"logLevel":   "info",
		"registries": map[string]entry{registry.Address(port): {HTTP: true}},
		"gc":         map[string]any{"policies": []map[string]any{cachePolicy}},
	}, "", "  ")
}

// network is one of this cache's that nothing else on the machine uses.
func (e Engine) network() (netip.Prefix, error) {
	used, err := usedNetworks(e.Cache.ID)
	if err != nil {
		return netip.Prefix{}, err
	}
	return chooseNetwork(e.Cache.ID, used)
}

func (e Engine) command(network netip.Prefix) (argv, env []string, err error) {
	bin, err := e.Bin()
	if err != nil {
		return nil, nil, err
	}
	sdk, err := e.sdk()
	if err != nil {
		return nil, nil, err
	}
	argv = []string{
		filepath.Join(bin, "engine"),
		"--root", e.state(),
		"--addr", "unix://" + RunDir + "/engine.sock",
		"--network-name", networkName(e.Cache.ID),
		"--network-cidr", network.String(),
		"--config", RunDir + "/config/engine.toml",
	}
	if e.Listen != "" {
		argv = append(argv, "--addr", e.Listen)
	}
	env = append(inherited(os.Environ()),
		"PATH="+searchPath, "HOME="+RunDir, "TMPDIR="+RunDir+"/tmp",
		"DO_NOT_TRACK=1", "DAGGER_GO_SDK_MANIFEST_DIGEST="+sdk.Digest)
	return argv, env, nil
}

// inherited keeps what says how to reach the network. The rest of a caller's
// environment has no place in an engine that serves later callers too.
func inherited(environ []string) []string {
	keep := map[string]bool{"SSL_CERT_FILE": true, "SSL_CERT_DIR": true}
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch upper := strings.ToUpper(name); upper {
		case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY":
			kept = append(kept, entry)
		default:
			if keep[name] {
				kept = append(kept, entry)
			}
		}
	}
	return kept
}

// stopGrace is how long an engine may write its state to disk before it is killed.
const stopGrace = 20 * time.Second

// Stop ends the engine and removes its traces outside the cache; it is no error
// when none runs.
func (e Engine) Stop() error {
	if pid := e.PID(); pid != 0 {
		if err := daemon.Stop(pid, stopGrace); err != nil {
			return err
		}
	}
	id := e.Cache.ID
	return errors.Join(removeBridge(id), removeRules(id), os.RemoveAll(e.shortcut()), os.RemoveAll(e.recordFile()))
}
