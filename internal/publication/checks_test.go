package publication

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseChecks(t *testing.T) {
	for list, want := range map[string][]string{
		"": {}, "smoke": {"smoke"}, "smoke, test,inspect,smoke": {"test", "inspect", "smoke"}, ",inspect,": {"inspect"},
	} {
		if got, err := ParseChecks(list); err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v, want %q", list, got, err, want)
		}
	}
	if _, err := ParseChecks("smoke,lint"); err == nil || !strings.Contains(err.Error(), `no check "lint"`) || !strings.Contains(err.Error(), "test, inspect, smoke") {
		t.Errorf("%v", err)
	}
}

func TestChecksThatPassedAreTold(t *testing.T) {
	p := example
	p.Checks = []Check{{Name: Test, Seconds: 3}, {Name: Smoke, Seconds: 12.34, Said: []string{"linux/amd64 answered 200", "linux/arm64 answered 200"}}}
	other := p
	other.Checks = p.Checks[1:]
	for format, says := range map[string][]string{
		"text":     {"test         passed in 3.0 s\n", "smoke        passed in 12.3 s\n             linux/amd64 answered 200\n             linux/arm64 answered 200\n"},
		"markdown": {"\n- test passed in 3.0 s\n", "\n- smoke passed in 12.3 s\n  - linux/amd64 answered 200\n"},
		"json":     {`"checks": [`, `"name": "smoke",`, `"linux/amd64 answered 200"`},
	} {
		got, err := p.String(format)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range says {
			if !strings.Contains(got, s) {
				t.Errorf("%s lacks %q:\n%s", format, s, got)
			}
		}
		if got, err = NewRelease([]Publication{p, other}, nil, nil).String(format); err != nil || format != "json" && !strings.Contains(strings.ToLower(got), "passed") {
			t.Errorf("of several apps: %v\n%s", err, got)
		}
	}
}
