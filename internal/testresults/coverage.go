package testresults

import (
	"encoding/xml"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Coverage is which lines of the source ran, over all suites.
type Coverage struct {
	// Files in the order of their paths.
	Files []*CoveredFile
}

// CoveredFile is one file of the source.
type CoveredFile struct {
	// Path is relative to the source; Assembly is the one that the file is compiled into.
	Path, Assembly string
	// Lines by number: only those that hold code.
	Lines map[int]CoveredLine
	// classes of the file by name, each with its lines.
	classes map[string]map[int]bool
}

// CoveredLine is a line that holds code.
type CoveredLine struct {
	// Hits is how often it ran, over all suites.
	Hits int
	// Branches is how many ways lead on from it, Taken how many of them a suite took; both 0 where it has none.
	Branches, Taken int
}

// coberturaFile is what is read of the format,
// https://github.com/cobertura/web/blob/master/htdocs/xml/coverage-04.dtd
type coberturaFile struct {
	Sources  []string `xml:"sources>source"`
	Packages []struct {
		Name    string `xml:"name,attr"`
		Classes []struct {
			Name  string `xml:"name,attr"`
			File  string `xml:"filename,attr"`
			Lines []struct {
				Number    int    `xml:"number,attr"`
				Hits      int    `xml:"hits,attr"`
				Condition string `xml:"condition-coverage,attr"`
			} `xml:"lines>line"`
		} `xml:"classes>class"`
	} `xml:"packages>package"`
}

// condition is "50% (1/2)".
var condition = regexp.MustCompile(`\((\d+)/(\d+)\)`)

// Merge adds a Cobertura report of a run whose source lay in root. Files that the source lacks, which generators made, count
// for nothing: nobody can cover them. Of branches each suite tells a number alone, so the merged number is the largest, which
// may be less than the suites took together.
func (c *Coverage) Merge(report, root string, has func(file string) bool) error {
	var file coberturaFile
	if err := xml.Unmarshal([]byte(report), &file); err != nil {
		return fmt.Errorf("reading a coverage report: %w", err)
	}
	for _, p := range file.Packages {
		for _, class := range p.Classes {
			name, inside := sourceFile(class.File, file.Sources, root, has)
			if !inside {
				continue
			}
			covered := c.file(name, p.Name)
			lines := covered.classes[class.Name]
			if lines == nil {
				lines = map[int]bool{}
				covered.classes[class.Name] = lines
			}
			for _, l := range class.Lines {
				line := covered.Lines[l.Number]
				line.Hits += l.Hits
				if m := condition.FindStringSubmatch(l.Condition); m != nil {
					taken, _ := strconv.Atoi(m[1]) // digits
					of, _ := strconv.Atoi(m[2])    // digits
					line.Taken, line.Branches = max(line.Taken, taken), max(line.Branches, of)
				}
				covered.Lines[l.Number] = line
				lines[l.Number] = true
			}
		}
	}
	return nil
}

// sourceFile gives a report's file relative to the source: the report has it absolute or below one of its sources.
func sourceFile(name string, sources []string, root string, has func(file string) bool) (string, bool) {
	name = strings.ReplaceAll(name, `\`, "/")
	for _, source := range append([]string{""}, sources...) {
		file, inside := strings.CutPrefix(path.Join("/", source, name), root+"/")
		if inside && has(file) {
			return file, true
		}
	}
	return "", false
}

// file gives the entry of a file and makes it where there is none.
func (c *Coverage) file(name, assembly string) *CoveredFile {
	i, found := slices.BinarySearchFunc(c.Files, name, func(f *CoveredFile, name string) int { return strings.Compare(f.Path, name) })
	if !found {
		made := &CoveredFile{Path: name, Assembly: assembly, Lines: map[int]CoveredLine{}, classes: map[string]map[int]bool{}}
		c.Files = slices.Insert(c.Files, i, made)
	}
	return c.Files[i]
}

// Share is how many of some lines and branches were reached.
type Share struct{ Lines, Covered, Branches, Taken int }

// Percent of the lines; 100 where there is none to cover.
func (s Share) Percent() float64 { return rate(s.Covered, s.Lines) * 100 }

func (s Share) add(l CoveredLine) Share {
	s.Lines++
	if l.Hits > 0 {
		s.Covered++
	}
	s.Branches += l.Branches
	s.Taken += l.Taken
	return s
}

func (s Share) plus(t Share) Share {
	return Share{s.Lines + t.Lines, s.Covered + t.Covered, s.Branches + t.Branches, s.Taken + t.Taken}
}

// Share of the file.
func (f *CoveredFile) Share() Share {
	var s Share
	for _, l := range f.Lines {
		s = s.add(l)
	}
	return s
}

// Share of all files.
func (c *Coverage) Share() Share {
	var s Share
	for _, f := range c.Files {
		s = s.plus(f.Share())
	}
	return s
}

// Percent of the lines of all files.
func (c *Coverage) Percent() float64 { return c.Share().Percent() }

func rate(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// The parts of a Cobertura report that is written.
type (
	coberturaOut struct {
		XMLName xml.Name `xml:"coverage"`
		coberturaRates
		Covered  int                `xml:"lines-covered,attr"`
		Valid    int                `xml:"lines-valid,attr"`
		Taken    int                `xml:"branches-covered,attr"`
		Branches int                `xml:"branches-valid,attr"`
		Version  string             `xml:"version,attr"`
		Time     int                `xml:"timestamp,attr"`
		Sources  []string           `xml:"sources>source"`
		Packages []coberturaPackage `xml:"packages>package"`
	}
	coberturaRates struct {
		LineRate   string `xml:"line-rate,attr"`
		BranchRate string `xml:"branch-rate,attr"`
		Complexity int    `xml:"complexity,attr"`
	}
	coberturaPackage struct {
		Name string `xml:"name,attr"`
		coberturaRates
		Classes []coberturaClass `xml:"classes>class"`
	}
	coberturaClass struct {
		Name string `xml:"name,attr"`
		File string `xml:"filename,attr"`
		coberturaRates
		Methods string          `xml:"methods"`
		Lines   []coberturaLine `xml:"lines>line"`
	}
	coberturaLine struct {
		Number    int    `xml:"number,attr"`
		Hits      int    `xml:"hits,attr"`
		Branch    bool   `xml:"branch,attr"`
		Condition string `xml:"condition-coverage,attr,omitempty"`
	}
)

func ratesOf(s Share) coberturaRates {
	return coberturaRates{LineRate: decimal(rate(s.Covered, s.Lines)), BranchRate: decimal(rate(s.Taken, s.Branches))}
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 4, 64) }

// Cobertura gives the merged report. File names are relative to the source, where GitLab and Azure look for them. The same
// coverage is the same text: it carries no time.
func (c *Coverage) Cobertura() (string, error) {
	total := c.Share()
	out := coberturaOut{
		coberturaRates: ratesOf(total), Covered: total.Covered, Valid: total.Lines, Taken: total.Taken, Branches: total.Branches,
		Version: "1", Sources: []string{"."},
	}
	shares := map[string]Share{}
	for _, f := range c.Files {
		i := slices.IndexFunc(out.Packages, func(p coberturaPackage) bool { return p.Name == f.Assembly })
		if i < 0 {
			i = len(out.Packages)
			out.Packages = append(out.Packages, coberturaPackage{Name: f.Assembly})
		}
		shares[f.Assembly] = shares[f.Assembly].plus(f.Share())
		out.Packages[i].Classes = append(out.Packages[i].Classes, f.cobertura()...)
	}
	for i, p := range out.Packages {
		out.Packages[i].coberturaRates = ratesOf(shares[p.Name])
	}
	slices.SortFunc(out.Packages, func(a, b coberturaPackage) int { return strings.Compare(a.Name, b.Name) })
	text, err := xml.MarshalIndent(out, "", "  ")
	return xml.Header + string(text) + "\n", err
}

func (f *CoveredFile) cobertura() []coberturaClass {
	var classes []coberturaClass
	for name, numbers := range f.classes {
		class := coberturaClass{Name: name, File: f.Path}
		var share Share
		for number := range numbers {
			l := f.Lines[number]
			share = share.add(l)
			line := coberturaLine{Number: number, Hits: l.Hits, Branch: l.Branches > 0}
			if line.Branch {
				line.Condition = fmt.Sprintf("%d%% (%d/%d)", l.Taken*100/l.Branches, l.Taken, l.Branches)
			}
			class.Lines = append(class.Lines, line)
		}
		slices.SortFunc(class.Lines, func(a, b coberturaLine) int { return a.Number - b.Number })
		class.coberturaRates = ratesOf(share)
		classes = append(classes, class)
	}
	slices.SortFunc(classes, func(a, b coberturaClass) int { return strings.Compare(a.Name, b.Name) })
	return classes
}
