package testresults

import (
	"embed"
	"html/template"
	"strings"
)

//go:embed coverage.html
var pages embed.FS

var coveragePages = template.Must(template.New("").Funcs(template.FuncMap{"percent": percent}).ParseFS(pages, "coverage.html"))

// pageName makes one file name of a path, another for each path.
var pageName = strings.NewReplacer("_", "__", "/", "_")

// pageLine is a line of a file's page. State is "" for a line without code, else hit, part or miss.
type pageLine struct {
	Number int
	Text   string
	State  string
	CoveredLine
}

// pageFile is a file of the index and of its own page.
type pageFile struct {
	Path, Page string
	Share
	Lines []pageLine
}

// HTML gives a report of pages by name: index.html, and one a file that shows its text with the lines that ran. They need
// nothing from elsewhere. read gives a file's text.
func (c *Coverage) HTML(read func(file string) (string, error)) (map[string]string, error) {
	made := map[string]string{}
	index := struct {
		Share
		Files []pageFile
	}{Share: c.Share()}
	for _, f := range c.Files {
		text, err := read(f.Path)
		if err != nil {
			return nil, err
		}
		page := pageFile{Path: f.Path, Page: pageName.Replace(f.Path) + ".html", Share: f.Share(), Lines: f.page(text)}
		index.Files = append(index.Files, page)
		if made[page.Page], err = render("file", page); err != nil {
			return nil, err
		}
	}
	var err error
	made["index.html"], err = render("index", index)
	return made, err
}

func (f *CoveredFile) page(text string) []pageLine {
	var lines []pageLine
	for text := range strings.Lines(text) {
		number := len(lines) + 1
		line := pageLine{Number: number, Text: strings.TrimRight(text, "\r\n")}
		if l, code := f.Lines[number]; code {
			line.CoveredLine = l
			switch {
			case l.Hits == 0:
				line.State = "miss"
			case l.Taken < l.Branches:
				line.State = "part"
			default:
				line.State = "hit"
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func render(name string, data any) (string, error) {
	var b strings.Builder
	err := coveragePages.ExecuteTemplate(&b, name, data)
	return b.String(), err
}
