//go:build e2e

package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// compared is what --format json of compare-architectures promises, docs/compare.md.
type compared struct {
	Comparison   string
	Arm64, Amd64 struct {
		URL                      string
		Requests, WarmUpRequests int
		RequestsPerSecond        float64
		Failed                   map[string]int
		LatencyMilliseconds      struct{ P50, P90, P95, P99, Max float64 }
		CostPerMillion           float64
	}
}

// TestCompareArchitectures loads two servers of this machine, of which one fails a twentieth of the requests.
func TestCompareArchitectures(t *testing.T) {
	t.Parallel()
	var requests [2]atomic.Int64
	var urls [2]string
	for i, every := range []int64{0, 20} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n := requests[i].Add(1); every > 0 && n%every == 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		defer s.Close()
		urls[i] = s.URL
	}
	endpoint := func(url string) string { return "tcp" + strings.TrimPrefix(url, "http") }
	args := []string{"compare-architectures", "--arm", urls[0], "--amd", urls[1]}
	loaded := append(args, "--arm-endpoint", endpoint(urls[0]), "--amd-endpoint", endpoint(urls[1]), "--arm-price", "0.03238", "--amd-price", "0.04048",
		"--rate", "50", "--rounds", "2", "--duration", "2s", "--warm-up", "1s", "--format", "json")
	r := dagger(t, append([]string{"--silent", "call"}, loaded...)...)
	var c compared
	if err := json.Unmarshal([]byte(r.stdout), &c); r.code != 0 || err != nil {
		t.Fatalf("code %d, %v\n%s%s", r.code, err, r.stdout, tail(r.stderr))
	}
	if c.Comparison != "architectures" || c.Arm64.URL != urls[0] || c.Arm64.CostPerMillion <= 0 || c.Arm64.LatencyMilliseconds.P50 <= 0 {
		t.Errorf("%+v", c)
	}
	for i, side := range []int{c.Arm64.Requests + c.Arm64.WarmUpRequests, c.Amd64.Requests + c.Amd64.WarmUpRequests} {
		if seen := int(requests[i].Load()); side+1 != seen { // one asks whether it is there
			t.Errorf("%d requests are reported, server %d saw %d", side, i, seen)
		}
	}
	if failed := c.Amd64.Failed["503"]; len(c.Arm64.Failed) != 0 || failed < c.Amd64.Requests/20-1 || failed > c.Amd64.Requests/20+1 {
		t.Errorf("failed %v and %v of %d", c.Arm64.Failed, c.Amd64.Failed, c.Amd64.Requests)
	}

	t.Run("shown again", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "result.json")
		if err := os.WriteFile(file, []byte(r.stdout), 0o644); err != nil {
			t.Fatal(err)
		}
		svg := dagger(t, "--silent", "call", "show-comparison", "--result", file, "--format", "svg")
		var picture struct {
			XMLName xml.Name
			Text    []string `xml:"text"`
		}
		if err := xml.Unmarshal([]byte(svg.stdout), &picture); svg.code != 0 || err != nil || picture.XMLName.Local != "svg" || len(picture.Text) < 10 {
			t.Errorf("code %d, %v, %+v\n%s", svg.code, err, picture, tail(svg.stderr))
		}
	})
	for name, bad := range map[string]struct {
		args []string
		want string
	}{
		"without an endpoint": {args, "give --arm-endpoint tcp://127.0.0.1:"},
		"with itself":         {[]string{"compare-architectures", "--arm", "http://a.example/", "--amd", "http://a.example/"}, "compared with itself"},
		"without bounds":      {append(args, "--rate", "100000"), "reading --rate 100000"},
	} {
		t.Run(name, func(t *testing.T) {
			before := requests[0].Load()
			r := dagger(t, append([]string{"--silent", "call"}, bad.args...)...)
			if r.code == 0 || !strings.Contains(r.stderr, bad.want) || requests[0].Load() != before {
				t.Errorf("code %d, %d requests\n%s", r.code, requests[0].Load()-before, tail(r.stderr))
			}
		})
	}
}

// TestCompareStrategies builds the sample app in every way. Whether the emulated build works depends on the machine: it needs an SDK
// image of the foreign platform and an engine that emulates it.
func TestCompareStrategies(t *testing.T) {
	t.Parallel()
	r := dagger(t, "--silent", "call", "compare-strategies", "--build-timeout", "6m", "--format", "json")
	var c struct {
		Comparison string
		Strategies []struct {
			Name, On, Failure string
			For               []string
			Worked            bool
			Cold, Edit        *struct {
				WallSeconds, CPUSeconds float64
				PeakBytes               int64
			}
			Images []struct {
				Platform      string
				Size, AppSize int64
			}
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &c); r.code != 0 || err != nil {
		t.Fatalf("code %d, %v\n%s%s", r.code, err, r.stdout, tail(r.stderr))
	}
	var ways []string
	for _, s := range c.Strategies {
		ways = append(ways, s.Name+" "+strings.Join(s.For, ","))
		if !s.Worked {
			if s.Name != "emulated" || s.Failure == "" || strings.Contains(s.Failure, "\n") {
				t.Errorf("%s did not work: %q", s.Name, s.Failure)
			}
			continue
		}
		// A build that was taken from the cache would have taken no time; an edit neither restores nor compiles libraries.
		if s.Cold == nil || s.Edit == nil || s.Cold.CPUSeconds < 1 || s.Edit.CPUSeconds < 0.5 || s.Edit.CPUSeconds > s.Cold.CPUSeconds ||
			s.Cold.PeakBytes < 50e6 || s.Cold.PeakBytes > 4e9 || s.Cold.WallSeconds < s.Cold.CPUSeconds/64 {
			t.Errorf("%s: cold %+v, edit %+v", s.Name, s.Cold, s.Edit)
		}
		if len(s.Images) != len(s.For) || s.Images[0].Platform != s.For[0] || s.Images[0].AppSize < 1000 || s.Images[0].Size < 10*s.Images[0].AppSize {
			t.Errorf("%s: images %+v", s.Name, s.Images)
		}
	}
	if want := "[native linux/amd64 emulated linux/arm64 cross-compiled linux/arm64 cross-compiled linux/amd64,linux/arm64]"; fmt.Sprint(ways) != want {
		t.Errorf("strategies %v, want %s", ways, want)
	}

	t.Run("a build that takes too long", func(t *testing.T) {
		r := dagger(t, "--silent", "call", "compare-strategies", "--build-timeout", "1s")
		if r.code == 0 || !strings.Contains(r.stderr, "did not finish in 1s") || !strings.Contains(r.stderr, "no build of src/SampleApp.Api/SampleApp.Api.csproj worked") {
			t.Errorf("code %d\n%s", r.code, tail(r.stderr))
		}
	})
}
