package cache

import (
	"fmt"
	"os"
	"slices"

	"github.com/moby/sys/mountinfo"
)

// Remove deletes the cache. Nothing runs from it, and the caller holds the lock.
func (c Cache) Remove() error {
	// A killed call can leave mounts (/proc and /dev in the root of a half-made
	// base image): deleting through one would delete what is mounted.
	if err := unmountBelow(c.Dir); err != nil {
		return err
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return fmt.Errorf("deleting the cache: %w", err)
	}
	return nil
}

func unmountBelow(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return fmt.Errorf("looking for mounts below %s: %w", dir, err)
	}
	// Later ones lie on or below earlier ones.
	for _, mount := range slices.Backward(mounts) {
		if mount.Mountpoint == dir {
			continue // the user's own: the cache is a volume
		}
		if err := unmount(mount.Mountpoint); err != nil {
			return fmt.Errorf("unmounting %s: %w; the cache is not deleted", mount.Mountpoint, err)
		}
	}
	return nil
}
