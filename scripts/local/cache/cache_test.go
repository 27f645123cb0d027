package cache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holdLock makes the test's own program a second process that takes the lock of
// the cache it names, says so, and holds it until it is killed.
const holdLock = "CACHE_TEST_HOLD_LOCK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdLock); dir != "" {
		if _, err := (Cache{Dir: dir}).Lock(context.Background(), func(string) {}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		time.Sleep(time.Minute)
	}
	os.Exit(m.Run())
}

func TestDefaultFollowsTheEnvironment(t *testing.T) {
	for name, tc := range map[string]struct{ xdg, home, want, err string }{
		"XDG_CACHE_HOME":      {xdg: "/x", home: "/h", want: "/x/dotnet-multiarch"},
		"home":                {home: "/h", want: "/h/.cache/dotnet-multiarch"},
		"relative is refused": {xdg: "x", home: "/h", err: "absolute"},
		"neither":             {err: "neither HOME nor XDG_CACHE_HOME"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Default(func(name string) string {
				return map[string]string{"XDG_CACHE_HOME": tc.xdg, "HOME": tc.home}[name]
			})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Fatalf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestIdentityIsTheFoldersOwn(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	direct, linked, other := open(t, dir), open(t, link), open(t, t.TempDir())
	if direct.ID != linked.ID || direct.ID == other.ID || !idPattern.MatchString(direct.ID) {
		t.Errorf("ids %s, by link %s, of another %s", direct.ID, linked.ID, other.ID)
	}
	copied := t.TempDir()
	data, err := os.ReadFile(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{string(data), "", "damaged"} {
		if err := os.WriteFile(filepath.Join(copied, "id"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		id := open(t, copied).ID
		if id == direct.ID || id != open(t, copied).ID || !idPattern.MatchString(id) {
			t.Errorf("of a file with %q: %s, of the original %s", content, id, direct.ID)
		}
	}
}

func TestCallsAtTheSameTimeAgreeOnTheIdentity(t *testing.T) {
	dir := t.TempDir()
	ids := make(chan string)
	const calls = 20
	for range calls {
		go func() {
			c, err := Open(dir)
			if err != nil {
				t.Error(err)
			}
			ids <- c.ID
		}()
	}
	first := <-ids
	for range calls - 1 {
		if id := <-ids; id != first {
			t.Errorf("ids %s and %s", first, id)
		}
	}
}

func TestLockIsFreeOnceItsHolderIsKilled(t *testing.T) {
	c := open(t, t.TempDir())
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdLock+"="+c.Dir)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("the holder said %q, %v", line, err)
	}
	waited := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		unlock, err := c.Lock(context.Background(), func(path string) { waited <- path })
		if err == nil {
			unlock()
		}
		done <- err
	}()
	if path := <-waited; path != c.Path("lock") {
		t.Errorf("waiting names %s", path)
	}
	select {
	case err := <-done:
		t.Fatalf("locked what another process holds: %v", err)
	default:
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestLockOfADeletedCacheIsTakenAnew(t *testing.T) {
	c := open(t, filepath.Join(t.TempDir(), "cache"))
	unlock, err := c.Lock(t.Context(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan func(), 1)
	go func() {
		unlock, err := c.Lock(context.Background(), func(string) {})
		if err != nil {
			t.Error(err)
		}
		second <- unlock
	}()
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	unlock()
	release := <-second
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	if _, err := c.Lock(ctx, func(string) {}); err == nil {
		t.Fatal("two calls hold the lock: one of the deleted file, one of its successor")
	}
}

func TestFolderIsWholeOrNotThere(t *testing.T) {
	c := open(t, t.TempDir())
	dir := c.Path("parts", "thing")
	// What a killed call left is not taken for anything.
	if err := os.MkdirAll(filepath.Join(dir+".tmp-1", "stale"), 0o755); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := c.Folder(dir, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	if names := list(t, c.Path("parts")); len(names) != 0 {
		t.Fatalf("a failed attempt left %v", names)
	}
	fill := func(tmp string) error { return os.WriteFile(filepath.Join(tmp, "file"), nil, 0o644) }
	for range 2 {
		if err := c.Folder(dir, fill); err != nil {
			t.Fatal(err)
		}
		// The second time it is there already.
		fill = func(string) error { return broken }
	}
	if names := list(t, dir); len(names) != 1 || names[0] != "file" {
		t.Fatalf("the folder holds %v", names)
	}
}

func TestWriteFileReplacesAndLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sub", "file")
	for _, content := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	if names := list(t, filepath.Dir(path)); len(names) != 1 {
		t.Fatalf("left %v", names)
	}
}

func TestExplainNamesFolderAndFreeSpaceOfAFullDisk(t *testing.T) {
	c := open(t, t.TempDir())
	other := errors.New("something else")
	if got := c.Explain(other); got.Error() != other.Error() {
		t.Errorf("changed an error that is not a full disk's: %v", got)
	}
	for _, full := range []error{
		fmt.Errorf("writing: %w", unix.ENOSPC),
		errors.New("a compiler said: write x.a: no space left on device"),
	} {
		got := c.Explain(full)
		if !errors.Is(got, full) || !strings.Contains(got.Error(), c.Dir+" has ") || !strings.Contains(got.Error(), spaceCure) {
			t.Errorf("explained as: %v", got)
		}
	}
}

func TestNeedRefusesWhatDoesNotFit(t *testing.T) {
	c := open(t, t.TempDir())
	if err := c.Need(1, "little"); err != nil {
		t.Error(err)
	}
	if err := c.Need(1<<62, "much"); err == nil || !strings.Contains(err.Error(), spaceCure) {
		t.Errorf("error %v", err)
	}
}

func TestSizeCountsAFileOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sub", "file")
	if err := WriteFile(file, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	one := Size(dir)
	if one < 1<<20 {
		t.Errorf("%d bytes for a file of 1 MiB", one)
	}
	if err := os.Link(file, filepath.Join(dir, "other name")); err != nil {
		t.Fatal(err)
	}
	if two := Size(dir); two != one {
		t.Errorf("%d bytes for one name, %d for two", one, two)
	}
	if none := Size(filepath.Join(dir, "none")); none != 0 {
		t.Errorf("%d bytes for no folder", none)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9_940: "9.9 kB", 12_345: "12 kB", 999_600: "1.0 MB", 5_000_000_000_000_000: "5000 TB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func open(t *testing.T, dir string) Cache {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
