package main

import (
	"bytes"
	"maps"
	"path"
	"strings"
	"testing"
)

func TestSameArgumentsGiveTheSameBytes(t *testing.T) {
	first, second := generate(t, 10, 50, "salt"), generate(t, 10, 50, "salt")
	if !maps.EqualFunc(first, second, bytes.Equal) {
		t.Error("two solutions of the same arguments differ")
	}
}

func TestSizeIsWhatBenchmarksSay(t *testing.T) {
	projects, sources, lines := 0, 0, 0
	for name, content := range generate(t, 10, 50, "") {
		switch path.Ext(name) {
		case ".csproj":
			projects++
		case ".cs":
			sources++
			lines += bytes.Count(content, []byte("\n"))
		}
	}
	// 500 files of topics, a registration a project, four that use packages, Program.cs.
	if projects != 10 || sources != 515 || lines < 30_000 || lines > 40_000 {
		t.Errorf("%d projects, %d C# files, %d lines; want 10, 515, 30,000 to 40,000", projects, sources, lines)
	}
}

func TestSaltIsInEveryFile(t *testing.T) {
	for name, content := range generate(t, 12, 10, "a-salt") {
		if !bytes.Contains(content, []byte("a-salt")) {
			t.Errorf("%s has no salt", name)
		}
	}
	for name, content := range generate(t, 2, 5, "") {
		if strings.HasPrefix(string(content), "\n") || bytes.Contains(content, []byte("<!--")) {
			t.Errorf("%s has a trace of the salt that was not given", name)
		}
	}
}

func TestProjectsReferToLowerOnesAndTheAppReachesAll(t *testing.T) {
	for _, count := range []int{2, 3, 5, 10, 14} {
		all := plan(count, 1, "")
		lower := map[string]bool{}
		for _, p := range all {
			for _, r := range p.References {
				if !lower[r.Name] {
					t.Errorf("of %d projects, %s refers to %s, which is not lower", count, p.Name, r.Name)
				}
			}
			lower[p.Name] = true
		}
		reached := map[string]bool{}
		var reach func(*project)
		reach = func(p *project) {
			reached[p.Name] = true
			for _, r := range p.References {
				reach(r)
			}
		}
		reach(all[len(all)-1])
		if len(reached) != count {
			t.Errorf("of %d projects the app reaches %d", count, len(reached))
		}
	}
}

func TestTooSmallSolutionIsRefused(t *testing.T) {
	for _, size := range [][2]int{{1, 50}, {10, 4}} {
		if _, err := Generate(size[0], size[1], ""); err == nil {
			t.Errorf("%d projects of %d files were generated", size[0], size[1])
		}
	}
}

func generate(t *testing.T, projects, files int, salt string) map[string][]byte {
	t.Helper()
	solution, err := Generate(projects, files, salt)
	if err != nil {
		t.Fatal(err)
	}
	return solution
}
