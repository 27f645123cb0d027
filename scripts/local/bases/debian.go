package bases

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// suite is a Debian release, as a source of the libraries that .NET loads.
type suite struct {
	codename  string
	release   string
	libraries []string // beside those of every suite
	// frozen: taken as its last point release left it. A release past its
	// support has security updates for some architectures only, and what is
	// frozen gives the same digests for good.
	frozen bool
}

var (
	bookworm = suite{codename: "bookworm", release: "12", libraries: []string{"libicu72", "libssl3"}}
	bullseye = suite{codename: "bullseye", release: "11", libraries: []string{"libgssapi-krb5-2", "libicu67", "libssl1.1"}, frozen: true}
)

var (
	// commonLibraries are the dependencies that dotnet-docker's Dockerfiles
	// install, as far as every suite has them under one name.
	commonLibraries = []string{"ca-certificates", "libc6", "libgcc-s1", "libstdc++6", "tzdata", "zlib1g"}
	// shellPackages make a runtime root one in which a person finds their way.
	shellPackages = []string{"base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "libc-bin", "sed"}
)

// root is a Debian root to be made.
type root struct {
	suite suite
	arch  string
	// whole: installed and configured, with apt. That runs programs of the
	// root, so the host must be able to. Otherwise packages are only unpacked,
	// and what their scripts would have done is done in unpacked.go: the same
	// for every architecture.
	whole bool
}

func (r root) name() string {
	if r.whole {
		return "sdk-root"
	}
	return "root-" + r.arch
}

// debianRoot is a root that was made.
type debianRoot struct {
	layer    v1.Layer
	packages string // "name=version …", sorted by name
}

var mmdebstrap = program{name: "mmdebstrap", pack: "mmdebstrap", mounts: true}

// keyring verifies Debian's packages; hosts that are no Debian lack it.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// checkDebianTools finds what is missing before anything is begun.
func checkDebianTools() error {
	if _, err := mmdebstrap.find(); err != nil {
		return err
	}
	if _, err := os.Stat(keyring); err != nil {
		return fmt.Errorf("%s is missing; cure: apt-get install -y debian-archive-keyring", keyring)
	}
	return nil
}

// make runs mmdebstrap and turns the tar that it prints into a layer. All
// state of apt and dpkg is that of the new root, which lies in dir until
// mmdebstrap removes it: the host's is not touched.
func (r root) make(ctx context.Context, dir, logs string) (debianRoot, error) {
	p := mmdebstrap
	p.log = filepath.Join(logs, r.suite.codename+"-"+r.name()+".log")
	p.dir = dir
	p.env = append([]string{"SOURCE_DATE_EPOCH=0", "TMPDIR=" + dir, "LC_ALL=C", "TZ=UTC", "DEBIAN_FRONTEND=noninteractive",
		"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}, hostProxy(ctx)...)
	run, err := start(ctx, p, nil, r.arguments(hostSources(ctx, r.suite), hostSetting(ctx, "Acquire::Check-Valid-Until"))...)
	if err != nil {
		return debianRoot{}, err
	}
	w, err := newLayer(filepath.Join(dir, r.name()+".tar.gz"))
	if err != nil {
		return debianRoot{}, run.wait(err)
	}
	t := newRootFilter(r, w)
	err = eachEntry(bufio.NewReaderSize(run.out, 1<<20), t.entry)
	if err := run.wait(err); err != nil {
		return debianRoot{}, errors.Join(fmt.Errorf("making the Debian %s root for %s: %w", r.suite.release, r.arch, err), w.file.Close())
	}
	if err := t.finish(); err != nil {
		return debianRoot{}, errors.Join(err, w.file.Close())
	}
	layer, err := w.close()
	return debianRoot{layer: layer, packages: t.packages()}, err
}

func (r root) arguments(sources []string, checkValidUntil string) []string {
	packages := append([]string{}, commonLibraries...)
	packages = append(packages, r.suite.libraries...)
	args := []string{"--format=tar", "--architectures=" + r.arch, "--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`}
	if checkValidUntil == "false" { // the host's mirror is a snapshot
		args = append(args, `--aptopt=Acquire::Check-Valid-Until "false"`)
	}
	if r.suite.frozen {
		args = append(args, "--setup-hook="+onlyRelease)
	}
	if r.whole {
		args = append(args, "--variant=apt")
	} else {
		packages = append(packages, shellPackages...)
		args = append(args, "--variant=extract", "--hook-directory=/usr/share/mmdebstrap/hooks/maybe-merged-usr", "--extract-hook="+recordPackages)
	}
	args = append(args, "--include="+strings.Join(packages, ","), r.suite.codename, "-")
	return append(args, sources...)
}

const (
	// onlyRelease leaves of a suite's sources the release itself.
	onlyRelease = `sed -i -e '/-updates /d' -e '/-security /d' "$1/etc/apt/sources.list"`
	// recordPackages gives an unpacked root dpkg's list of what is in it, which
	// dpkg -l shows and scanners read.
	recordPackages = `for deb in "$1"/var/cache/apt/archives/*.deb; do
		dpkg-deb --field "$deb" | sed 's/^Package: .*/&\nStatus: install ok installed/' && echo || exit 1
	done > "$1/var/lib/dpkg/status"`
)

// hostSources are the host's own apt sources where it has the suite: a mirror
// near by, or the only one that it reaches. None: mmdebstrap's default.
func hostSources(ctx context.Context, s suite) []string {
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets",
		"--format", "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)", "Created-By: Packages").Output()
	if err != nil {
		return nil
	}
	return suiteSources(string(out), s)
}

// suiteSources are the lines of a sources.list for a suite, from apt-get's
// list of index files. They count only when the suite itself is among them.
func suiteSources(targets string, s suite) []string {
	var lines []string
	whole := false
	seen := map[string]bool{}
	for target := range strings.Lines(targets) {
		fields := strings.Split(strings.TrimSpace(target), "\t")
		if len(fields) != 3 || fields[2] != "main" || !strings.HasPrefix(fields[0], "http") {
			continue
		}
		switch fields[1] {
		case s.codename:
			whole = true
		case s.codename + "-updates", s.codename + "-security":
		default:
			continue
		}
		line := fmt.Sprintf("deb %s %s main", strings.TrimSuffix(fields[0], "/"), fields[1])
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if !whole {
		return nil
	}
	return lines
}

// hostProxy hands the host's apt proxies on. apt takes them from the
// environment too, and so they do not end up in the root.
func hostProxy(ctx context.Context) []string {
	var env []string
	for setting, variable := range map[string]string{"Acquire::http::Proxy": "http_proxy", "Acquire::https::Proxy": "https_proxy"} {
		if value := hostSetting(ctx, setting); value != "" && value != "DIRECT" {
			env = append(env, variable+"="+value)
		}
	}
	return env
}

func hostSetting(ctx context.Context, name string) string {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%v%n", name).Output()
	if err != nil {
		return ""
	}
	value, _, _ := strings.Cut(string(out), "\n")
	return value
}
