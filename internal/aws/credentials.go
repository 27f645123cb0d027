package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/sethvargo/go-envconfig"
)

// settings are AWS's standard variables that the text of --aws-credentials may hold,
// https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
type settings struct {
	Region          string `env:"AWS_REGION"`
	DefaultRegion   string `env:"AWS_DEFAULT_REGION"`
	EndpointURL     string `env:"AWS_ENDPOINT_URL"`
	IgnoreEndpoints bool   `env:"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"`
	FIPS            bool   `env:"AWS_USE_FIPS_ENDPOINT"`
	DualStack       bool   `env:"AWS_USE_DUALSTACK_ENDPOINT"`
	CABundle        string `env:"AWS_CA_BUNDLE"`

	// services are the variables AWS_ENDPOINT_URL_SERVICE, by their ends.
	services map[string]string
}

// credentials are the settings with the keys, which the text must hold where no role is given.
type credentials struct {
	Settings        settings
	AccessKeyID     string  `env:"AWS_ACCESS_KEY_ID,required"`
	SecretAccessKey string  `env:"AWS_SECRET_ACCESS_KEY,required"`
	SessionToken    string  `env:"AWS_SESSION_TOKEN"`
	Expiration      instant `env:"AWS_CREDENTIAL_EXPIRATION"`
}

// instant is a time as the AWS tools print it: RFC 3339, with a space in place of the T in older ones.
type instant struct{ time.Time }

// EnvDecode leaves the time zero where it is in a form of its own: whether the keys have expired AWS says then.
func (i *instant) EnvDecode(value string) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, value); err == nil {
			i.Time = t
			return nil
		}
	}
	return nil
}

const (
	readingCredentials = "reading --aws-credentials"
	exportCredentials  = "--aws-credentials 'cmd://aws configure export-credentials --format env-no-export'"
	renewKeys          = "renew them where they come from, such as by aws sso login, and run the command again with " + exportCredentials
)

// readCredentials reads the text; withKeys says whether it must hold keys. No error shows anything of it but names.
func (a *Access) readCredentials(withKeys bool) error {
	variables, err := parse(a.options.Credentials)
	if err != nil {
		return fmt.Errorf("%s: %w", readingCredentials, err)
	}
	var read credentials
	var target any = &read
	if !withKeys {
		target = &read.Settings
	}
	err = envconfig.ProcessWith(context.Background(), &envconfig.Config{Target: target, Lookuper: envconfig.MapLookuper(variables)})
	switch {
	case errors.Is(err, envconfig.ErrMissingRequired):
		return fmt.Errorf("%s: it lacks %s: give what aws configure export-credentials prints, such as %s", readingCredentials, missing(variables), exportCredentials)
	case err != nil:
		return fmt.Errorf("%s: AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT and AWS_IGNORE_CONFIGURED_ENDPOINT_URLS want true or false", readingCredentials)
	case read.Settings.CABundle != "" && a.options.Authorities == nil:
		return fmt.Errorf("%s: AWS_CA_BUNDLE names a file on your machine, which the module does not see: give it with --ca-certificate", readingCredentials)
	}
	if read.Settings.IgnoreEndpoints {
		read.Settings.EndpointURL = ""
	}
	a.settings = read.Settings
	a.settings.services = map[string]string{}
	for name, value := range variables {
		if service, ok := strings.CutPrefix(name, "AWS_ENDPOINT_URL_"); ok {
			a.settings.services[service] = value
		}
	}
	if !withKeys {
		return nil
	}
	if expires := read.Expiration; !expires.IsZero() && !a.options.now().Before(expires.Time) {
		return fmt.Errorf("%s: the credentials expired at %s: %s", readingCredentials, expires.UTC().Format(time.RFC3339), renewKeys)
	}
	a.keys = &sdk.Credentials{AccessKeyID: read.AccessKeyID, SecretAccessKey: read.SecretAccessKey, SessionToken: read.SessionToken, Source: "--aws-credentials"}
	return nil
}

// missing names the required variables that are not there, or empty.
func missing(variables map[string]string) string {
	var names []string
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if variables[name] == "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// assignment is a line of every format but JSON: export NAME=VALUE, NAME=VALUE, set NAME=VALUE, $Env:NAME="VALUE", and fish's
// set -gx NAME "VALUE".
var assignment = regexp.MustCompile(`(?i)^(?:export\s+|set\s+-gx\s+|set\s+|\$env:)?([A-Za-z_]\w*)\s*(?:=|\s)\s*(.*)$`)

// parse reads the text into variables by AWS's names.
func parse(text string) (map[string]string, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case text == "":
		return nil, errors.New("it is empty: give what aws configure export-credentials prints; where that fails, aws sso login or aws login mends it")
	case strings.HasPrefix(text, "{"):
		return parseJSON(text)
	case strings.HasPrefix(text, "["):
		return nil, errors.New("it is a file of profiles: give the keys of one, " + exportCredentials + " --profile NAME")
	}
	variables := map[string]string{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		match := assignment.FindStringSubmatch(line)
		if match == nil {
			return nil, fmt.Errorf("line %d is not NAME=VALUE: give what aws configure export-credentials prints, in any of its formats", n+1)
		}
		variables[strings.ToUpper(match[1])] = unquoted(match[2])
	}
	// An empty variable is none, as for AWS's own tools.
	maps.DeleteFunc(variables, func(_, value string) bool { return value == "" })
	return variables, nil
}

func unquoted(value string) string {
	value = strings.TrimSpace(value)
	if n := len(value); n >= 2 && slices.Contains([]byte(`"'`), value[0]) && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// parseJSON reads the format process, https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html, and what
// aws sts assume-role prints, which has the same below Credentials.
func parseJSON(text string) (map[string]string, error) {
	type keys struct{ AccessKeyID, SecretAccessKey, SessionToken, Expiration string }
	var process struct {
		keys
		Credentials *keys
	}
	if json.Unmarshal([]byte(text), &process) != nil { // its error may show a part of the text
		return nil, errors.New("it is not the JSON that aws configure export-credentials --format process prints")
	}
	read := process.keys
	if process.Credentials != nil {
		read = *process.Credentials
	}
	variables := map[string]string{
		"AWS_ACCESS_KEY_ID": read.AccessKeyID, "AWS_SECRET_ACCESS_KEY": read.SecretAccessKey,
		"AWS_SESSION_TOKEN": read.SessionToken, "AWS_CREDENTIAL_EXPIRATION": read.Expiration,
	}
	maps.DeleteFunc(variables, func(_, value string) bool { return value == "" })
	return variables, nil
}
