package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

// table prints a Markdown table: ours against each peer, ratios first.
func (r *results) table(w io.Writer, title, ours string, peers []string) {
	fmt.Fprintf(w, "\n**%s**\n\n| scenario |", title)
	for _, p := range peers {
		fmt.Fprintf(w, " times %s | spread |", p)
	}
	fmt.Fprintf(w, " bar | %s s |", ours)
	for _, p := range peers {
		fmt.Fprintf(w, " %s s |", p)
	}
	fmt.Fprintf(w, "\n|---|%s---|---:|%s\n", strings.Repeat("---:|---|", len(peers)), strings.Repeat("---:|", len(peers)))
	for _, s := range r.scenarios {
		mine := r.seconds[s.name][ours]
		if len(mine) == 0 {
			continue
		}
		fmt.Fprintf(w, "| %s |", s.name)
		for _, p := range peers {
			ratios := mine.over(r.seconds[s.name][p])
			if len(ratios) == 0 {
				fmt.Fprint(w, " - | - |")
				continue
			}
			fmt.Fprintf(w, " %.2f | %s |", ratios.median(), ratios.spread())
		}
		fmt.Fprintf(w, " %s | %.2f |", s.verdict(mine, r.seconds[s.name][s.peer]), mine.median())
		for _, p := range peers {
			if theirs := r.seconds[s.name][p]; len(theirs) > 0 {
				fmt.Fprintf(w, " %.2f |", theirs.median())
			} else {
				fmt.Fprint(w, " - |")
			}
		}
		fmt.Fprintln(w)
	}
	for _, name := range append([]string{ours}, peers...) {
		if why := r.failed[name]; why != "" {
			fmt.Fprintf(w, "\n%s failed: %s\n", name, strings.Join(strings.Fields(why), " "))
		}
	}
}

// verdict compares with the bar, which nothing but this line depends on.
func (s scenario) verdict(ours, peer series) string {
	if s.bar == 0 || len(peer) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f, %s", s.bar, met(ours.over(peer).median() <= s.bar))
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "**not met**"
}

// panel shows the medians of some contenders.
func (r *results) panel(title string, contenders []string) plot.Panel {
	p := plot.Panel{Title: title}
	for _, s := range r.scenarios {
		p.Categories = append(p.Categories, s.name)
	}
	for _, c := range contenders {
		values := make([]float64, len(r.scenarios))
		for i, s := range r.scenarios {
			values[i] = math.NaN()
			if taken := r.seconds[s.name][c]; len(taken) > 0 {
				values[i] = taken.median()
			}
		}
		if slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) }) {
			p.Series = append(p.Series, plot.Series{Name: c, Values: values})
		}
	}
	return p
}
