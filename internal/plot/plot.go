// Package plot draws comparisons as horizontal bars, in SVG. The same chart gives the same bytes.
package plot

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"
)

// Chart is one picture: panels below each other, each with an axis of its own.
type Chart struct {
	Title string
	// Lines stand under the title.
	Lines  []string
	Panels []Panel
}

// Panel is one group of bars.
type Panel struct {
	// Title says what is measured, and its unit.
	Title string
	// Categories from top to bottom. Each has a bar of every series.
	Categories []string
	Series     []Series
}

// Series is what one thing compared gave, a value for each category, none below zero. NaN draws no bar.
type Series struct {
	Name   string
	Values []float64
}

// Sizes in pixels.
const (
	width     = 860
	margin    = 20
	heading   = 60
	line      = 17
	gap       = 26 // between a panel's axis and the heading of the next
	panelHead = 70
	bar       = 22
	between   = 14
)

// theme paints its own white ground: the picture reads the same on a light and on a dark page. Blue and orange are told apart
// by who sees no red or green, and by their lightness on paper.
var theme = charts.GetTheme(charts.ThemeLight).
	WithBackgroundColor(charts.ColorWhite).
	WithSeriesColors([]charts.Color{charts.ColorRGB(0x1f, 0x5f, 0xa8), charts.ColorRGB(0xe8, 0x8a, 0x1a), charts.ColorRGB(0x6b, 0x6b, 0x6b)})

// SVG draws the chart.
func SVG(c Chart) ([]byte, error) {
	height := heading + len(c.Lines)*line + margin
	for i, p := range c.Panels {
		if err := p.check(); err != nil {
			return nil, err
		}
		if height += p.height(); i > 0 {
			height += gap
		}
	}
	canvas := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme})
	canvas.FilledRect(0, 0, width, height, charts.ColorWhite, charts.ColorWhite, 0)
	canvas.Text(c.Title, margin, margin+14, 0, charts.FontStyle{FontSize: 15, FontColor: charts.ColorBlack})
	for i, text := range c.Lines {
		canvas.Text(text, margin, margin+36+i*line, 0, charts.FontStyle{FontSize: 10, FontColor: charts.ColorRGB(0x40, 0x40, 0x40)})
	}
	top := heading + len(c.Lines)*line
	var known []string
	for _, p := range c.Panels {
		names := p.names()
		legend := len(names) > 1 && !slices.Equal(names, known) // once for panels of the same series
		known = names
		box := charts.Box{Left: margin, Top: top, Right: width - margin, Bottom: top + p.height(), IsSet: true}
		if err := p.draw(canvas.Child(charts.PainterBoxOption(box)), legend); err != nil {
			return nil, fmt.Errorf("drawing %q: %w", p.Title, err)
		}
		top += p.height() + gap
	}
	picture, err := canvas.Bytes()
	return bytes.ReplaceAll(picture, []byte("'Roboto Medium',sans-serif"), []byte("Roboto,Arial,Helvetica,sans-serif")), err
}

func (p Panel) check() error {
	for _, s := range p.Series {
		if len(s.Values) != len(p.Categories) {
			return fmt.Errorf("drawing %q: %s has %d values for %d categories", p.Title, s.Name, len(s.Values), len(p.Categories))
		}
	}
	if len(p.Series) == 0 || len(p.Categories) == 0 {
		return fmt.Errorf("drawing %q: it has no bars", p.Title)
	}
	return nil
}

func (p Panel) height() int {
	return panelHead + len(p.Categories)*(len(p.Series)*bar+between)
}

func (p Panel) names() []string {
	names := make([]string, len(p.Series))
	for i, s := range p.Series {
		names[i] = s.Name
	}
	return names
}

func (p Panel) draw(on *charts.Painter, legend bool) error {
	// The library draws the first category lowest.
	categories := make([]string, len(p.Categories))
	for i, name := range p.Categories {
		// The library measures with a narrow font of its own, which few readers have: room for a wider one.
		categories[i] = name + strings.Repeat("\u00a0", 2+len(name)/7)
	}
	slices.Reverse(categories)
	var values [][]float64
	largest := 0.0
	for _, s := range p.Series {
		row := slices.Clone(s.Values)
		slices.Reverse(row)
		for i, v := range row {
			if math.IsNaN(v) {
				row[i] = charts.GetNullValue()
				continue
			}
			largest = max(largest, v)
		}
		values = append(values, row)
	}
	option := charts.NewBarChartOptionWithData(values)
	option.Theme, option.Horizontal = theme, true
	option.Padding = charts.NewBox(0, 0, 0, 0)
	option.Title = charts.TitleOption{Text: p.Title, FontStyle: charts.FontStyle{FontSize: 11}}
	option.Legend = charts.LegendOption{SeriesNames: p.names(), Offset: charts.OffsetRight, FontStyle: charts.FontStyle{FontSize: 10}}
	option.Legend.Show = charts.Ptr(legend)
	option.CategoryAxis.Labels = categories
	option.CategoryAxis.LabelFontStyle = charts.FontStyle{FontSize: 10}
	axis := charts.ValueAxisOption{Min: charts.Ptr(0.0), RangeValuePaddingScale: charts.Ptr(1.0), LabelFontStyle: charts.FontStyle{FontSize: 9}, ValueFormatter: tick}
	if largest == 0 {
		axis.Max = charts.Ptr(1.0) // an axis from nothing to nothing cannot be drawn
	}
	option.ValueAxis = []charts.ValueAxisOption{axis}
	for i := range option.SeriesList {
		option.SeriesList[i].Label = charts.SeriesLabel{Show: charts.Ptr(true), ValueFormatter: Number, FontStyle: charts.FontStyle{FontSize: 10}}
	}
	return on.BarChart(option)
}

// Number writes a figure with three digits that count, and no more than it needs.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// tick writes a number of the axis, which is a round one.
func tick(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
