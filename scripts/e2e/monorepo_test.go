//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
)

// release is what --format json promises of several apps, docs/monorepo.md.
type release struct {
	Apps []struct {
		publication
		Project string
	}
	Sent      int
	BytesSent int64
	Notes     []string
}

// digests by project.
func (r release) digests() map[string]string {
	digests := map[string]string{}
	for _, app := range r.Apps {
		digests[app.Project] = app.Digest
	}
	return digests
}

// pushAll pushes several apps: arguments of the constructor, then those of the function.
func pushAll(t *testing.T, constructor, function []string) (release, result) {
	t.Helper()
	return pushedAs[release](t, constructor, function)
}

// steps names what the build's log shows to have really run: restores by number, compiled libraries and published apps by name.
func (r result) steps(kind *regexp.Regexp) []string {
	var names []string
	for _, match := range kind.FindAllStringSubmatch(r.stderr, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var (
	publishedApp    = regexp.MustCompile(`([\w.]+) -> /publish/linux-`)
	compiledLibrary = regexp.MustCompile(`([\w.]+) -> /src/libraries/`)
)

// digestOf is what a tag means.
func digestOf(t *testing.T, reference string) string {
	t.Helper()
	digest, err := crane.Digest(reference)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// monorepo copies the source of several apps into a folder of its own.
func monorepo(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "monorepo")
	if err := os.CopyFS(to, os.DirFS(filepath.Join(root(t), "scripts", "e2e", "testdata", "monorepo"))); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestSeveralApps publishes a source of four services, two of which share a library, one of which has a private one, one that is
// for one platform alone, and one without libraries.
func TestSeveralApps(t *testing.T) {
	t.Parallel()
	needsDotnet10(t)
	const api, billing, edge, mailer = "services/Api/Api.csproj", "services/Billing/Billing.csproj", "services/Edge/Edge.csproj", "services/Mailer/Mailer.csproj"
	source, unreadable := monorepo(t), monorepo(t)
	edit(t, filepath.Join(unreadable, "services", "Api", "Api.csproj"), "<PropertyGroup>", "<PropertyGroup")
	to := repository(t)
	// A property that nothing reads: what earlier runs left in the cache proves nothing.
	property := anew(t, 0)
	all, images := []string{"--source", source, "--all", "--property", property}, []string{"--image", to + "/{project}"}
	names := map[string]string{api: "shop.api", billing: "billing", edge: "edge", mailer: "mailer"}

	first, _ := pushAll(t, all, images)
	want := first.digests()
	var projects []string
	for _, app := range first.Apps {
		projects = append(projects, app.Project)
		if app.Reference != to+"/"+names[app.Project]+"@"+app.Digest || !tagged(t, to+"/"+names[app.Project]+":latest") {
			t.Errorf("%s was pushed as %s", app.Project, app.Reference)
		}
	}
	if !slices.Equal(projects, []string{api, billing, edge, mailer}) || first.Sent != 4 {
		t.Errorf("pushed %q, %d of them sent", projects, first.Sent)
	}
	if n := len(first.Apps[2].Platforms); n != 1 {
		t.Errorf("%s has %d platforms, its project names one", edge, n)
	}
	if note := strings.Join(first.Notes, "\n"); !strings.Contains(note, "Shop.Benchmarks.csproj is a benchmark") || !strings.Contains(note, "Migrate.csproj is a .NET tool") {
		t.Errorf("notes %q", first.Notes)
	}
	u := pull(t, first.Apps[1].Reference, "linux/amd64")
	if facts := u.run(t); facts["service"] != "billing with prices" {
		t.Errorf("the app says %v", facts)
	}

	t.Run("alone each has the same digest", func(t *testing.T) {
		for _, project := range []string{billing, edge, mailer} {
			p, r := push(t, []string{"--source", source, "--project", project, "--property", property}, []string{"--image", to + "/alone/{project}"})
			if p.Digest != want[project] {
				t.Errorf("%s alone is %s, with the others %s", project, p.Digest, want[project])
			}
			// That which shares no step with another has the step that it has alone.
			if r.published() == (project == edge) {
				t.Errorf("%s was published anew: %v", project, r.published())
			}
		}
	})
	t.Run("an edit of one builds and sends that one", func(t *testing.T) {
		edit(t, filepath.Join(source, "services", "Billing", "Program.cs"), `"billing"`, `"billing `+nonce+`"`)
		edited, r := pushAll(t, all, images)
		if got := r.steps(publishedApp); !slices.Equal(got, []string{"Billing"}) || r.restored() || len(r.steps(compiledLibrary)) > 0 {
			t.Errorf("published %q, restored %v, compiled %q", got, r.restored(), r.steps(compiledLibrary))
		}
		for _, app := range edited.Apps {
			if changed := app.Project == billing; (app.Digest != want[app.Project]) != changed || (app.BytesSent > 0) != changed {
				t.Errorf("%s: digest %s, %d bytes sent", app.Project, app.Digest, app.BytesSent)
			}
		}
		if edited.Sent != 1 {
			t.Errorf("%d apps were sent", edited.Sent)
		}
		want = edited.digests()
	})
	t.Run("an app that does not compile leaves every tag", func(t *testing.T) {
		edit(t, filepath.Join(source, "services", "Billing", "Program.cs"), `"billing `, `"changed `)
		edit(t, filepath.Join(source, "services", "Api", "Program.cs"), "var app", "int app")
		r := dagger(t, append(append([]string{"--progress=plain", "call"}, all...), "build-and-push", "--image", to+"/{project}", "--tag", "latest", "--tag", "broken")...)
		if message := finalError(r.stderr); r.code == 0 || !strings.Contains(message, "publishing "+api+" failed") || !strings.Contains(message, "Program.cs(1,") {
			t.Errorf("code %d\n%s", r.code, message)
		}
		for project, name := range names {
			if tagged(t, to+"/"+name+":broken") {
				t.Errorf("%s was tagged", project)
			}
			if is := digestOf(t, to+"/"+name+":latest"); is != want[project] {
				t.Errorf("latest of %s means %s, want %s", project, is, want[project])
			}
		}
		edit(t, filepath.Join(source, "services", "Api", "Program.cs"), "int app", "var app")
	})
	t.Run("files in a folder for each", func(t *testing.T) {
		r := dagger(t, append(append([]string{"--silent", "call"}, all...), "build", "entries")...)
		if got := strings.Fields(r.stdout); !slices.Equal(got, []string{"billing/", "edge/", "mailer/", "shop.api/"}) {
			t.Errorf("code %d, entries %q\n%s", r.code, got, tail(r.stderr))
		}
	})
	for _, c := range []struct {
		name        string
		constructor []string
		function    []string
		says        []string
	}{
		{"no {project}", []string{"--project", "Billing", "--project", "Mailer"}, []string{"build-and-push", "--image", to + "/app"}, []string{billing + " and " + mailer, to + "/app:latest", "{project}"}},
		{"one image name", []string{"--all", "--property", "AssemblyName=Same"}, []string{"build-and-push", "--image", to + "/{project}"}, []string{api + " and " + billing, to + "/same:latest", "AssemblyName"}},
		{"an unknown project", []string{"--projects", "Billing,Nope"}, []string{"build-and-push", "--image", to + "/{project}"}, []string{`"Nope"`, api}},
		{"another word in braces", []string{"--all"}, []string{"build-and-push", "--image", to + "/{app}"}, []string{"{project}"}},
		{"an image file", []string{"--all"}, []string{"image"}, []string{"one app", "--project"}},
		{"a project that cannot be read", []string{"--all", "--source", unreadable}, []string{"build-and-push", "--image", to + "/{project}"}, []string{"services/Api/Api.csproj", "--project"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := dagger(t, slices.Concat([]string{"--progress=plain", "call", "--source", source}, c.constructor, c.function)...)
			message := finalError(r.stderr)
			for _, says := range c.says {
				if r.code == 0 || !strings.Contains(message, says) {
					t.Errorf("code %d, the error does not say %q:\n%s", r.code, says, message)
				}
			}
			if tagged(t, to+"/app:latest") || tagged(t, to+"/same:latest") {
				t.Error("a tag was written")
			}
		})
	}
}
