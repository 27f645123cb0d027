// Package nuget reads the credentials that a CI provider has for package sources, and gives them in the form that a restore
// takes from its environment.
package nuget

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
)

// VariablePrefix and a source's name make the variable that NuGet reads credentials from,
// https://learn.microsoft.com/nuget/consume-packages/consuming-packages-authenticated-feeds
const VariablePrefix = "NuGetPackageSourceCredentials_"

// Credential is what NuGet shows to one package source.
type Credential struct {
	// Source is the source's name in nuget.config.
	Source string
	// Value is NuGet's own form: "Username=…;Password=…". It is a secret.
	Value string
}

const form = "want lines NAME=Username=USER;Password=TOKEN with the sources' names in nuget.config, or the JSON of VSS_NUGET_EXTERNAL_FEED_ENDPOINTS"

// sourceName is what can be part of a variable's name in a shell.
var sourceName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Parse reads credentials: lines "NAME=Username=…;Password=…", with or without VariablePrefix before the name, or the JSON that
// Azure's credential provider takes from VSS_NUGET_EXTERNAL_FEED_ENDPOINTS. That names sources by address: config is the
// text of the nuget.config that the restore reads, which gives them names. No error repeats any of the text, since it is a secret.
func Parse(text, config string) ([]Credential, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return endpoints(text, config)
	}
	var found []Credential
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "export "), VariablePrefix), "=")
		value = strings.Trim(value, `"'`)
		lower := strings.ToLower(value)
		if !strings.HasPrefix(lower, "username=") || !strings.Contains(lower, "password=") {
			return nil, fmt.Errorf("reading --nuget-credentials, line %d: %s", number, form)
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		found = append(found, Credential{name, value})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("reading --nuget-credentials: it is empty: %s", form)
	}
	return found, nil
}

func checkName(name string) error {
	if !sourceName.MatchString(name) {
		return fmt.Errorf("reading --nuget-credentials: the package source %q has a name that no variable can have: use letters, digits and '_' in nuget.config, or give a whole --nuget-config", name)
	}
	return nil
}

func endpoints(text, config string) ([]Credential, error) {
	var file struct {
		EndpointCredentials []struct {
			Endpoint, Username, Password string
		} `json:"endpointCredentials"`
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil || len(file.EndpointCredentials) == 0 {
		return nil, fmt.Errorf("reading --nuget-credentials: it begins like JSON, but has no endpointCredentials: %s", form)
	}
	names, err := sources(config)
	if err != nil {
		return nil, err
	}
	var found []Credential
	for _, e := range file.EndpointCredentials {
		name, known := names[address(e.Endpoint)]
		if !known {
			return nil, fmt.Errorf("reading --nuget-credentials: nuget.config has no source with the address %s", e.Endpoint)
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		user := e.Username
		if user == "" {
			user = "VssSessionToken" // what Azure's credential provider says for a token alone
		}
		found = append(found, Credential{name, "Username=" + user + ";Password=" + e.Password})
	}
	return found, nil
}

// sources gives the names of a nuget.config's package sources by address.
func sources(config string) (map[string]string, error) {
	var file struct {
		Sources []struct {
			Key   string `xml:"key,attr"`
			Value string `xml:"value,attr"`
		} `xml:"packageSources>add"`
	}
	if strings.TrimSpace(config) == "" {
		return nil, nil
	}
	if err := xml.Unmarshal([]byte(strings.TrimPrefix(config, "\ufeff")), &file); err != nil {
		return nil, fmt.Errorf("reading nuget.config: %w", err)
	}
	names := map[string]string{}
	for _, s := range file.Sources {
		names[address(s.Value)] = s.Key
	}
	return names, nil
}

// address is a source's, without what makes two spellings of one.
func address(s string) string { return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "/") }
