package aws

import (
	"strings"
	"testing"
	"time"
)

func at(text string) func() time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t }
}

var noon = at("2026-01-31T12:00:00Z")

func TestEveryFormatOfExportCredentialsIsRead(t *testing.T) {
	for name, text := range map[string]string{
		"env":           "export AWS_ACCESS_KEY_ID=AKIA1\nexport AWS_SECRET_ACCESS_KEY=se+cr/et=\nexport AWS_SESSION_TOKEN=IQo/b3==\nexport AWS_CREDENTIAL_EXPIRATION=2026-01-31T13:00:00+00:00\n",
		"env-no-export": "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=se+cr/et=\nAWS_SESSION_TOKEN=IQo/b3==\nAWS_CREDENTIAL_EXPIRATION=2026-01-31T13:00:00+00:00\n",
		"powershell":    "$Env:AWS_ACCESS_KEY_ID=\"AKIA1\"\r\n$Env:AWS_SECRET_ACCESS_KEY=\"se+cr/et=\"\r\n$Env:AWS_SESSION_TOKEN=\"IQo/b3==\"\r\n$Env:AWS_CREDENTIAL_EXPIRATION=\"2026-01-31T13:00:00+00:00\"\r\n",
		"windows-cmd":   "set AWS_ACCESS_KEY_ID=AKIA1\r\nset AWS_SECRET_ACCESS_KEY=se+cr/et=\r\nset AWS_SESSION_TOKEN=IQo/b3==\r\nset AWS_CREDENTIAL_EXPIRATION=2026-01-31T13:00:00+00:00\r\n",
		"fish":          "set -gx AWS_ACCESS_KEY_ID \"AKIA1\"\nset -gx AWS_SECRET_ACCESS_KEY \"se+cr/et=\"\nset -gx AWS_SESSION_TOKEN \"IQo/b3==\"\n",
		"process":       `{"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": "se+cr/et=", "SessionToken": "IQo/b3==", "Expiration": "2026-01-31T13:00:00+00:00"}`,
		"assume-role":   `{"Credentials": {"AccessKeyId": "AKIA1", "SecretAccessKey": "se+cr/et=", "SessionToken": "IQo/b3==", "Expiration": "2026-01-31T13:00:00+00:00"}}`,
		"by hand":       "\ufeff# of the team\n\n  AWS_ACCESS_KEY_ID = 'AKIA1'\nAWS_SECRET_ACCESS_KEY=\"se+cr/et=\"\nAWS_SESSION_TOKEN=IQo/b3==\nAWS_PROFILE=\nPATH=/bin",
	} {
		a, err := New(Options{Credentials: text, now: noon})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if k := a.keys; k.AccessKeyID != "AKIA1" || k.SecretAccessKey != "se+cr/et=" || k.SessionToken != "IQo/b3==" {
			t.Errorf("%s: read %+v", name, k)
		}
	}
}

func TestBadOptionsAreOneLineWithACure(t *testing.T) {
	const keys = "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=hunter2\n"
	const arn = "arn:aws:iam::123456789012:role/ci"
	for name, c := range map[string]struct {
		options Options
		says    []string
	}{
		"blank text":           {Options{Credentials: " \n"}, []string{"--aws-credentials: it is empty", "aws sso login"}},
		"no text":              {Options{Credentials: "hunter2"}, []string{"line 1 is not NAME=VALUE"}},
		"a secret lacks":       {Options{Credentials: "AWS_ACCESS_KEY_ID=hunter2"}, []string{"it lacks AWS_SECRET_ACCESS_KEY"}},
		"both lack":            {Options{Credentials: "AWS_REGION=hunter2"}, []string{"it lacks AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}},
		"an empty secret":      {Options{Credentials: "AWS_ACCESS_KEY_ID=hunter2\nAWS_SECRET_ACCESS_KEY=\n"}, []string{"it lacks AWS_SECRET_ACCESS_KEY"}},
		"a profile":            {Options{Credentials: "[default]\naws_access_key_id = hunter2"}, []string{"a file of profiles", "--profile NAME"}},
		"half a JSON":          {Options{Credentials: `{"AccessKeyId": "hunter2"`}, []string{"it is not the JSON"}},
		"no bool":              {Options{Credentials: keys + "AWS_USE_FIPS_ENDPOINT=hunter2"}, []string{"want true or false"}},
		"expired":              {Options{Credentials: keys + "AWS_CREDENTIAL_EXPIRATION=2026-01-31T11:59:59+00:00"}, []string{"expired at 2026-01-31T11:59:59Z", "aws sso login", "export-credentials"}},
		"expired, old form":    {Options{Credentials: keys + "AWS_CREDENTIAL_EXPIRATION=2026-01-31 11:59:59+00:00"}, []string{"expired at"}},
		"a bundle":             {Options{Credentials: keys + "AWS_CA_BUNDLE=/etc/ca.pem"}, []string{"AWS_CA_BUNDLE", "--ca-certificate"}},
		"a role alone":         {Options{RoleARN: arn}, []string{"--aws-role-arn", "wants --aws-web-identity-token"}},
		"a token alone":        {Options{WebIdentityToken: "hunter2"}, []string{"--aws-web-identity-token", "wants --aws-role-arn"}},
		"no ARN":               {Options{RoleARN: "ci", WebIdentityToken: "hunter2"}, []string{`--aws-role-arn "ci"`, "want arn:aws:iam::ACCOUNT:role/NAME"}},
		"a user's ARN":         {Options{RoleARN: "arn:aws:iam::123456789012:user/ci", WebIdentityToken: "hunter2"}, []string{"want arn:aws:iam::ACCOUNT:role/NAME"}},
		"eleven digits":        {Options{RoleARN: "arn:aws:iam::12345678901:role/ci", WebIdentityToken: "hunter2"}, []string{"12 digits"}},
		"a session's name":     {Options{RoleARN: arn, WebIdentityToken: "hunter2", SessionName: "a b"}, []string{`--aws-role-session-name "a b"`, "2 to 64"}},
		"a session alone":      {Options{SessionName: "ci"}, []string{"--aws-role-session-name", "--aws-role-arn"}},
		"no URL":               {Options{Credentials: keys, EndpointURL: "example.com"}, []string{"--aws-endpoint-url", "https://HOST"}},
		"a URL with a login":   {Options{Credentials: keys, EndpointURL: "https://me:hunter2@example.com"}, []string{"--aws-endpoint-url", "https://HOST"}},
		"loopback":             {Options{Credentials: keys, EndpointURL: "http://localhost:5555"}, []string{"--aws-endpoint tcp://localhost:5555"}},
		"a service's loopback": {Options{Credentials: keys + "AWS_ENDPOINT_URL_ECR=http://127.0.0.1:5555"}, []string{"AWS_ENDPOINT_URL_ECR of --aws-credentials", "--aws-endpoint tcp://127.0.0.1:5555"}},
		"loopback in the text": {Options{Credentials: keys + "AWS_ENDPOINT_URL=http://127.0.0.1:5555"}, []string{"AWS_ENDPOINT_URL of --aws-credentials", "--aws-endpoint tcp://127.0.0.1:5555"}},
	} {
		c.options.now = noon
		_, err := New(c.options)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		line := err.Error()
		for _, s := range c.says {
			if !strings.Contains(line, s) {
				t.Errorf("%s: %q does not say %q", name, line, s)
			}
		}
		if strings.Contains(line, "\n") || strings.Contains(line, "hunter2") {
			t.Errorf("%s: %q", name, line)
		}
	}
}

func TestTheSessionIsNamedForTheRepository(t *testing.T) {
	for subject, want := range map[string]string{
		"shop/api": "shop-api", "": "dotnet-multiarch", "a": "dotnet-multiarch", "a__b.c": "a__b.c",
		strings.Repeat("x", 60) + "/service": strings.Repeat("x", 56) + "-service",
	} {
		a, err := New(Options{RoleARN: "arn:aws-cn:iam::123456789012:role/team/ci", WebIdentityToken: "t", Subject: subject})
		if err != nil || a.role.session != want {
			t.Errorf("%q: %+v, %v", subject, a, err)
		}
	}
}

func TestTheRegionOfTheText(t *testing.T) {
	const keys = "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s\n"
	for text, want := range map[string]string{keys: " false", keys + "AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=x": "eu-west-1 true", keys + "AWS_DEFAULT_REGION=eu-west-1": "eu-west-1 false"} {
		a, err := New(Options{Credentials: text})
		if err != nil {
			t.Fatal(err)
		}
		region, firm := a.Region()
		if got := region + map[bool]string{true: " true", false: " false"}[firm]; got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestTheEndpointsOfTheText(t *testing.T) {
	const text = "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s\nAWS_ENDPOINT_URL=https://all.example\nAWS_ENDPOINT_URL_ECR_PUBLIC=https://public.example\nAWS_USE_FIPS_ENDPOINT=true\n"
	for _, c := range []struct{ text, flag, service, want string }{
		{text, "", "ECR PUBLIC", "https://public.example"},
		{text, "", "ECR", "https://all.example"},
		{text, "https://flag.example", "ECR PUBLIC", ""}, // the configuration itself has it then
		{text + "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "", "ECR", ""},
	} {
		a, err := New(Options{Credentials: c.text, EndpointURL: c.flag})
		if err != nil {
			t.Fatal(err)
		}
		config, err := a.Config(t.Context(), "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := config.ConfigSources[0].(sources).GetServiceBaseEndpoint(t.Context(), c.service)
		if got != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		if (config.BaseEndpoint != nil) != (c.flag != "") {
			t.Errorf("%+v: base endpoint %v", c, config.BaseEndpoint)
		}
	}
}
