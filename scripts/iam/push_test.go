package iam

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/random"

	access "github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api"

// api is ECR's own, as far as a push asks it; every operation is noted as the action of its name,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func (r *recorder) api(t *testing.T, exists bool) string {
	t.Helper()
	described := map[string]any{"repositoryName": "shop/api", "imageTagMutability": "MUTABLE"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
		r.note("ecr:" + operation)
		var answer any = map[string]any{}
		switch {
		case operation == "GetAuthorizationToken":
			answer = map[string]any{"authorizationData": []any{map[string]any{
				"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:token")), "expiresAt": time.Now().Add(12 * time.Hour).Unix(),
			}}}
		case operation == "DescribeRepositories" && !exists:
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"__type": "RepositoryNotFoundException", "message": "The repository does not exist"}
		case operation == "DescribeRepositories":
			answer = map[string]any{"repositories": []any{described}}
		case operation == "CreateRepository":
			exists = true
			answer = map[string]any{"repository": described}
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		json.NewEncoder(w).Encode(answer) //nolint:errcheck // a test that lost its answer fails by that
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The policy for push is what a push wants, and the same again with --immutable-tags. The statement Create is wanted where the
// repository is to be made.
func TestThePushPolicyIsWhatPushesWant(t *testing.T) {
	statements := policy(t, "push.json")
	for name, c := range map[string]struct {
		exists  bool
		without string
	}{"into a repository": {true, "Create"}, "that makes its repository": {false, ""}} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			r.push(t, c.exists)
			r.compare(t, "docs/iam/push.json", allowed(statements, c.without))
		})
	}
}

func (r *recorder) push(t *testing.T, exists bool) {
	t.Helper()
	a, err := access.New(access.Options{
		Credentials: "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s\n", Endpoint: endpoint(r.api(t, exists)),
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := ecr.New(ecr.Options{Access: a, Create: true, RepositoryPolicy: "{}", LifecyclePolicy: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	address := r.secureRegistry(t)
	client := registry.New(registry.Options{
		Cloud: cloud, Insecure: true, // the certificate is a test's
		Detour: func(context.Context, string) (string, bool, error) { return address, true, nil },
	})
	targets, err := registry.ParseTargets(repository, []string{"1", "2"})
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(100, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []registry.PushOptions{{Timeout: time.Minute}, {Timeout: time.Minute, ImmutableTags: true}} {
		if err := client.Preflight(t.Context(), targets, options); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.PushAll(t.Context(), index, targets, options); err != nil {
			t.Fatal(err)
		}
	}
}
