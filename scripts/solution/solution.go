package main

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"
	"text/template"
)

//go:embed templates
var embedded embed.FS

var templates = template.Must(template.ParseFS(embedded, "templates/*"))

// project is one of the solution. The app is named App and refers to every project that nobody else refers to.
type project struct {
	Name       string
	References []*project
	Packages   []string
	// Extra are templates of C# files that only this project has: they use its packages.
	Extra  []string
	Topics []topic
	Salt   string
	used   bool
}

// topic is what five files are about: model, repository, service, report, codec.
type topic struct {
	*project
	Noun   string
	Fields []field
}

type field struct{ Name, Type, Kind string }

// libraries are the first nine, lowest first: two leaves, then those that build on them.
var libraries = []struct {
	name, references, packages, extra string
}{
	{"Primitives", "", "", ""},
	{"Telemetry", "", "Serilog", "LogSetup.cs"},
	{"Contracts", "Primitives", "", ""},
	{"Domain", "Primitives", "", ""},
	{"Storage", "Domain Telemetry", "Dapper Microsoft.Data.Sqlite", "SqliteCatalog.cs"},
	{"Messaging", "Contracts Telemetry", "Newtonsoft.Json", "Envelope.cs"},
	{"Pricing", "Domain", "", ""},
	{"Inventory", "Domain Storage", "Npgsql", "Warehouse.cs"},
	{"Orders", "Pricing Inventory Messaging", "", ""},
}

var nouns = strings.Fields(`Parcel Invoice Customer Shipment Basket Voucher Carrier Pallet Payment Refund Supplier Contract
	Schedule Catalogue Warranty Batch Claim Delivery Reservation Quote Route Depot Tariff Campaign Return`)

var fields = []field{
	{"Quantity", "int", "number"}, {"Price", "decimal", "number"}, {"Region", "string", "text"}, {"Weight", "double", "number"},
	{"CreatedAt", "DateTimeOffset", "time"}, {"Owner", "string", "text"}, {"Discount", "decimal", "number"}, {"Priority", "int", "number"},
	{"DueAt", "DateTimeOffset", "time"}, {"Channel", "string", "text"}, {"Volume", "double", "number"}, {"Revision", "long", "number"},
}

// kinds are the files of a topic: the template, and what follows the topic's name.
var kinds = []struct{ template, suffix string }{
	{"model.cs", ""}, {"repository.cs", "Repository"}, {"service.cs", "Service"}, {"report.cs", "Report"}, {"codec.cs", "Codec"},
}

// Class is the name of the topic's model; it is unlike that of the same noun in other projects.
func (t topic) Class() string { return t.Name + t.Noun }

// Upstream are the same topic's models in the projects that this one refers to.
func (t topic) Upstream() []topic {
	var list []topic
	for _, r := range t.References {
		list = append(list, topic{project: r, Noun: t.Noun})
	}
	return list
}

// Of gives the fields of one kind: number, text or time.
func (t topic) Of(kind string) []field {
	var list []field
	for _, f := range t.Fields {
		if f.Kind == kind {
			list = append(list, f)
		}
	}
	return list
}

// Generate gives the files by name. Every file carries the salt, if there is one.
func Generate(projects, files int, salt string) (map[string][]byte, error) {
	if projects < 2 || files < len(kinds) {
		return nil, fmt.Errorf("%d projects of %d files: want at least 2 of %d", projects, files, len(kinds))
	}
	all := plan(projects, files/len(kinds), salt)
	w := &writer{files: map[string][]byte{}}
	data := map[string]any{"Salt": salt, "Projects": all}
	for _, name := range []string{"Shop.slnx", "Directory.Build.props", "Directory.Packages.props"} {
		w.add(name, name, data)
	}
	for _, p := range all {
		folder := path.Join("src", p.Name)
		w.add(path.Join(folder, p.Name+".csproj"), "project.csproj", p)
		w.add(path.Join(folder, "Registration.cs"), "Registration.cs", p)
		for _, name := range p.Extra {
			w.add(path.Join(folder, name), path.Base(name), p)
		}
		for _, t := range p.Topics {
			for _, kind := range kinds {
				w.add(path.Join(folder, t.Noun, t.Class()+kind.suffix+".cs"), kind.template, t)
			}
		}
	}
	return w.files, w.err
}

// plan names the projects, lowest first and the app last, and says what each refers to and is about.
func plan(projects, topics int, salt string) []*project {
	var all []*project
	byName := map[string]*project{}
	for i := range projects - 1 {
		p := &project{Salt: salt}
		var references []string
		if i < len(libraries) {
			l := libraries[i]
			p.Name, p.Packages, p.Extra, references = l.name, strings.Fields(l.packages), strings.Fields(l.extra), strings.Fields(l.references)
		} else {
			p.Name, references = fmt.Sprintf("Feature%d", i+1), []string{"Domain", all[i-2].Name}
		}
		for _, name := range references {
			p.References = append(p.References, byName[name])
			byName[name].used = true
		}
		byName[p.Name] = p
		all = append(all, p)
	}
	app := &project{
		Name: "App", Packages: []string{"Serilog.AspNetCore"}, Salt: salt,
		Extra: []string{"Program.cs", "appsettings.json", "wwwroot/index.html", "wwwroot/site.css"},
	}
	for _, p := range all {
		if !p.used {
			app.References = append(app.References, p)
		}
	}
	all = append(all, app)
	for i, p := range all {
		p.addTopics(i, topics)
	}
	return all
}

// addTopics gives a topic two or three fields, another selection in each project.
func (p *project) addTopics(number, count int) {
	for i := range count {
		t := topic{project: p, Noun: nouns[i%len(nouns)]}
		if round := i / len(nouns); round > 0 {
			t.Noun += fmt.Sprint(round + 1)
		}
		start := 5*number + 3*i
		for j := range 2 + (number+i)%2 {
			t.Fields = append(t.Fields, fields[(start+j)%len(fields)])
		}
		p.Topics = append(p.Topics, t)
	}
}

// writer keeps the first error, so that its caller reads as a list of files.
type writer struct {
	files map[string][]byte
	err   error
}

func (w *writer) add(name, from string, data any) {
	var content bytes.Buffer
	if err := templates.ExecuteTemplate(&content, from, data); err != nil && w.err == nil {
		w.err = fmt.Errorf("writing %s: %w", name, err)
	}
	w.files[name] = content.Bytes()
}
