package bases

import (
	"slices"
	"strings"
	"testing"
)

func TestSourcesAreTheHostsForASuiteThatItHas(t *testing.T) {
	const targets = "http://mirror.example/debian/\tbookworm\tmain\n" +
		"http://mirror.example/debian/\tbookworm\tcontrib\n" +
		"http://mirror.example/debian/\tbookworm-updates\tmain\n" +
		"http://mirror.example/debian/\tbookworm-updates\tmain\n" +
		"http://mirror.example/debian-security/\tbookworm-security\tmain\n" +
		"https://packages.example/\tstable\tmain\n" +
		"file:/srv/local/\tbookworm\tmain\n"
	got := suiteSources(targets, bookworm)
	want := []string{
		"deb http://mirror.example/debian bookworm main",
		"deb http://mirror.example/debian bookworm-updates main",
		"deb http://mirror.example/debian-security bookworm-security main",
	}
	if !slices.Equal(got, want) {
		t.Errorf("bookworm's are %q, want %q", got, want)
	}
	if got := suiteSources(targets, bullseye); got != nil {
		t.Errorf("bullseye's are %q, want none: the default mirror", got)
	}
	if got := suiteSources("http://mirror.example/\tbookworm-security\tmain\n", bookworm); got != nil {
		t.Errorf("with security updates only they are %q, want none", got)
	}
}

func TestArgumentsOfRoots(t *testing.T) {
	cases := map[string]struct {
		root            root
		checkValidUntil string
		with, without   []string
	}{
		"whole": {root{suite: bookworm, arch: "amd64", whole: true}, "",
			[]string{"--variant=apt", "--architectures=amd64", "libssl3"}, []string{"extract", "--setup-hook", "Check-Valid-Until"}},
		"unpacked": {root{suite: bookworm, arch: "arm64"}, "",
			[]string{"--variant=extract", "--architectures=arm64", "coreutils"}, []string{"--variant=apt"}},
		"frozen": {root{suite: bullseye, arch: "amd64", whole: true}, "",
			[]string{"--setup-hook=sed", "libssl1.1", "libgssapi-krb5-2"}, []string{"libssl3"}},
		"snapshot": {root{suite: bookworm, arch: "amd64"}, "false", []string{"Check-Valid-Until"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := c.root.arguments([]string{"deb a b main"}, c.checkValidUntil)
			if want := []string{c.root.suite.codename, "-", "deb a b main"}; !slices.Equal(args[len(args)-3:], want) {
				t.Errorf("they end in %q, want %q", args[len(args)-3:], want)
			}
			all := strings.Join(args, " ")
			for _, want := range c.with {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not in %q", want, all)
				}
			}
			for _, unwanted := range c.without {
				if strings.Contains(all, unwanted) {
					t.Errorf("%q is in %q", unwanted, all)
				}
			}
		})
	}
}
