package comparison

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/load"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/measure"
)

var plan = load.Plan{Rate: 100, Rounds: 3, Duration: 10 * time.Second, WarmUp: 5 * time.Second}

func measured(url string, perSecond float64, failed map[string]int) load.Measured {
	return load.Measured{
		URL: url, Requests: 3000, WarmUp: 500, PerSecond: perSecond, Failed: failed, Bytes: 100, Causes: []string{},
		Latency: load.Latency{Mean: 2, P50: 1.5, P90: 3, P95: 4, P99: 10, Max: 25},
	}
}

func sampleArchitectures() *Architectures {
	return NewArchitectures(plan, measured("http://a/", 100, nil), measured("http://b/", 95, map[string]int{"503": 150}), 0.036, 0.0456)
}

func sampleStrategies() *Strategies {
	s := NewStrategies("src/Api/Api.csproj", "mcr.microsoft.com/dotnet/sdk:10.0@sha256:aa", 2, 1)
	build := func(wall, cpu float64) *Build {
		return (*Build)(nil).Add(measure.Measurement{Wall: wall, CPU: cpu, Peak: 300e6})
	}
	s.Strategies = []Strategy{
		{Name: Native, On: "linux/amd64", For: []string{"linux/amd64"}, Worked: true, Cold: build(16.8, 12), Edit: build(4.2, 5), Images: []Image{{"linux/amd64", 93.3e6, 67800}}},
		{Name: Emulated, On: "linux/arm64", For: []string{"linux/arm64"}, Failure: "restoring did not finish in 10m0s", Images: []Image{}},
		{Name: Cross, On: "linux/amd64", For: []string{"linux/amd64", "linux/arm64"}, Worked: true, Cold: build(17.7, 14), Edit: build(4.4, 5), Images: []Image{{"linux/amd64", 93.3e6, 67800}, {"linux/arm64", 89.9e6, 66700}}},
	}
	return s
}

func format(t *testing.T, c Comparison, as string) string {
	t.Helper()
	if err := CheckFormat(as); err != nil {
		t.Fatal(err)
	}
	text, err := Format(c, as)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCostIsThePriceOfTheHoursThatAMillionTakes(t *testing.T) {
	a := sampleArchitectures()
	// 100 requests/s are 360,000 an hour: a million takes 2.777… hours of 0.036.
	if got := a.Arm64.CostPerMillion; got < 0.0999 || got > 0.1001 {
		t.Errorf("a million costs %g, want 0.1", got)
	}
	if free := NewArchitectures(plan, measured("http://a/", 100, nil), measured("http://b/", 95, nil), 0, 0); free.Arm64.CostPerMillion != 0 || strings.Contains(format(t, free, "text"), "cost") {
		t.Error("a cost without a price")
	}
	if none := NewArchitectures(plan, measured("http://a/", 0, nil), measured("http://b/", 0, nil), 1, 1); none.Arm64.CostPerMillion != 0 {
		t.Errorf("a cost of %g without an answer", none.Arm64.CostPerMillion)
	}
}

func TestTextOfArchitectures(t *testing.T) {
	const want = `arm64 http://a/
amd64 http://b/
100 requests/s, 3 rounds of 10s at each, one after the other, after a warm-up of 5s; medians of the rounds

                  arm64  amd64  arm64/amd64
requests/s        100    95.0   1.05
latency p50, ms   1.50   1.50   1.00
latency p90, ms   3.00   3.00   1.00
latency p95, ms   4.00   4.00   1.00
latency p99, ms   10.0   10.0   1.00
latency max, ms   25.0   25.0   1.00
requests          3000   3000   
errors            0      150    
cost per million  0.1    0.133  0.75
note: amd64: 150 of 3000 requests failed (503: 150): 
`
	if got := format(t, sampleArchitectures(), "text"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOneRoundHasNoMedian(t *testing.T) {
	one := plan
	one.Rounds = 1
	text := format(t, NewArchitectures(one, measured("http://a/", 100, nil), measured("http://b/", 100, nil), 0, 0), "text")
	if want := "\n100 requests/s, one round of 10s at each, one after the other, after a warm-up of 5s\n"; !strings.Contains(text, want) {
		t.Errorf("%s does not say %q", text, want)
	}
}

func TestThePictureSaysTheErrorsAndNamesTheSidesOnce(t *testing.T) {
	picture := format(t, sampleArchitectures(), "svg")
	if want := "errors: arm64 0 of 3000 requests, amd64 150 of 3000 requests"; !strings.Contains(picture, want) {
		t.Errorf("the picture does not say %q", want)
	}
	if n := strings.Count(picture, ">arm64<"); n != 1 {
		t.Errorf("the legend is there %d times", n)
	}
}

func TestNotesTellWhatMakesTheFiguresDoubtful(t *testing.T) {
	slow, short := measured("http://a/", 50, nil), measured("http://b/", 100, nil)
	slow.Requests, slow.Bytes = 1500, 5000
	notes := strings.Join(NewArchitectures(plan, slow, short, 0, 0).Notes, "\n")
	for _, want := range []string{"arm64: 50 requests/s were sent, not 100", "answers differ in size, 5000 bytes of arm64 and 100 of amd64"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q lack %q", notes, want)
		}
	}
	if notes := NewArchitectures(plan, short, short, 0, 0).Notes; len(notes) > 0 {
		t.Errorf("notes %q of figures without fault", notes)
	}
}

func TestTextOfStrategies(t *testing.T) {
	const want = `src/Api/Api.csproj, built in mcr.microsoft.com/dotnet/sdk:10.0@sha256:aa
2 processors, one run

strategy        on           for                      cold s  cold CPU s  cold peak MB  edit s  edit CPU s  edit peak MB  image MB
native          linux/amd64  linux/amd64              16.8    12.0        300           4.2     5.0         300           93.3
emulated        linux/arm64  linux/arm64              -       -           -             -       -           -             -
cross-compiled  linux/amd64  linux/amd64,linux/arm64  17.7    14.0        300           4.4     5.0         300           93.3 + 89.9
emulated for linux/arm64 did not work: restoring did not finish in 10m0s
`
	if got := format(t, sampleStrategies(), "text"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEveryFormatTellsTheSame(t *testing.T) {
	for name, c := range map[string]Comparison{architectures: sampleArchitectures(), strategies: sampleStrategies()} {
		text := format(t, c, "json")
		read, err := Read(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, as := range Formats {
			if before, after := format(t, c, as), format(t, read, as); before != after {
				t.Errorf("%s as %s, and read from its JSON:\n%s\n%s", name, as, before, after)
			}
		}
	}
}

func TestMarkdownIsATable(t *testing.T) {
	for _, c := range []Comparison{sampleArchitectures(), sampleStrategies()} {
		var widths []int
		for line := range strings.Lines(format(t, c, "markdown")) {
			if strings.HasPrefix(line, "|") {
				widths = append(widths, strings.Count(line, "|"))
			}
		}
		if len(widths) < 4 || slices.Min(widths) != slices.Max(widths) {
			t.Errorf("rows of %v cells", widths)
		}
	}
}

func TestBuildIsTheMedianOfItsRuns(t *testing.T) {
	var b *Build
	for _, wall := range []float64{9, 1, 2} {
		b = b.Add(measure.Measurement{Wall: wall, CPU: 2 * wall, Peak: int64(wall)})
	}
	if b.Wall != 2 || b.CPU != 4 || b.Peak != 2 || len(b.Runs) != 3 {
		t.Errorf("%+v", b)
	}
}

func TestReadRefusesWhatIsNoComparison(t *testing.T) {
	for _, bad := range []string{"", "{", "{}", `{"comparison":"other"}`, `{"comparison":"strategies","runs":"one"}`} {
		if _, err := Read(bad); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckFormat("yaml"); err == nil || !strings.Contains(err.Error(), "svg") {
		t.Error(err)
	}
}

// TestAResultWithoutAnythingComparedIsNone: each format would say something else of it.
func TestAResultWithoutAnythingComparedIsNone(t *testing.T) {
	if _, err := Read(`{"comparison":"strategies"}`); err == nil || !strings.Contains(err.Error(), "compares nothing") {
		t.Errorf("got %v", err)
	}
}
