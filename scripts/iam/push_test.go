package iam

import (
	"context"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	memory "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// The policy for push is what a push wants, and the same again with --immutable-tags. The statement Create is wanted where the
// repository is to be made.
func TestThePushPolicyIsWhatPushesWant(t *testing.T) {
	statements := policy(t, "push.json")
	for name, c := range map[string]struct {
		exists  bool
		without string
	}{"into a repository": {true, "Create"}, "that makes its repository": {false, ""}} {
		t.Run(name, func(t *testing.T) {
			push(t, c.exists).compare(t, "docs/iam/push.json", allowed(statements, c.without))
		})
	}
}

// push records a push, and a second one of the same. An operation of ECR's API wants the action of its name,
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func push(t *testing.T, exists bool) *recorder {
	t.Helper()
	r, account := newRecorder(), ecrtest.New()
	if exists {
		account.Make("eu-west-1", "shop/api", ecrtest.Repository{})
	}
	api := httptest.NewServer(account)
	defer api.Close()
	server := httptest.NewTLSServer(r.noting(t, ecrtest.NewRegistry(account, "eu-west-1", memory.New(memory.Logger(log.New(io.Discard, "", 0))))))
	defer server.Close()

	access, err := aws.New(aws.Options{Credentials: ecrtest.Credentials(), Endpoint: endpoint(api.URL)})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := ecr.New(ecr.Options{Access: access, Create: true, RepositoryPolicy: "{}", LifecyclePolicy: "{}"})
	if err != nil {
		t.Fatal(err)
	}
	client := registry.New(registry.Options{
		Cloud: cloud, Insecure: true, // the certificate is a test's
		Detour: func(context.Context, string) (string, bool, error) { return server.Listener.Addr().String(), true, nil },
	})
	targets, err := registry.ParseTargets(ecrtest.Account+".dkr.ecr.eu-west-1.amazonaws.com/shop/api", []string{"1", "2"})
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
	for _, call := range account.Calls() {
		_, operation, _ := strings.Cut(call, " ")
		r.note("ecr:" + operation)
	}
	return r
}
