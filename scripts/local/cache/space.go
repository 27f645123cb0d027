package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Free is the number of bytes that can still be written below dir.
func Free(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // the types differ from system to system
}

// Need refuses to begin what would fill the disk before its end.
func (c Cache) Need(bytes int64, what string) error {
	free, err := Free(c.Dir)
	if err != nil {
		return err
	}
	if free < bytes {
		return fmt.Errorf("%s: %s has %s free and about %s are needed; %s",
			what, c.Dir, Bytes(free), Bytes(bytes), spaceCure)
	}
	return nil
}

const spaceCure = "free some space, or let XDG_CACHE_HOME name a folder on a larger disk"

// Explain adds folder, free space and cure to an error that is a full disk's,
// also where a program only printed it.
func (c Cache) Explain(err error) error {
	if err == nil || !errors.Is(err, unix.ENOSPC) && !strings.Contains(err.Error(), "no space left on device") {
		return err
	}
	free, ferr := Free(c.Dir)
	if ferr != nil {
		return err
	}
	return fmt.Errorf("%w\nthe disk is full: %s has %s free; %s", err, c.Dir, Bytes(free), spaceCure)
}

// Size is the space that the files below dir take, 0 when there are none. A file
// with several names (the engine's snapshots are full of them) counts once; files
// that vanish meanwhile do not.
func Size(dir string) int64 {
	type inode struct{ device, number uint64 }
	seen := map[inode]bool{}
	var sum int64
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		var stat unix.Stat_t
		if err != nil || !entry.Type().IsRegular() || unix.Lstat(path, &stat) != nil {
			return nil
		}
		key := inode{uint64(stat.Dev), stat.Ino} //nolint:unconvert // the type differs from system to system
		if stat.Nlink == 1 || !seen[key] {
			sum += int64(stat.Blocks) * 512 //nolint:unconvert // likewise; the unit is stat(2)'s
		}
		if stat.Nlink > 1 {
			seen[key] = true
		}
		return nil
	})
	return sum
}

// Bytes writes a size for a person.
func Bytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	value, unit := float64(n), 0
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 || value >= 10 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
