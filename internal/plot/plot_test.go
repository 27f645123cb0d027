package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func two() Chart {
	return Chart{Title: "Ways <to> build", Lines: []string{"2 processors", "no errors"}, Panels: []Panel{
		{Title: "wall, s", Categories: []string{"native", "emulated"}, Series: []Series{
			{Name: "cold", Values: []float64{16.8, math.NaN()}}, {Name: "after an edit", Values: []float64{4.25, math.NaN()}},
		}},
		{Title: "errors", Categories: []string{"all"}, Series: []Series{{Name: "one", Values: []float64{0}}}},
	}}
}

// texts reads what a picture says, in its order.
func texts(t *testing.T, picture []byte) []string {
	t.Helper()
	var all []string
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			all = append(all, strings.Trim(string(text), "\u00a0 \n"))
		}
	}
}

func TestPictureSaysTitlesNamesAndValues(t *testing.T) {
	picture, err := SVG(two())
	if err != nil {
		t.Fatal(err)
	}
	said := "\n" + strings.Join(texts(t, picture), "\n") + "\n"
	for _, want := range []string{"Ways <to> build", "2 processors", "no errors", "wall, s", "native", "emulated", "cold", "after an edit", "16.8", "4.25", "errors"} {
		if !strings.Contains(said, "\n"+want+"\n") {
			t.Errorf("the picture does not say %q; it says %q", want, said)
		}
	}
	if strings.Contains(said, "NaN") {
		t.Error("a value that is missing is written")
	}
	if !bytes.Contains(picture, []byte("fill:white")) {
		t.Error("the picture has no ground of its own")
	}
}

func TestSameChartSameBytes(t *testing.T) {
	first, err := SVG(two())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, err := SVG(two()); err != nil || !bytes.Equal(first, again) {
			t.Fatalf("another picture of the same chart (%v)", err)
		}
	}
	other := two()
	other.Panels[0].Series[0].Values[0] = 17
	if again, err := SVG(other); err != nil || bytes.Equal(first, again) {
		t.Errorf("the same picture of another chart (%v)", err)
	}
}

func TestChartWithoutBarsIsAnError(t *testing.T) {
	for _, bad := range []Panel{{Title: "none"}, {Title: "short", Categories: []string{"a", "b"}, Series: []Series{{Name: "s", Values: []float64{1}}}}} {
		if _, err := SVG(Chart{Panels: []Panel{bad}}); err == nil {
			t.Errorf("%s is drawn", bad.Title)
		}
	}
}

func TestNumber(t *testing.T) {
	for want, of := range map[string]float64{"0": 0, "0.0449": 0.04494, "1.50": 1.5, "16.8": 16.81, "1235": 1234.6} {
		if got := Number(of); got != want {
			t.Errorf("%v is written %q, want %q", of, got, want)
		}
	}
}
