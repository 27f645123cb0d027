// Package iam holds no code: its tests hold the policies in docs/iam against what the module really asks of AWS.
package iam

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// statement is one of a policy. Its Action may be one text.
type statement struct {
	Sid, Effect string
	Action      texts
	Principal   struct{ Federated string }
	Resource    texts
	Condition   map[string]map[string]texts
}

type texts []string

func (l *texts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*l = texts{""}
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// policy reads a file of docs/iam.
func policy(t *testing.T, name string) []statement {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "docs", "iam", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var read struct {
		Version   string
		Statement []statement
	}
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if read.Version != "2012-10-17" || len(read.Statement) == 0 {
		t.Fatalf("%s: %+v", name, read)
	}
	for _, s := range read.Statement {
		if s.Effect != "Allow" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	return read.Statement
}

// allowed are the actions of a policy's statements, those that are named left out.
func allowed(statements []statement, without ...string) []string {
	var actions []string
	for _, s := range statements {
		if !slices.Contains(without, s.Sid) {
			actions = append(actions, s.Action...)
		}
	}
	slices.Sort(actions)
	return actions
}

// recorder notes the actions that requests want.
type recorder struct {
	mu      sync.Mutex
	actions map[string]bool
}

func newRecorder() *recorder { return &recorder{actions: map[string]bool{}} }

func (r *recorder) note(actions ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range actions {
		r.actions[a] = true
	}
}

// compare fails for an action that the policy lacks, and for one that nothing wanted.
func (r *recorder) compare(t *testing.T, name string, allowed []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for a := range r.actions {
		if !slices.Contains(allowed, a) {
			t.Errorf("%s lacks %s, which the run wanted", name, a)
		}
	}
	for i, a := range allowed {
		if !r.actions[a] {
			t.Errorf("%s allows %s, which the run did not want", name, a)
		}
		if i > 0 && allowed[i-1] == a {
			t.Errorf("%s allows %s twice", name, a)
		}
	}
}

// noting is a registry whose requests are noted as the actions that ECR wants for them.
func (r *recorder) noting(t *testing.T, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.note(registryActions(t, request)...)
		registry.ServeHTTP(w, request)
	})
}

// registryActions maps a request of the distribution protocol to actions of ECR. Each of these is an API operation of which
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html says that ECR's proxy, which is the registry
// that clients speak to, uses it: InitiateLayerUpload "notifies ECR that you intend to upload an image layer", UploadLayerPart
// takes a part of it, CompleteLayerUpload closes it with its digest, BatchCheckLayerAvailability tells whether a layer is
// there, GetDownloadUrlForLayer serves one, PutImage and BatchGetImage write and read a manifest. The whole is
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html; every request carries a token of
// GetAuthorizationToken, https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html.
func registryActions(t *testing.T, r *http.Request) []string {
	upload, blob, manifest := strings.Contains(r.URL.Path, "/blobs/uploads/"), strings.Contains(r.URL.Path, "/blobs/"), strings.Contains(r.URL.Path, "/manifests/")
	actions := []string{"ecr:GetAuthorizationToken"}
	switch {
	case r.URL.Path == "/v2/":
	case upload && r.Method == http.MethodPost:
		actions = append(actions, "ecr:InitiateLayerUpload")
		if from := r.URL.Query().Get("from"); from != "" { // a mount reads the layer in the other repository
			actions = append(actions, "ecr:BatchCheckLayerAvailability")
		}
	case upload && r.Method == http.MethodPatch:
		actions = append(actions, "ecr:UploadLayerPart")
	case upload && r.Method == http.MethodPut:
		actions = append(actions, "ecr:CompleteLayerUpload")
		if r.ContentLength != 0 {
			actions = append(actions, "ecr:UploadLayerPart")
		}
	case upload && r.Method == http.MethodDelete: // an upload that is given up: ECR has no action for it
	case blob && r.Method == http.MethodHead:
		actions = append(actions, "ecr:BatchCheckLayerAvailability")
	case blob && r.Method == http.MethodGet:
		actions = append(actions, "ecr:GetDownloadUrlForLayer")
	case manifest && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		actions = append(actions, "ecr:BatchGetImage")
	case manifest && r.Method == http.MethodPut:
		actions = append(actions, "ecr:PutImage")
	default:
		t.Errorf("%s %s wants no action that is known", r.Method, r.URL.Path)
	}
	return actions
}

// loopback is where a client finds the registry.
func loopback(host string) func(context.Context) (string, int, error) {
	return func(context.Context) (string, int, error) { return host, 0, nil }
}

// A role that a provider's jobs assume must say whose: every other project of the provider has tokens too.
func TestTheTrustPoliciesNameAudienceAndSubject(t *testing.T) {
	for name, want := range map[string]struct{ provider, audience, subject string }{
		// https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
		"trust-github.json": {"token.actions.githubusercontent.com", "sts.amazonaws.com", "repo:"},
		// https://docs.gitlab.com/ci/cloud_services/aws/
		"trust-gitlab.json": {"gitlab.com", "https://gitlab.com", "project_path:"},
		// https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
		"trust-azure-devops.json": {"vstoken.dev.azure.com/00000000-0000-0000-0000-000000000000", "api://AzureADTokenExchange", "p://"},
	} {
		statements := policy(t, name)
		s := statements[0]
		equal := s.Condition["StringEquals"]
		subject := strings.Join(equal[want.provider+":sub"], "")
		if len(statements) != 1 || !slices.Equal(s.Action, texts{"sts:AssumeRoleWithWebIdentity"}) || len(s.Condition) != 1 || len(equal) != 2 ||
			s.Principal.Federated != "arn:aws:iam::123456789012:oidc-provider/"+want.provider || !slices.Equal(equal[want.provider+":aud"], texts{want.audience}) ||
			!strings.HasPrefix(subject, want.subject) || strings.ContainsAny(subject, "*?") {
			t.Errorf("%s: %+v", name, statements)
		}
	}
}

// endpoint is where an AWS client finds the fake.
func endpoint(url string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return strings.TrimPrefix(url, "http://"), nil }
}
