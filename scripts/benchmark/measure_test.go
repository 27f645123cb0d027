package main

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRatiosAreTakenRunByRunAndTheirMedianIsJudged(t *testing.T) {
	// The machine was ten times slower in the second run: the ratios do not show it.
	r := newResults([]scenario{{name: "edit", bar: 0.5, peer: "peer"}, {name: "nobody ran it"}})
	for _, s := range [][2]float64{{1, 2}, {10, 20}, {3, 4}} {
		r.add("edit", "ours", s[0])
		r.add("edit", "peer", s[1])
	}
	var out strings.Builder
	r.table(&out, "app", "ours", []string{"peer"})
	if want := "| edit | 0.50 | 0.50 to 0.75 | 0.50, met | 3.00 | 4.00 |\n"; !strings.Contains(out.String(), want) || strings.Contains(out.String(), "nobody") {
		t.Errorf("got %s\nwant %s", out.String(), want)
	}
	r.scenarios[0].bar = 0.4
	out.Reset()
	r.table(&out, "app", "ours", []string{"peer"})
	if !strings.Contains(out.String(), "0.40, **not met**") {
		t.Errorf("got %s", out.String())
	}
}

func TestAContenderThatFailsIsLeftOutAndSaid(t *testing.T) {
	calls := map[string]int{}
	contenders := []contender{
		{name: "us", build: func(context.Context) error { calls["us"]++; return nil }},
		{name: "peer", build: func(context.Context) error { calls["peer"]++; return errors.New("crashed\nbadly") }},
	}
	r, err := measure(t.Context(), []scenario{{name: "edit", bar: 1, peer: "peer"}}, contenders, 3, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	if calls["us"] != 3 || calls["peer"] != 1 {
		t.Errorf("calls: %v", calls)
	}
	var out strings.Builder
	r.table(&out, "app", "us", []string{"peer"})
	if !strings.Contains(out.String(), "| edit | - | - | - | 0.00 | - |") || !strings.Contains(out.String(), "peer failed: crashed badly") {
		t.Errorf("got %s", out.String())
	}
}

func TestAContenderTakesPartInAsManyRunsAsItIsGiven(t *testing.T) {
	calls := map[string]int{}
	build := func(name string) func(context.Context) error {
		return func(context.Context) error { calls[name]++; return nil }
	}
	contenders := []contender{{name: "us", build: build("us")}, {name: "slow", build: build("slow"), most: 1}}
	r, err := measure(t.Context(), []scenario{{name: "edit"}}, contenders, 3, func(string, ...any) {})
	if err != nil || calls["us"] != 3 || calls["slow"] != 1 {
		t.Fatalf("calls %v, %v", calls, err)
	}
	if got := r.seconds["edit"]["us"].over(r.seconds["edit"]["slow"]).spread(); got != "one run" {
		t.Errorf("spread %q", got)
	}
}

// TestThePictureLeavesOutWhoDidNotRun: an axis without bars says nothing.
func TestThePictureLeavesOutWhoDidNotRun(t *testing.T) {
	r := newResults([]scenario{{name: "cold"}, {name: "edit"}})
	r.add("edit", "ours", 2)
	p := r.panel("app: seconds", []string{"ours", "peer"})
	if len(p.Categories) != 2 || len(p.Series) != 1 || p.Series[0].Name != "ours" || p.Series[0].Values[1] != 2 || !math.IsNaN(p.Series[0].Values[0]) {
		t.Errorf("got %+v", p)
	}
}

func TestASectionIsMeasuredAsOftenAsAskedElseAsThePageWants(t *testing.T) {
	for _, tc := range []struct {
		asked int
		whole bool
		want  int
	}{{0, false, 1}, {0, true, 3}, {5, false, 5}, {5, true, 5}} {
		if got := (section{runs: 3}).times(tc.asked, tc.whole); got != tc.want {
			t.Errorf("%+v: %d", tc, got)
		}
	}
}

func TestASectionIsWrittenBetweenItsMarks(t *testing.T) {
	page := "# Title\n\n<!-- measured by scripts/bench a -->\nold\n<!-- end -->\nbetween\n<!-- measured by scripts/bench b -->\nstays\n<!-- end -->\n"
	got, err := replaced(page, "a", "\nnew\n")
	want := "# Title\n\n<!-- measured by scripts/bench a -->\n\nnew\n\n<!-- end -->\nbetween\n<!-- measured by scripts/bench b -->\nstays\n<!-- end -->\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := replaced(page, "c", "new"); err == nil || !strings.Contains(err.Error(), "scripts/bench c") {
		t.Errorf("got %v", err)
	}
}

// TestThePageHasAPlaceForEverySection: else what took an hour to measure is not written.
func TestThePageHasAPlaceForEverySection(t *testing.T) {
	page, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		if _, err := replaced(string(page), s.name, "text"); err != nil {
			t.Error(err)
		}
	}
}

// TestACopyFollowsItsTreeAndKeepsWhatWasBuilt: a contender that compiles among the sources has a copy, and an edit touches there what
// it touches in the tree.
func TestACopyFollowsItsTreeAndKeepsWhatWasBuilt(t *testing.T) {
	tree, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	put := func(dir, name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(tree, "a/One.cs", "1")
	put(tree, "a/Two.cs", "2")
	put(tree, "a/bin/foreign.dll", "built by another")
	if err := follow(tree, copied); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(copied, "a/bin")); !os.IsNotExist(err) {
		t.Errorf("the copy has what another built: %v", err)
	}
	put(copied, "a/obj/own.dll", "built")
	before, _ := os.Stat(filepath.Join(copied, "a/One.cs"))
	put(tree, "a/One.cs", "1")
	put(tree, "a/Three.cs", "3")
	if err := errors.Join(os.Remove(filepath.Join(tree, "a/Two.cs")), follow(tree, copied)); err != nil {
		t.Fatal(err)
	}
	after, _ := os.Stat(filepath.Join(copied, "a/One.cs"))
	if !after.ModTime().Equal(before.ModTime()) {
		t.Error("an equal file was written again")
	}
	for name, want := range map[string]bool{"a/obj/own.dll": true, "a/Three.cs": true, "a/Two.cs": false} {
		if _, err := os.Stat(filepath.Join(copied, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOursMayNotFail: else a table without us would be printed as if nothing were wrong.
func TestOursMayNotFail(t *testing.T) {
	broken := contender{name: "four platforms", own: true, build: func(context.Context) error { return errors.New("broken") }}
	if _, err := measure(t.Context(), []scenario{{name: "edit"}}, []contender{broken}, 1, func(string, ...any) {}); err == nil || err.Error() != "edit: broken" {
		t.Errorf("got %v", err)
	}
}
