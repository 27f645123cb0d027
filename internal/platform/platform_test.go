package platform

import (
	"debug/elf"
	"strings"
	"testing"
)

func TestParseNormalisesAliases(t *testing.T) {
	for in, want := range map[string]string{
		"linux/amd64": "linux/amd64", "amd64": "linux/amd64", "x86_64": "linux/amd64", "linux/x64": "linux/amd64",
		"linux/arm64": "linux/arm64", "linux/arm64/v8": "linux/arm64", "arm64/v8": "linux/arm64", "aarch64": "linux/arm64",
		"LINUX/ARM64": "linux/arm64", " linux/arm64 ": "linux/arm64",
		"linux/arm/v7": "linux/arm/v7", "linux/arm": "linux/arm/v7", "armhf": "linux/arm/v7",
		"linux/s390x": "linux/s390x",
	} {
		p, err := Parse(in)
		if err != nil || p.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", in, p, err, want)
		}
	}
}

func TestParseNamesWhatExists(t *testing.T) {
	for _, in := range []string{"", "linux", "linux/arm65", "windows/amd64", "linux/amd64/v9", "linux/arm64/v7"} {
		_, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), "linux/arm64") {
			t.Errorf("Parse(%q): error %v does not list the known platforms", in, err)
		}
	}
}

func TestParseList(t *testing.T) {
	list, err := ParseList("linux/arm64, linux/amd64,")
	if err != nil || len(list) != 2 || list[0].Architecture != "arm64" {
		t.Fatalf("ParseList = %v, %v", list, err)
	}
	if _, err := ParseList("linux/arm64,aarch64"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a platform given twice by an alias: %v", err)
	}
	if _, err := ParseList(" , "); err == nil {
		t.Error("an empty list is accepted")
	}
}

func TestRuntimeIdentifierRoundTrip(t *testing.T) {
	for _, r := range table {
		for _, libc := range []Libc{Glibc, Musl} {
			rid := r.platform.RuntimeIdentifier(libc)
			p, l, err := FromRuntimeIdentifier(rid)
			if err != nil || p != r.platform || l != libc {
				t.Errorf("FromRuntimeIdentifier(%q) = %v, %v, %v", rid, p, l, err)
			}
		}
	}
	for _, rid := range []string{"win-x64", "linux-", "linux-bionic-arm64", "osx-arm64", ""} {
		if _, _, err := FromRuntimeIdentifier(rid); err == nil {
			t.Errorf("runtime identifier %q is accepted", rid)
		}
	}
}

func TestMachine(t *testing.T) {
	for in, want := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64, "linux/arm/v7": elf.EM_ARM} {
		p, _ := Parse(in)
		if p.Machine() != want {
			t.Errorf("%s: machine %v, want %v", in, p.Machine(), want)
		}
	}
}
