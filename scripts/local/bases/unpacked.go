package bases

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// configure does for a root of unpacked packages what their scripts would
// have done, as far as an image needs it.
func (f *rootFilter) configure() error {
	for name, master := range map[string]string{"etc/passwd": masters + "passwd.master", "etc/group": masters + "group.master"} {
		content, ok := f.kept[master]
		if !ok {
			return fmt.Errorf("configuring the Debian %s root for %s: it has no %s", f.root.suite.release, f.root.arch, master)
		}
		f.kept[name] = content
	}
	// The shadow files of the masters' users: no password for any.
	f.kept["etc/shadow"] = eachName(f.kept["etc/passwd"], "%s:*::0:99999:7:::\n")
	f.kept["etc/gshadow"] = eachName(f.kept["etc/group"], "%s:*::\n")
	return errors.Join(f.copyDefaults(), f.trust(), f.links())
}

// configured says whether configure wants the content of a file.
func configured(name string) bool {
	for _, file := range defaultFiles {
		if file.copyOf == name {
			return true
		}
	}
	return strings.HasPrefix(name, masters) || strings.HasPrefix(name, authorities)
}

func eachName(file, format string) string {
	var b strings.Builder
	for line := range strings.Lines(file) {
		name, _, _ := strings.Cut(line, ":")
		fmt.Fprintf(&b, format, name)
	}
	return b.String()
}

// defaultFiles are the files that packages install from a copy of theirs:
// base-files' and libc-bin's.
var defaultFiles = []struct{ name, copyOf string }{
	{"etc/nsswitch.conf", "usr/share/libc-bin/nsswitch.conf"},
	{"etc/profile", "usr/share/base-files/profile"},
	{"root/.bashrc", "usr/share/base-files/dot.bashrc"},
	{"root/.profile", "usr/share/base-files/dot.profile"},
}

func (f *rootFilter) copyDefaults() error {
	for _, file := range defaultFiles {
		if content, ok := f.kept[file.copyOf]; ok {
			if err := f.out.addFile(file.name, 0o644, content); err != nil {
				return err
			}
		}
	}
	return f.out.addFile("etc/timezone", 0o644, "Etc/UTC\n") // tzdata
}

// trust: ca-certificates. Its list is written too, so that
// update-ca-certificates works when somebody adds an authority of their own.
func (f *rootFilter) trust() error {
	var list, all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.kept)) {
		if short, ok := strings.CutPrefix(name, authorities); ok && strings.HasSuffix(name, certificateEnd) {
			list.WriteString(short + "\n")
			all.WriteString(strings.TrimSuffix(f.kept[name], "\n") + "\n")
		}
	}
	if all.Len() == 0 {
		return fmt.Errorf("configuring the Debian %s root for %s: it has no certificate authorities below %s", f.root.suite.release, f.root.arch, authorities)
	}
	return errors.Join(
		f.out.addFile("etc/ca-certificates.conf", 0o644, list.String()),
		f.out.addFile(certificates, 0o644, all.String()),
		// OpenSSL's default file: for programs that use it without .NET, since
		// the hashed links in the folder are not here.
		add(symlink("usr/lib/ssl/cert.pem", "/"+certificates), nil, f.out))
}

// links: tzdata, base-files, dash where the package leaves sh to its scripts,
// and what mawk and debianutils offer as alternatives.
func (f *rootFilter) links() error {
	bin := "bin/"
	if f.has["usr/bin/dash"] { // and /bin is a link to it
		bin = "usr/bin/"
	}
	for _, link := range []struct{ name, target, of string }{
		{"etc/localtime", "/usr/share/zoneinfo/Etc/UTC", "usr/share/zoneinfo/Etc/UTC"},
		{"var/run", "/run", ""},
		{"var/lock", "/run/lock", ""},
		{bin + "sh", "dash", bin + "dash"},
		{"usr/bin/awk", "mawk", "usr/bin/mawk"},
		{"usr/bin/which", "which.debianutils", "usr/bin/which.debianutils"},
	} {
		if f.has[link.name] || link.of != "" && !f.has[link.of] {
			continue
		}
		if err := add(symlink(link.name, link.target), nil, f.out); err != nil {
			return err
		}
	}
	return nil
}
