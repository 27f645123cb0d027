package bases

import "syscall"

// attributes give a program a group of its own, so that what it started stops
// with it, let it stop when this process is killed, and keep its mounts to itself.
func attributes(mounts bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if mounts {
		attr.Unshareflags = syscall.CLONE_NEWNS
	}
	return attr
}
