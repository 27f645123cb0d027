package nuget

import (
	"slices"
	"strings"
	"testing"
)

const config = `<?xml version="1.0"?><configuration><packageSources><clear/>
<add key="feed" value="https://pkgs.dev.azure.com/Shop/_packaging/feed/nuget/v3/index.json" /></packageSources></configuration>`

func TestParse(t *testing.T) {
	for text, want := range map[string][]Credential{
		"feed=Username=u;Password=p=1":                                     {{"feed", "Username=u;Password=p=1"}},
		"# CI\nNuGetPackageSourceCredentials_feed=Username=u;Password=p\n": {{"feed", "Username=u;Password=p"}},
		"a=Username=u;Password=p\nb=\"Username=v;Password=q\"":             {{"a", "Username=u;Password=p"}, {"b", "Username=v;Password=q"}},
		`{"endpointCredentials":[{"endpoint":"https://pkgs.dev.azure.com/shop/_packaging/feed/nuget/v3/index.json","password":"t"}]}`:  {{"feed", "Username=VssSessionToken;Password=t"}},
		`{"endpointCredentials":[{"endpoint":"https://pkgs.dev.azure.com/shop/_packaging/feed/nuget/v3/index.json/","password":"t"}]}`: {{"feed", "Username=VssSessionToken;Password=t"}},
	} {
		got, err := Parse(text, config)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Parse(%q) = %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "feed": "line 1", "s3cret": "line 1", "feed=s3cret": "line 1", "my feed=Username=u;Password=s3cret": "letters, digits",
		`{"s3cret":1}`: "no endpointCredentials", `{"s3cret`: "no endpointCredentials",
		`{"endpointCredentials":[{"endpoint":"https://other","password":"s3cret"}]}`: "https://other",
	} {
		got, err := Parse(text, config)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Parse(%q) = %v, %v; want an error with %q and without the secret", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("feed=Username=u;Password=p", config)
	f.Add(`{"endpointCredentials":[{"endpoint":"e","password":"t"}]}`, config)
	f.Fuzz(func(t *testing.T, text, config string) {
		if got, err := Parse(text, config); err == nil && len(got) == 0 {
			t.Error("no credential and no error")
		}
	})
}
