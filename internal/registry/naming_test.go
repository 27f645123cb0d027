package registry

import (
	"fmt"
	"strings"
	"testing"
)

func TestNaming(t *testing.T) {
	apps, paths := []string{"api", "worker"}, []string{"src/Api/Api.csproj", "src/Worker/Worker.csproj"}
	for _, c := range []struct {
		references string
		tags       []string
		fixed      bool
		want       string // of api, then of worker; "" is an error
		says       []string
	}{
		{"ghcr.io/me/{project}", nil, false, "ghcr.io/me/api:latest ghcr.io/me/worker:latest", nil},
		{"ghcr.io/me/{project}:1,quay.io/{project}/app", []string{"2"}, false, "ghcr.io/me/api:1 ghcr.io/me/api:2 quay.io/api/app:2 ghcr.io/me/worker:1 ghcr.io/me/worker:2 quay.io/worker/app:2", nil},
		{"ghcr.io/me/all:{project}", nil, false, "ghcr.io/me/all:api ghcr.io/me/all:worker", nil},
		{"ghcr.io/me/all:{project}", []string{"1"}, false, "", []string{paths[0] + " and " + paths[1], "ghcr.io/me/all:1", "{project}"}},
		{"ghcr.io/me/app", nil, true, "", []string{paths[0] + " and " + paths[1], "ghcr.io/me/app:latest", "team/{project}"}},
		{"ghcr.io/{project},ghcr.io/me/app", nil, false, "", []string{"ghcr.io/me/app:latest"}},
	} {
		n, err := ParseNaming(c.references, c.tags)
		if err != nil || n.Fixed() != c.fixed {
			t.Errorf("%s: fixed %v, %v", c.references, n.Fixed(), err)
			continue
		}
		all, err := n.Each(apps, paths)
		var got []string
		for _, targets := range all {
			for _, target := range targets {
				for _, tag := range target.Tags {
					got = append(got, target.Repository.Tag(tag).Name())
				}
			}
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", c.references, got, err)
		}
		for _, says := range c.says {
			if !strings.Contains(fmt.Sprint(err), says) {
				t.Errorf("%s: error %q does not say %q", c.references, err, says)
			}
		}
		if one, err := n.Each(apps[:1], paths[:1]); err != nil || len(one) != 1 {
			t.Errorf("%s for one app: %v", c.references, err)
		}
	}
}

func TestTwoAppsOfOneNameAreNamedBoth(t *testing.T) {
	n, err := ParseNaming("ghcr.io/me/{project}", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Each([]string{"api", "api"}, []string{"a/Api.csproj", "b/Api.csproj"})
	for _, says := range []string{"a/Api.csproj and b/Api.csproj", "ghcr.io/me/api:latest", "AssemblyName"} {
		if !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("error %v does not say %q", err, says)
		}
	}
}

func TestAnAppThatCannotBeNamedIsNamed(t *testing.T) {
	n, err := ParseNaming("ghcr.io/me/{project}", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Each([]string{"api."}, []string{"src/Api.csproj"})
	checkLine(t, "a name that ends with a dot", err, `naming the image of src/Api.csproj, where {project} is "api.": reading image reference "ghcr.io/me/{project}": `)
}

func TestNamingIsCheckedBeforeAnyAppIsKnown(t *testing.T) {
	for references, says := range map[string]string{
		"": "--image", "{project}.example.com/app": "not in the host", "ghcr.io/me/{name}": "the only word in braces is {project}", "ghcr.io/me/{project": "the only word",
		"https://ghcr.io/{project}": `"https://ghcr.io/{project}": leave out the scheme`, "ghcr.io/Me/{project}": `"ghcr.io/Me/{project}": want the repository in lower case`,
		"ghcr.io/{project},": `"ghcr.io/{project},": one of them is empty`, "ghcr.io/a//{project}": `"ghcr.io/a//{project}": a part`,
	} {
		if _, err := ParseNaming(references, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", references, err)
		}
	}
}
