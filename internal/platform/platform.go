// Package platform holds the one table that relates the names of a target machine: the OCI platform of an image
// (linux/arm64), the runtime identifier of .NET (linux-arm64, linux-musl-arm64) and the machine of an ELF header.
package platform

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// Platform is an OCI platform in normal form: OS "linux", GOARCH-style architecture, variant only where it matters
// ("v7" of arm). The zero value is no platform.
type Platform struct {
	OS           string
	Architecture string
	Variant      string
}

// Libc is the C library of a base image; it decides between linux-x64 and linux-musl-x64.
type Libc string

// The C libraries that .NET has runtime identifiers for.
const (
	Glibc Libc = "glibc"
	Musl  Libc = "musl"
)

type row struct {
	platform Platform
	// rid is the architecture part of the runtime identifier,
	// https://learn.microsoft.com/dotnet/core/rid-catalog
	rid     string
	machine elf.Machine
	aliases []string
}

// table: one row a platform. Aliases are what `uname -m`, Docker and .NET call it.
var table = []row{
	{Platform{"linux", "amd64", ""}, "x64", elf.EM_X86_64, []string{"x86_64", "x86-64", "x64"}},
	{Platform{"linux", "arm64", ""}, "arm64", elf.EM_AARCH64, []string{"aarch64", "arm64/v8", "armv8"}},
	{Platform{"linux", "arm", "v7"}, "arm", elf.EM_ARM, []string{"arm", "armhf", "armv7", "armv7l", "arm32v7"}},
	{Platform{"linux", "386", ""}, "x86", elf.EM_386, []string{"i386", "x86"}},
	{Platform{"linux", "ppc64le", ""}, "ppc64le", elf.EM_PPC64, nil},
	{Platform{"linux", "s390x", ""}, "s390x", elf.EM_S390, nil},
	{Platform{"linux", "riscv64", ""}, "riscv64", elf.EM_RISCV, nil},
	{Platform{"linux", "loong64", ""}, "loongarch64", elf.EM_LOONGARCH, []string{"loongarch64"}},
}

// Default is what is built when neither the caller nor the project says.
func Default() []Platform {
	return []Platform{table[0].platform, table[1].platform}
}

// Parse reads one platform: "linux/arm64", an alias ("linux/aarch64", "arm64/v8"), or the architecture alone.
func Parse(s string) (Platform, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	os, arch, found := strings.Cut(name, "/")
	if !found || os != "linux" {
		if found && (os == "windows" || os == "darwin") {
			return Platform{}, fmt.Errorf("platform %q: only linux images are built; known: %s", s, known())
		}
		arch = name
	}
	for _, r := range table {
		if arch == strings.TrimPrefix(r.platform.String(), "linux/") || slices.Contains(r.aliases, arch) {
			return r.platform, nil
		}
	}
	return Platform{}, fmt.Errorf("platform %q does not exist: use one of %s", s, known())
}

// ParseList reads a comma-separated list in the order given. A platform named twice (also by an alias) is an error, since an
// index holds each platform once.
func ParseList(s string) ([]Platform, error) {
	var list []Platform
	for part := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		p, err := Parse(part)
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, p) {
			return nil, fmt.Errorf("platform %s is given twice in %q: leave one out", p, s)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no platform in %q: use one or more of %s, comma-separated", s, known())
	}
	return list, nil
}

// FromRuntimeIdentifier reads "linux-arm64" or "linux-musl-x64".
func FromRuntimeIdentifier(rid string) (Platform, Libc, error) {
	libc := Glibc
	arch, isLinux := strings.CutPrefix(strings.ToLower(strings.TrimSpace(rid)), "linux-")
	if rest, ok := strings.CutPrefix(arch, "musl-"); ok {
		arch, libc = rest, Musl
	}
	for _, r := range table {
		if isLinux && arch == r.rid {
			return r.platform, libc, nil
		}
	}
	return Platform{}, "", fmt.Errorf("runtime identifier %q has no image platform: use linux-ARCH or linux-musl-ARCH", rid)
}

// String gives the form used in an image index: linux/arm64, linux/arm/v7.
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// RuntimeIdentifier gives .NET's name of the platform for a base image with that C library.
func (p Platform) RuntimeIdentifier(libc Libc) string {
	prefix := "linux-"
	if libc == Musl {
		prefix = "linux-musl-"
	}
	return prefix + p.row().rid
}

// Machine gives the ELF e_machine that native files for the platform must have.
func (p Platform) Machine() elf.Machine { return p.row().machine }

// MachineName is what `uname -m` says there, and what QEMU is called by.
func (p Platform) MachineName() string {
	switch p.Architecture {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i386"
	}
	return p.row().rid
}

// FromMachine gives the platform of an ELF machine; ok is false where the table has none.
func FromMachine(machine elf.Machine) (p Platform, ok bool) {
	for _, r := range table {
		if r.machine == machine {
			return r.platform, true
		}
	}
	return Platform{}, false
}

func (p Platform) row() row {
	for _, r := range table {
		if r.platform == p {
			return r
		}
	}
	return row{platform: p, rid: p.Architecture}
}

func known() string {
	names := make([]string, len(table))
	for i, r := range table {
		names[i] = r.platform.String()
	}
	return strings.Join(names, ", ")
}
