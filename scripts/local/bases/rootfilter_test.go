package bases

import (
	"strings"
	"testing"
)

const status = "Package: zlib1g\nVersion: 1:1.2.13\nStatus: install ok installed\n\nPackage: bash\nVersion: 5.2\n"

// rootFiles are what the tests' Debian roots have in common.
var rootFiles = []file{
	{name: "./"},
	{name: "./dev/null", content: "a device"},
	{name: "./etc/", mode: 0o755},
	{name: "./etc/hostname", content: "the-host"},
	{name: "./etc/resolv.conf", content: "nameserver 192.0.2.1"},
	{name: "./etc/apt/sources.list", content: "deb a-mirror bookworm main"},
	{name: "./usr/bin/dash", content: "ELF", mode: 0o755},
	{name: "./usr/share/doc/bash/README", content: "read"},
	{name: "./usr/share/doc/bash/copyright", content: "terms"},
	{name: "./usr/share/man/man1/", mode: 0o755},
	{name: "./usr/share/man/man1/bash.1.gz", content: "manual"},
	{name: "./var/lib/dpkg/status-old", content: "old"},
	{name: "./var/lib/dpkg/info/bash.list", content: "/bin/bash"},
	{name: "./var/lib/dpkg/status", content: status},
	{name: "./var/log/dpkg.log", content: "2026"},
	{name: "./var/run/", mode: 0o755},
}

func filtered(t *testing.T, r root, more ...file) ([]entry, *rootFilter, error) {
	t.Helper()
	w := testLayer(t)
	f := newRootFilter(r, w)
	for _, file := range append(append([]file{}, rootFiles...), more...) {
		if err := f.entry(file.header(), strings.NewReader(file.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.finish(); err != nil {
		_ = w.file.Close()
		return nil, f, err
	}
	return contents(t, closed(t, w)), f, nil
}

func expect(t *testing.T, entries []entry, want map[string]string) {
	t.Helper()
	for name, content := range want {
		e, ok := find(entries, name)
		if !ok {
			t.Errorf("%s is missing", name)
		} else if got := e.content + e.Linkname; got != content {
			t.Errorf("%s is %q, want %q", name, got, content)
		}
	}
}

func expectNot(t *testing.T, entries []entry, unwanted ...string) {
	t.Helper()
	for _, name := range unwanted {
		if _, ok := find(entries, name); ok {
			t.Errorf("%s should not be there", name)
		}
	}
}

func TestWholeRootKeepsAptAndLosesTheHost(t *testing.T) {
	entries, f, err := filtered(t, root{suite: bookworm, arch: "amd64", whole: true},
		file{name: "./etc/passwd", content: "root:x:0:0:root:/root:/bin/bash\n"},
		file{name: "./etc/passwd-", content: "older"},
		file{name: "./etc/group", content: "root:x:0:\n"},
		file{name: "./etc/shadow", content: "root:*::0:99999:7:::\n"},
		file{name: "./etc/gshadow", content: "root:*::\n"},
	)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, entries, map[string]string{
		"etc/apt/sources.list":         "deb a-mirror bookworm main",
		"var/lib/dpkg/info/bash.list":  "/bin/bash",
		"usr/share/doc/bash/copyright": "terms",
		"usr/share/man/man1/":          "",
		"etc/passwd":                   "root:x:0:0:root:/root:/bin/bash\napp:x:1654:1654::/home/app:/bin/sh\n",
		"etc/group":                    "root:x:0:\napp:x:1654:\n",
		"etc/shadow":                   "root:*::0:99999:7:::\napp:!::0:99999:7:::\n",
		"etc/gshadow":                  "root:*::\napp:!::\n",
		"home/app/":                    "",
		"var/run/":                     "",
	})
	expectNot(t, entries, "dev/null", "etc/hostname", "etc/resolv.conf", "etc/passwd-", "usr/share/doc/bash/README",
		"usr/share/man/man1/bash.1.gz", "var/lib/dpkg/status-old", "var/log/dpkg.log")
	if got, want := f.packages(), "bash=5.2 zlib1g=1:1.2.13"; got != want {
		t.Errorf("packages are %q, want %q", got, want)
	}
	if home, _ := find(entries, "home/app/"); home.Uid != appID || home.Gid != appID {
		t.Errorf("/home/app is owned by %d:%d", home.Uid, home.Gid)
	}
}

func TestUnpackedRootIsConfigured(t *testing.T) {
	entries, _, err := filtered(t, root{suite: bookworm, arch: "arm64"},
		file{name: "./usr/share/base-passwd/passwd.master", content: "root:*:0:0:root:/root:/bin/bash\n"},
		file{name: "./usr/share/base-passwd/group.master", content: "root:*:0:\nshadow:*:42:\n"},
		file{name: "./usr/share/libc-bin/nsswitch.conf", content: "passwd: files\n"},
		file{name: "./usr/share/zoneinfo/Etc/UTC", content: "TZif2"},
		file{name: "./usr/share/ca-certificates/mozilla/B.crt", content: "B\n"},
		file{name: "./usr/share/ca-certificates/mozilla/A.crt", content: "A"},
	)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, entries, map[string]string{
		"etc/passwd":                        "root:*:0:0:root:/root:/bin/bash\napp:x:1654:1654::/home/app:/bin/sh\n",
		"etc/group":                         "root:*:0:\nshadow:*:42:\napp:x:1654:\n",
		"etc/shadow":                        "root:*::0:99999:7:::\napp:!::0:99999:7:::\n",
		"etc/gshadow":                       "root:*::\nshadow:*::\napp:!::\n",
		"etc/nsswitch.conf":                 "passwd: files\n",
		"usr/share/libc-bin/nsswitch.conf":  "passwd: files\n",
		"etc/localtime":                     "/usr/share/zoneinfo/Etc/UTC",
		"etc/ssl/certs/ca-certificates.crt": "A\nB\n",
		"etc/ca-certificates.conf":          "mozilla/A.crt\nmozilla/B.crt\n",
		"usr/lib/ssl/cert.pem":              "/etc/ssl/certs/ca-certificates.crt",
		"usr/bin/sh":                        "dash",
		"var/run":                           "/run",
		"var/lib/dpkg/status":               status,
	})
	expectNot(t, entries, "etc/apt/sources.list", "var/lib/dpkg/info/bash.list", "usr/bin/awk", "var/run/")
}

func TestUnpackedRootWithoutAuthoritiesIsRefused(t *testing.T) {
	_, _, err := filtered(t, root{suite: bookworm, arch: "arm64"},
		file{name: "./usr/share/base-passwd/passwd.master", content: "root:*:0:0:root:/root:/bin/bash\n"},
		file{name: "./usr/share/base-passwd/group.master", content: "root:*:0:\n"},
	)
	if err == nil || !strings.Contains(err.Error(), "no certificate authorities") {
		t.Errorf("the error is %v", err)
	}
}

// apt gives its download folders to its own user in one run and leaves them with root in the next.
func TestRootDoesNotDependOnTheOwnerOfAptsFolders(t *testing.T) {
	var digests []string
	for _, owner := range []int{0, 42} {
		w := testLayer(t)
		f := newRootFilter(root{suite: bookworm, arch: "amd64", whole: true}, w)
		for _, name := range []string{"./var/cache/apt/archives/partial/", "./var/lib/apt/lists/partial/"} {
			h := file{name: name, mode: 0o700}.header()
			h.Uid = owner
			if err := f.entry(h, nil); err != nil {
				t.Fatal(err)
			}
		}
		digest, err := closed(t, w).Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("layers %q", digests)
	}
}
