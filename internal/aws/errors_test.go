package aws

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestAnEndpointThatIsNoneOfAWSIsSaidToBe: services of each of AWS's wire protocols, XML and JSON.
func TestAnEndpointThatIsNoneOfAWSIsSaidToBe(t *testing.T) {
	const page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>hunter2<br></body></html>"
	for name, c := range map[string]struct {
		status     int
		kind, body string
		says       string
	}{
		"a page":              {200, "text/html", page, "no API of AWS: check --aws-endpoint-url and --aws-endpoint"},
		"a page for an error": {404, "text/html", page, "status 404, is no API of AWS: check --aws-endpoint-url and --aws-endpoint"},
		"a proxy's refusal":   {407, "text/html", page, "status 407, is no API of AWS"},
		"a gateway's failure": {502, "text/html", page, "status 502, is no API of AWS, or one that failed: run the command again"},
		"nothing":             {404, "", "", "status 404, is no API of AWS"},
		"half a JSON":         {200, "application/json", `{"a": `, "no API of AWS"},
		"a JSON of its own":   {404, "application/json", `{"error": {"detail": "hunter2"}}`, "status 404, is no API of AWS"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configFor(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				w.Write([]byte(c.body)) //nolint:errcheck // the client sees it
			})
			_, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			checkExplained(t, err, c.says)
			_, err = ecr.NewFromConfig(config).DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
			checkExplained(t, err, c.says)
		})
	}
}

func TestTriesThatAreUsedUpAreNotTheSDKsWords(t *testing.T) {
	asked := 0
	config := configFor(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadGateway)
	})
	config.Retryer = func() sdk.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
	_, err := ecr.NewFromConfig(config).DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
	checkExplained(t, err, "status 502", "check --aws-endpoint-url")
	if asked != retry.DefaultMaxAttempts {
		t.Errorf("asked %d times", asked)
	}
	checkExplained(t, &retry.MaxAttemptsError{Attempt: 6, Err: errors.New("something\nelse")}, "it failed 6 times, at last with: something else: check --aws-endpoint-url")
}

// configFor reaches the handler, and tries once.
func configFor(t *testing.T, answer http.HandlerFunc) sdk.Config {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	a, err := New(Options{
		Credentials: "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=hunter2\n",
		Endpoint:    func(context.Context) (string, error) { return server.Listener.Addr().String(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := a.Config(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	config.Retryer = func() sdk.Retryer { return sdk.NopRetryer{} }
	return config
}

func checkExplained(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	line := Explain("asking", err).Error()
	for _, s := range says {
		if !strings.Contains(line, s) {
			t.Errorf("%q does not say %q", line, s)
		}
	}
	for _, raw := range []string{"\n", "hunter2", "api error", "deserialization", "exceeded maximum", "https response error"} {
		if strings.Contains(line, raw) {
			t.Errorf("%q has %q in it", line, raw)
		}
	}
}
