//go:build !linux

package bases

import "syscall"

// attributes matter on Linux, where images are composed: elsewhere this package
// only has to compile.
func attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
