package daemon

import "golang.org/x/sys/unix"

func sessionOf(pid int) (int, error) { return unix.Getsid(pid) }

func fcntlGetFD(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0) }
