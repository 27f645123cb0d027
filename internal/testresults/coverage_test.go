package testresults

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
)

// cobertura is a report of one class in one file.
func cobertura(source, file, lines string) string {
	return fmt.Sprintf(`<coverage><sources><source>%s</source></sources><packages><package name="Calc"><classes><class name="Calc.Calculator" filename="%s"><lines>%s</lines></class></classes></package></packages></coverage>`, source, file, lines)
}

func anything(string) bool { return true }

func merged(t *testing.T, reports ...string) *Coverage {
	t.Helper()
	c := &Coverage{}
	for _, report := range reports {
		if err := c.Merge(report, "/src", func(file string) bool { return !strings.HasPrefix(file, "obj/") }); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestMergeAddsHitsAndKeepsTheBestOfBranches(t *testing.T) {
	c := merged(t,
		cobertura("/", "src/Calc/Calc.cs", `<line number="1" hits="2"/><line number="2" hits="0" condition-coverage="25% (1/4)"/>`),
		cobertura("/src/", "Calc/Calc.cs", `<line number="1" hits="3"/><line number="2" hits="1" condition-coverage="50% (2/4)"/><line number="3" hits="0"/>`),
		cobertura("/src/", "/src/Calc/Calc.cs", `<line number="2" hits="0" condition-coverage="25% (1/4)"/>`),
		cobertura("/", "src/obj/Generated.cs", `<line number="1" hits="0"/>`),
		cobertura("/", "elsewhere/Calc.cs", `<line number="1" hits="0"/>`),
	)
	if len(c.Files) != 1 || c.Files[0].Path != "Calc/Calc.cs" {
		t.Fatalf("%+v", c.Files)
	}
	if got := c.Files[0].Lines[1].Hits; got != 5 {
		t.Errorf("line 1 has %d hits", got)
	}
	if got, want := c.Share(), (Share{Lines: 3, Covered: 2, Branches: 4, Taken: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMergedReportIsOneOfCobertura(t *testing.T) {
	c := merged(t,
		cobertura("/", "src/b.cs", `<line number="2" hits="0"/><line number="1" hits="1" condition-coverage="50% (1/2)"/>`),
		cobertura("/", "src/a.cs", `<line number="7" hits="1"/>`),
	)
	text, err := c.Cobertura()
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Cobertura()
	if err != nil || text != again {
		t.Error("the same coverage gives two texts")
	}
	var got coberturaFile
	if err := xml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	classes := got.Packages[0].Classes
	if len(got.Packages) != 1 || len(classes) != 2 || classes[0].File != "a.cs" || classes[1].Lines[0].Number != 1 || classes[1].Lines[0].Condition != "50% (1/2)" {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(text, `<coverage line-rate="0.6667" branch-rate="0.5000" complexity="0" lines-covered="2" lines-valid="3" branches-covered="1" branches-valid="2"`) {
		t.Error(text)
	}
}

func TestPagesShowTheSource(t *testing.T) {
	c := merged(t, cobertura("/", "src/a_b/c.cs", `<line number="1" hits="3"/><line number="2" hits="0"/><line number="4" hits="1" condition-coverage="50% (1/2)"/>`))
	pages, err := c.HTML(func(string) (string, error) { return "one<T>();\r\ntwo();\n\nfour();", nil })
	if err != nil {
		t.Fatal(err)
	}
	page := pages["a__b_c.cs.html"]
	for _, row := range []string{
		`<tr class="hit"><td class="number">1<td class="number">3<td>one&lt;T&gt;();`, `<tr class="miss"><td class="number">2<td class="number">0<td>two();`,
		`<tr><td class="number">3<td class="number"><td>`, `<tr class="part"><td class="number">4<td class="number">1<td>four();`,
	} {
		if !strings.Contains(page, row) {
			t.Errorf("no %s in\n%s", row, page)
		}
	}
	if index := pages["index.html"]; !strings.Contains(index, `<a href="a__b_c.cs.html">a_b/c.cs</a><td class="number">2/3<td class="number">66.6 %<td class="number">1/2`) {
		t.Error(index)
	}
	if _, err := c.HTML(func(string) (string, error) { return "", errRead }); err == nil {
		t.Error("a file that cannot be read is passed over")
	}
}

func TestReportThatIsNoXML(t *testing.T) {
	if err := (&Coverage{}).Merge("no", "/src", anything); err == nil || !strings.Contains(err.Error(), "reading a coverage report") {
		t.Error(err)
	}
}
