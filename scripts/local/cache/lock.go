package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

const (
	// lockPoll is how often a waiting call tries again: much less than the seconds
	// and minutes for which the lock is held.
	lockPoll = 100 * time.Millisecond
	// lockQuiet is longer than two calls that find everything ready need.
	lockQuiet = time.Second
)

// Lock takes the cache for one who changes it. waiting is called once when
// another call holds it for longer than a moment. The lock goes with the process,
// however that ends.
func (c Cache) Lock(ctx context.Context, waiting func(path string)) (unlock func(), err error) {
	path := c.Path("lock")
	timer := time.AfterFunc(lockQuiet, func() { waiting(path) })
	defer timer.Stop()
	for {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, err
		}
		lock := flock.New(path)
		if _, err := lock.TryLockContext(ctx, lockPoll); errors.Is(err, fs.ErrNotExist) {
			continue // the whole cache was deleted meanwhile
		} else if err != nil {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if current(lock) {
			return func() { _ = lock.Unlock() }, nil
		}
		_ = lock.Unlock()
	}
}

// current is false when the file was deleted (with the whole cache) by the call
// that held the lock: the next one would lock another file.
func current(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, named)
}
