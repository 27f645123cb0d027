package bases

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
)

// rootFilter copies a Debian root into a layer, without what differs from one
// run or host to the next and without what an image does not need, and adds
// the user app.
type rootFilter struct {
	root root
	out  *layerWriter
	kept map[string]string // contents that finish or packages want
	has  map[string]bool   // paths written
}

func newRootFilter(r root, out *layerWriter) *rootFilter {
	return &rootFilter{root: r, out: out, kept: map[string]string{}, has: map[string]bool{}}
}

const (
	dpkgStatus     = "var/lib/dpkg/status"
	masters        = "usr/share/base-passwd/" // the passwd and group that base-passwd installs
	authorities    = "usr/share/ca-certificates/"
	certificates   = "etc/ssl/certs/ca-certificates.crt"
	certificateEnd = ".crt"
)

// accounts are the files to which the user app is added, with its line in each
// (shadow(5): no password, no date).
var accounts = []struct {
	name, line string
	mode       int64
	group      int
}{
	{"etc/group", "app:x:1654:\n", 0o644, 0},
	{"etc/gshadow", "app:!::\n", 0o640, shadowGroup},
	{"etc/passwd", "app:x:1654:1654::/home/app:/bin/sh\n", 0o644, 0},
	{"etc/shadow", "app:!::0:99999:7:::\n", 0o640, shadowGroup},
}

const (
	appID       = 1654 // as in Microsoft's images: APP_UID
	shadowGroup = 42   // Debian's base-passwd
)

// entry takes an entry of the root.
func (f *rootFilter) entry(entry *tar.Header, content io.Reader) error {
	name := clean(entry.Name)
	// Folders stay, also empty ones: packages installed later expect them.
	if name == "" || !f.root.whole && (name == "var/run" || name == "var/lock") || // links: see configure
		entry.Typeflag != tar.TypeDir && f.dropped(name) {
		return nil
	}
	if f.wanted(name) && entry.Typeflag == tar.TypeReg {
		data, err := io.ReadAll(content)
		if err != nil {
			return fmt.Errorf("reading %s of the root: %w", name, err)
		}
		f.kept[name] = string(data)
		if isAccount(name) {
			return nil // written by finish
		}
		content = strings.NewReader(f.kept[name])
	}
	if aptWorks[name] {
		entry.Uid, entry.Gid = 0, 0
	}
	f.has[name] = true
	return add(entry, content, f.out)
}

// aptWorks are the folders that apt gives to its own user while it downloads,
// or leaves with root, as it goes in that run; it sets that anew each time.
var aptWorks = map[string]bool{"var/cache/apt/archives/partial": true, "var/lib/apt/lists/partial": true}

func (f *rootFilter) wanted(name string) bool {
	return name == dpkgStatus || isAccount(name) || !f.root.whole && configured(name)
}

func isAccount(name string) bool {
	for _, account := range accounts {
		if account.name == name {
			return true
		}
	}
	return false
}

var (
	// droppedBelow are folders whose files are of no use in an image
	// (documentation, caches, logs) or made by the container (devices).
	droppedBelow = []string{"dev/", "proc/", "run/", "sys/", "tmp/", "var/tmp/", "var/log/", "var/cache/apt/", "var/lib/apt/lists/",
		"usr/share/bug/", "usr/share/doc/", "usr/share/info/", "usr/share/lintian/", "usr/share/locale/", "usr/share/man/"}
	// droppedFiles are the host's, a lock's, or a cache's with times in it.
	droppedFiles = map[string]bool{"etc/hostname": true, "etc/hosts": true, "etc/resolv.conf": true, "etc/machine-id": true,
		"etc/.pwd.lock": true, "etc/group-": true, "etc/gshadow-": true, "etc/passwd-": true, "etc/shadow-": true,
		"var/cache/ldconfig/aux-cache": true, "var/lib/dbus/machine-id": true,
		"var/lib/dpkg/lock": true, "var/lib/dpkg/lock-frontend": true, "var/lib/dpkg/triggers/Lock": true}
)

func (f *rootFilter) dropped(name string) bool {
	if droppedFiles[name] {
		return true
	}
	if path.Base(name) == "copyright" { // Debian's and the licences' terms
		return false
	}
	for _, folder := range droppedBelow {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	if strings.HasSuffix(name, "-old") && (strings.HasPrefix(name, "var/lib/dpkg/") || strings.HasPrefix(name, "var/cache/debconf/")) {
		return true
	}
	// An unpacked root has no apt, and its dpkg state but for the list of
	// packages is that of a hook.
	return !f.root.whole && name != dpkgStatus && (strings.HasPrefix(name, "etc/apt/") || strings.HasPrefix(name, "var/lib/dpkg/"))
}

// finish writes what comes last.
func (f *rootFilter) finish() error {
	if !f.root.whole {
		if err := f.configure(); err != nil {
			return err
		}
	}
	for _, account := range accounts {
		content := f.kept[account.name] + account.line
		h := &tar.Header{Typeflag: tar.TypeReg, Name: account.name, Mode: account.mode, Gid: account.group, Size: int64(len(content))}
		if err := add(h, strings.NewReader(content), f.out); err != nil {
			return err
		}
	}
	home := &tar.Header{Typeflag: tar.TypeDir, Name: "home/app", Mode: 0o755, Uid: appID, Gid: appID}
	return add(home, nil, f.out)
}

// packages are the installed packages as "name=version …".
func (f *rootFilter) packages() string {
	var list []string
	name := ""
	for line := range strings.Lines(f.kept[dpkgStatus]) {
		line = strings.TrimSuffix(line, "\n")
		if value, ok := strings.CutPrefix(line, "Package: "); ok {
			name = value
		}
		if value, ok := strings.CutPrefix(line, "Version: "); ok {
			list = append(list, name+"="+value)
		}
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}
