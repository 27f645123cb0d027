//go:build !linux

package cache

import "golang.org/x/sys/unix"

// unmount is for symmetry: without the embedded engine nothing mounts here.
func unmount(path string) error { return unix.Unmount(path, 0) }
