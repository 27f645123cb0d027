package comparison

import (
	"fmt"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/load"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

const architectures = "architectures"

// Architectures is the same load at one app on two architectures.
type Architectures struct {
	Kind string `json:"comparison"`
	// Rate in requests a second, asked for at each side.
	Rate            int     `json:"rate"`
	Rounds          int     `json:"rounds"`
	DurationSeconds float64 `json:"durationSeconds"`
	WarmUpSeconds   float64 `json:"warmUpSeconds"`
	Arm64           Side    `json:"arm64"`
	Amd64           Side    `json:"amd64"`
	// Notes are what makes the figures doubtful.
	Notes []string `json:"notes,omitempty"`
}

// Side is one architecture.
type Side struct {
	load.Measured
	// PricePerHour of what runs the app, and what a million answered requests cost at the rate measured; absent without a price.
	PricePerHour   float64 `json:"pricePerHour,omitempty"`
	CostPerMillion float64 `json:"costPerMillion,omitempty"`
}

// NewArchitectures compares what was measured. Prices are by the hour, in any currency; 0 for none.
func NewArchitectures(plan load.Plan, arm64, amd64 load.Measured, arm64Price, amd64Price float64) *Architectures {
	a := &Architectures{
		Kind: architectures, Rate: plan.Rate, Rounds: plan.Rounds, DurationSeconds: plan.Duration.Seconds(), WarmUpSeconds: plan.WarmUp.Seconds(),
		Arm64: newSide(arm64, arm64Price), Amd64: newSide(amd64, amd64Price),
	}
	for _, s := range a.sides() {
		sent := float64(s.Requests) / (float64(plan.Rounds) * plan.Duration.Seconds())
		if sent < 0.98*float64(plan.Rate) {
			a.Notes = append(a.Notes, fmt.Sprintf("%s: %.0f requests/s were sent, not %d: too many were unanswered at once, or this machine cannot send more", s.name, sent, plan.Rate))
		}
		if s.Failures() > 0 {
			a.Notes = append(a.Notes, fmt.Sprintf("%s: %d of %d requests failed (%s): %s", s.name, s.Failures(), s.Requests, s.Statuses(), strings.Join(s.Causes, "; ")))
		}
	}
	if small, large := min(arm64.Bytes, amd64.Bytes), max(arm64.Bytes, amd64.Bytes); small < 0.9*large-64 {
		a.Notes = append(a.Notes, fmt.Sprintf("answers differ in size, %.0f bytes of arm64 and %.0f of amd64: make sure that it is the same app", arm64.Bytes, amd64.Bytes))
	}
	return a
}

func newSide(m load.Measured, price float64) Side {
	s := Side{Measured: m, PricePerHour: price}
	if price > 0 && m.PerSecond > 0 {
		s.CostPerMillion = price / (m.PerSecond * 3600) * 1e6
	}
	return s
}

type namedSide struct {
	name string
	Side
}

func (a *Architectures) sides() []namedSide {
	return []namedSide{{"arm64", a.Arm64}, {"amd64", a.Amd64}}
}

// rows are the figures, a column for each architecture and one for their ratio.
func (a *Architectures) rows() [][]string {
	x, y := a.Arm64, a.Amd64
	rows := [][]string{{"", "arm64", "amd64", "arm64/amd64"}}
	count := func(name string, a, b int) {
		rows = append(rows, []string{name, fmt.Sprint(a), fmt.Sprint(b), ""})
	}
	figure := func(name string, a, b float64) {
		rows = append(rows, []string{name, plot.Number(a), plot.Number(b), ratio(a, b)})
	}
	figure("requests/s", x.PerSecond, y.PerSecond)
	figure("latency p50, ms", x.Latency.P50, y.Latency.P50)
	figure("latency p90, ms", x.Latency.P90, y.Latency.P90)
	figure("latency p95, ms", x.Latency.P95, y.Latency.P95)
	figure("latency p99, ms", x.Latency.P99, y.Latency.P99)
	figure("latency max, ms", x.Latency.Max, y.Latency.Max)
	count("requests", x.Requests, y.Requests)
	count("errors", x.Failures(), y.Failures())
	if x.CostPerMillion > 0 && y.CostPerMillion > 0 {
		figure("cost per million", x.CostPerMillion, y.CostPerMillion)
	}
	return rows
}

func (a *Architectures) load() string {
	rounds, medians := "one round", ""
	if a.Rounds != 1 {
		rounds, medians = fmt.Sprintf("%d rounds", a.Rounds), "; medians of the rounds"
	}
	return fmt.Sprintf("%d requests/s, %s of %gs at each, one after the other, after a warm-up of %gs%s", a.Rate, rounds, a.DurationSeconds, a.WarmUpSeconds, medians)
}

// errors is the line of a picture that says how many requests failed, also where none did.
func (a *Architectures) errors() string {
	parts := make([]string, 0, 2)
	for _, s := range a.sides() {
		parts = append(parts, fmt.Sprintf("%s %d of %d requests", s.name, s.Failures(), s.Requests))
	}
	return "errors: " + strings.Join(parts, ", ")
}

func (a *Architectures) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "arm64 %s\namd64 %s\n%s\n\n%s", a.Arm64.URL, a.Amd64.URL, a.load(), aligned(a.rows()))
	for _, note := range a.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

func (a *Architectures) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### One app on two architectures\n\narm64: `%s` · amd64: `%s`\n\n%s.\n\n%s", a.Arm64.URL, a.Amd64.URL, a.load(), table(a.rows(), 1))
	for _, note := range a.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	return b.String()
}

func (a *Architectures) chart() plot.Chart {
	latency := plot.Panel{Title: "latency, ms", Categories: []string{"p50", "p90", "p95", "p99"}}
	rate := plot.Panel{Title: "answered requests/s", Categories: []string{"rate"}}
	errors := plot.Panel{Title: "errors, % of the requests", Categories: []string{"errors"}}
	cost := plot.Panel{Title: "cost per million requests", Categories: []string{"cost"}}
	for _, s := range a.sides() {
		latency.Series = append(latency.Series, plot.Series{Name: s.name, Values: []float64{s.Latency.P50, s.Latency.P90, s.Latency.P95, s.Latency.P99}})
		rate.Series = append(rate.Series, plot.Series{Name: s.name, Values: []float64{s.PerSecond}})
		errors.Series = append(errors.Series, plot.Series{Name: s.name, Values: []float64{100 * float64(s.Failures()) / float64(max(s.Requests, 1))}})
		cost.Series = append(cost.Series, plot.Series{Name: s.name, Values: []float64{s.CostPerMillion}})
	}
	panels := []plot.Panel{latency, rate}
	if a.Arm64.Failures()+a.Amd64.Failures() > 0 {
		panels = append(panels, errors)
	}
	if a.Arm64.CostPerMillion > 0 && a.Amd64.CostPerMillion > 0 {
		panels = append(panels, cost)
	}
	return plot.Chart{Title: "One app on two architectures", Lines: []string{a.load(), a.errors()}, Panels: panels}
}
