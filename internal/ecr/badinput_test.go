package ecr

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

func TestBadInput(t *testing.T) {
	foreign := strings.Replace(host, ecrtest.Account, "999999999999", 1)
	for name, c := range map[string]struct {
		access    aws.Options
		options   Options
		reference string
		call      string
		fault     [2]string
		says      []string
	}{
		"no credentials": {reference: host + "/shop/api:1", says: []string{"logging in to " + host, "tried --aws-role-arn with --aws-web-identity-token, --aws-credentials, --username with --password, --docker-config", "'cmd://aws configure export-credentials --format env-no-export'"}},
		"an unknown account": {access: byKeys(), options: Options{Create: true}, reference: foreign + "/shop/api:1",
			says: []string{"checking the repository " + foreign + "/shop/api", "account " + ecrtest.Account, "account 999999999999", "check the host"}},
		"another region": {access: aws.Options{Credentials: ecrtest.Credentials() + "AWS_REGION=us-east-1"}, reference: host + "/shop/api:1",
			says: []string{"AWS_REGION is us-east-1", host + " is in eu-west-1", "leave AWS_REGION out"}},
		"expired keys": {access: byKeys(), reference: host + "/shop/api:1", call: "DescribeRepositories", fault: [2]string{"ExpiredTokenException", "The security token included in the request is expired"},
			says: []string{"checking the repository", "the credentials have expired", "aws sso login", "export-credentials"}},
		"unknown keys": {access: aws.Options{Credentials: strings.Replace(ecrtest.Credentials(), "AKIA", "AKIB", 1)}, reference: host + "/shop/api:1",
			says: []string{"UnrecognizedClientException", "AWS does not know these keys in this region"}},
		"no right to look": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "DescribeRepositories", fault: [2]string{"AccessDeniedException", ""},
			says: []string{"allow ecr:DescribeRepositories", "--create-repository=false"}},
		"no right to make": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "CreateRepository",
			fault: [2]string{"AccessDeniedException", "User: arn:aws:sts::" + ecrtest.Account + ":assumed-role/ci/x is not authorized to perform: ecr:CreateRepository on resource: x because no identity-based policy allows the ecr:CreateRepository action"},
			says:  []string{"creating the repository " + host + "/shop/api", "allow ecr:CreateRepository", "--create-repository=false"}},
		"no right to a token": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "GetAuthorizationToken", fault: [2]string{"AccessDeniedException", ""},
			says: []string{"getting the token of " + host, "allow ecr:GetAuthorizationToken"}},
		"too many repositories": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "CreateRepository", fault: [2]string{"LimitExceededException", "The repository limit is reached"},
			says: []string{"creating the repository", "raise the quota"}},
		"a repository that is not there": {access: byKeys(), reference: host + "/shop/api:1",
			says: []string{"it does not exist", "unless --create-repository=false", "aws ecr create-repository --region eu-west-1 --repository-name shop/api"}},
		"a role that does not trust": {access: aws.Options{RoleARN: strings.Replace(ecrtest.Role, "role/ci", "role/other", 1), WebIdentityToken: ecrtest.WebToken}, reference: host + "/shop/api:1",
			says: []string{"assuming the role arn:aws:iam::" + ecrtest.Account + ":role/other", "trust policy", "sts:AssumeRoleWithWebIdentity"}},
		"a token of nobody": {access: aws.Options{RoleARN: ecrtest.Role, WebIdentityToken: "hunter2"}, reference: host + "/shop/api:1",
			says: []string{"assuming the role " + ecrtest.Role, "InvalidIdentityToken", "IAM OIDC provider"}},
		"a token that is over": {access: byRole(), reference: host + "/shop/api:1", call: "AssumeRoleWithWebIdentity", fault: [2]string{"ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"},
			says: []string{"assuming the role", "ask the provider for it in the same job"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if c.call != "" {
				s.aws.Fail(c.call, c.fault[0], c.fault[1])
			}
			client, _ := s.client(t, c.access, c.options)
			index, _ := newIndex(t)
			_, err := push(t, client, index, c.reference, registry.PushOptions{})
			checkLine(t, name, err, c.says...)
			if writes := s.registry.Writes(); len(writes) > 0 {
				t.Errorf("it wrote %q", writes)
			}
		})
	}
	for _, o := range []Options{{RepositoryPolicy: "hunter"}, {LifecyclePolicy: `["hunter"]`}} {
		_, err := New(o)
		checkLine(t, "a policy that is none", err, "-policy: it is not a policy's JSON")
	}
}

// TestAnAccountThatIsNotTheHostsIsSuspected where the API's answers fit no one account.
func TestAnAccountThatIsNotTheHostsIsSuspected(t *testing.T) {
	const hint = "check that the credentials are of account " + ecrtest.Account + ", which the host names"
	for name, c := range map[string]struct {
		empty []string
		call  string
		fault [2]string
		says  []string
	}{
		"an empty list":              {[]string{"DescribeRepositories"}, "", [2]string{}, []string{"checking the repository " + host + "/shop/api: the answer has no repository: " + hint}},
		"an empty answer":            {[]string{"CreateRepository"}, "", [2]string{}, []string{"creating the repository " + host + "/shop/api: the answer has no repository: " + hint}},
		"one that is there, and not": {nil, "CreateRepository", [2]string{"RepositoryAlreadyExistsException", "it exists"}, []string{"creating the repository", "it exists, and is not in the registry of the host: " + hint}},
	} {
		s := newScene(t)
		s.aws.Empty = c.empty
		s.aws.Fail(c.call, c.fault[0], c.fault[1])
		client, registries := s.client(t, byKeys(), Options{Create: true})
		index, _ := newIndex(t)
		_, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
		checkLine(t, name, err, c.says...)
		if notes := registries.Notes(); len(notes) > 0 {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

// TestADeniedRequestNamesItsAction: a refusal that another token does not mend is one of rights.
func TestADeniedRequestNamesItsAction(t *testing.T) {
	for method, action := range map[string]string{http.MethodPost: "ecr:InitiateLayerUpload", http.MethodPatch: "ecr:UploadLayerPart", http.MethodPut: "ecr:CompleteLayerUpload"} {
		s := newScene(t)
		s.registry.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			ecrtest.Refuse(w, http.StatusForbidden, "DENIED", fmt.Sprintf("User: x is not authorized to perform: %s", action))
			return true
		}
		client, _ := s.client(t, byKeys(), Options{Create: true})
		index, _ := newIndex(t)
		_, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
		checkLine(t, method, err, "403", "allow "+action)
		if calls := strings.Count(strings.Join(s.aws.Calls(), "\n"), "GetAuthorizationToken"); calls > 20 {
			t.Errorf("%s: asked for a token %d times", method, calls)
		}
	}
}
