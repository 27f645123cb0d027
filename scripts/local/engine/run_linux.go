package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

// RunCommand is the subcommand of this program that becomes the engine. Its
// arguments are the cache's folder, the engine's key, its further address or "",
// and the engine's program with its arguments.
const RunCommand = "run-engine"

// isolate gives the engine a mount namespace, in which its fixed paths are its
// own, and a process namespace: when the engine ends, however it does, the kernel
// ends all that it started.
func isolate(attr *syscall.SysProcAttr) {
	attr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID
}

// runTied runs a program that ends when this one is killed: a build that goes on
// for minutes would slow down the next call, which begins anew.
func runTied(cmd *exec.Cmd) error {
	// The signal is tied to the thread that starts the program.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd.Run()
}

// Run becomes the engine; it returns only with an error.
func Run(dir, key, listen string, argv []string) error {
	e := Engine{Cache: cache.Cache{Dir: dir}}
	if err := e.writeRecord(key, listen); err != nil {
		return fmt.Errorf("writing down which process the engine is: %w", err)
	}
	if err := privateMounts(e.root()); err != nil {
		return explainPermission(err)
	}
	return fmt.Errorf("executing the engine: %w", unix.Exec(argv[0], argv, os.Environ()))
}

// writeRecord runs before /proc is that of the engine's process namespace: the
// number that it reads is the one by which others know this process.
func (e Engine) writeRecord(key, listen string) error {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(self)
	if err != nil {
		return err
	}
	identity, err := daemon.Identify(pid)
	if err != nil {
		return err
	}
	data, err := json.Marshal(record{Identity: identity, Key: key, Listen: listen})
	if err != nil {
		return err
	}
	return cache.WriteFile(e.recordFile(), data)
}

// privateFolders are those that the engine, runc and network plugins write to at
// fixed paths. Each gets an empty file system of the engine's own.
var privateFolders = []string{"/run/buildkit", "/run/runc", "/var/run/containers", "/var/lib/cni"}

func privateMounts(root string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := mount(root, RunDir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	for _, folder := range privateFolders {
		if err := mount("tmpfs", folder, "tmpfs", 0, "mode=0755"); err != nil {
			return err
		}
	}
	if err := privateEtc(RunDir + "/etc"); err != nil {
		return err
	}
	return mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}

// privateEtc lays a writable memory file system over /etc, for the engine reads
// /etc/dagger/engine.json and writes /etc/dnsmasq-resolv.conf.
func privateEtc(scratch string) error {
	// What is mounted inside /etc (a container's resolv.conf and hosts) is not seen
	// through an overlay: copy it.
	kept := map[string][]byte{}
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if data, err := os.ReadFile(name); err == nil {
			kept[name] = data
		}
	}
	if err := mount("tmpfs", scratch, "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	upper, work := filepath.Join(scratch, "upper"), filepath.Join(scratch, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir="+upper+",workdir="+work); err != nil {
		return err
	}
	for name, data := range kept {
		if err := restore(name, data); err != nil {
			return err
		}
	}
	// The machine's own configuration of a BuildKit or Dagger is not this engine's.
	for _, dir := range []string{"/etc/buildkit", "/etc/dagger"} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return os.Symlink(RunDir+"/config", "/etc/dagger")
}

func restore(name string, data []byte) error {
	now, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && string(now) == string(data) {
		return nil
	}
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}
