package comparison

import (
	"fmt"
	"math"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/load"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/measure"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/plot"
)

const strategies = "strategies"

// Strategies are the ways to one app's image for a foreign platform.
type Strategies struct {
	Kind string `json:"comparison"`
	// App is the project, SDK the image that it is built in.
	App        string     `json:"app"`
	SDK        string     `json:"sdk"`
	Processors int        `json:"processors"`
	Runs       int        `json:"runs"`
	Strategies []Strategy `json:"strategies"`
}

// Names of the strategies.
const (
	Native   = "native"
	Emulated = "emulated"
	Cross    = "cross-compiled"
)

// Strategy is one way, and how it went.
type Strategy struct {
	Name string `json:"name"`
	// On is the platform of the SDK that built, For what it built for.
	On  string   `json:"on"`
	For []string `json:"for"`
	// Worked says that every run ended with an image. Otherwise Failure says in one line which did not and why.
	Worked  bool   `json:"worked"`
	Failure string `json:"failure,omitempty"`
	// Note says what was done otherwise than elsewhere.
	Note string `json:"note,omitempty"`
	// Cold starts with nothing but the SDK image, Edit with everything but one line of the app; absent where no run came to its end.
	Cold *Build `json:"cold,omitempty"`
	Edit *Build `json:"edit,omitempty"`
	// Images in the order of For, without entries where none was made.
	Images []Image `json:"images"`
}

// Build is what a build took: the median of each figure over the runs.
type Build struct {
	measure.Measurement
	Runs []measure.Measurement `json:"runs"`
}

// Image is what came out for one platform, in bytes of compressed blobs, base included.
type Image struct {
	Platform string `json:"platform"`
	Size     int64  `json:"size"`
	App      int64  `json:"appSize"`
}

// NewStrategies starts a comparison.
func NewStrategies(app, sdk string, processors, runs int) *Strategies {
	return &Strategies{Kind: strategies, App: app, SDK: sdk, Processors: processors, Runs: runs}
}

// Add takes one run's figures.
func (b *Build) Add(m measure.Measurement) *Build {
	if b == nil {
		b = &Build{}
	}
	b.Runs = append(b.Runs, m)
	of := func(figure func(measure.Measurement) float64) float64 {
		figures := make([]float64, len(b.Runs))
		for i, r := range b.Runs {
			figures[i] = figure(r)
		}
		return load.Median(figures)
	}
	b.Measurement = measure.Measurement{
		Wall: of(func(m measure.Measurement) float64 { return m.Wall }),
		CPU:  of(func(m measure.Measurement) float64 { return m.CPU }),
		Peak: int64(of(func(m measure.Measurement) float64 { return float64(m.Peak) })),
	}
	return b
}

func (s *Strategies) about() string {
	runs := "one run"
	if s.Runs > 1 {
		runs = fmt.Sprintf("medians of %d runs", s.Runs)
	}
	return fmt.Sprintf("%d processors, %s", s.Processors, runs)
}

func (s *Strategies) rows() [][]string {
	rows := [][]string{{"strategy", "on", "for", "cold s", "cold CPU s", "cold peak MB", "edit s", "edit CPU s", "edit peak MB", "image MB"}}
	for _, one := range s.Strategies {
		row := []string{one.Name, one.On, strings.Join(one.For, ",")}
		for _, b := range []*Build{one.Cold, one.Edit} {
			if b == nil {
				row = append(row, "-", "-", "-")
				continue
			}
			peak := "-"
			if b.Peak > 0 {
				peak = fmt.Sprintf("%.0f", megabytes(b.Peak))
			}
			row = append(row, fmt.Sprintf("%.1f", b.Wall), fmt.Sprintf("%.1f", b.CPU), peak)
		}
		sizes := []string{"-"}
		if len(one.Images) > 0 {
			sizes = nil
		}
		for _, i := range one.Images {
			sizes = append(sizes, fmt.Sprintf("%.1f", megabytes(i.Size)))
		}
		rows = append(rows, append(row, strings.Join(sizes, " + ")))
	}
	return rows
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// remarks are lines about what did not work, and what else is to be said.
func (s *Strategies) remarks() []string {
	var lines []string
	for _, one := range s.Strategies {
		if one.Note != "" {
			lines = append(lines, fmt.Sprintf("%s for %s: %s", one.Name, strings.Join(one.For, ","), one.Note))
		}
		if !one.Worked {
			lines = append(lines, fmt.Sprintf("%s for %s did not work: %s", one.Name, strings.Join(one.For, ","), one.Failure))
		}
	}
	return lines
}

func (s *Strategies) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, built in %s\n%s\n\n%s", s.App, s.SDK, s.about(), aligned(s.rows()))
	for _, line := range s.remarks() {
		fmt.Fprintf(&b, "%s\n", line)
	}
	return b.String()
}

func (s *Strategies) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Ways to build %s\n\nSDK: `%s` · %s\n\n%s", s.App, s.SDK, s.about(), table(s.rows(), 3))
	for _, line := range s.remarks() {
		fmt.Fprintf(&b, "\n> %s\n", line)
	}
	return b.String()
}

func (s *Strategies) chart() plot.Chart {
	wall, cpu, peak := plot.Panel{Title: "wall, s"}, plot.Panel{Title: "CPU, s"}, plot.Panel{Title: "peak memory, MB"}
	panels := []*plot.Panel{&wall, &cpu, &peak}
	for _, p := range panels {
		p.Series = []plot.Series{{Name: "cold"}, {Name: "after an edit"}}
	}
	for _, one := range s.Strategies {
		name := one.Name + " for " + strings.Join(architecturesOf(one.For), " + ")
		if !one.Worked {
			name += " (did not work)"
		}
		for _, p := range panels {
			p.Categories = append(p.Categories, name)
		}
		for i, b := range []*Build{one.Cold, one.Edit} {
			figures := [3]float64{math.NaN(), math.NaN(), math.NaN()}
			if b != nil {
				figures = [3]float64{b.Wall, b.CPU, megabytes(b.Peak)}
			}
			for k, p := range panels {
				p.Series[i].Values = append(p.Series[i].Values, figures[k])
			}
		}
	}
	return plot.Chart{Title: "Ways to build " + s.App, Lines: []string{s.about()}, Panels: []plot.Panel{wall, cpu, peak}}
}

func architecturesOf(platforms []string) []string {
	names := make([]string, len(platforms))
	for i, p := range platforms {
		names[i] = strings.TrimPrefix(p, "linux/")
	}
	return names
}
