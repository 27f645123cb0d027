//go:build !linux

package engine

import (
	"errors"
	"net/netip"
	"os/exec"
	"syscall"
)

// RunCommand is the subcommand of this program that becomes the engine.
const RunCommand = "run-engine"

var errLinux = errors.New("the embedded engine runs on Linux only")

// Run has no meaning on this system.
func Run(string, string, string, []string) error { return errLinux }

func runTied(*exec.Cmd) error { return errLinux }

func isolate(*syscall.SysProcAttr) {}

func usedNetworks(string) ([]netip.Prefix, error) { return nil, errLinux }

func defaultMTU() int { return 0 }

func bridgeNetwork(string) (netip.Prefix, bool) { return netip.Prefix{}, false }

func removeBridge(string) error { return nil }
