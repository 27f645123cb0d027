package iam

import (
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	access "github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecs"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecs/ecstest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const taskDefinition = `{
  "family": "api", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
  "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole", "taskRoleArn": "arn:aws:iam::123456789012:role/api-task",
  "containerDefinitions": [{"name": "api"}], "tags": [{"key": "team", "value": "shop"}]
}`

const serviceDefinition = `{
  "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}, "tags": [{"key": "team", "value": "shop"}]
}`

// The policy for deploy is what a service's life wants: its first deployment with tags and roles, an update by an image without
// index, the same again, and one that fails. What the fake of ECS is asked is the API's own operations; an action of IAM has
// the name of the operation, https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
func TestTheDeployPolicyIsWhatDeploymentsWant(t *testing.T) {
	r := newRecorder()
	server := httptest.NewServer(r.noting(t, memory.New(memory.Logger(log.New(io.Discard, "", 0)))))
	defer server.Close()
	host := server.Listener.Addr().String()
	index, single := pushed(t, host+"/shop/api")
	r.actions = map[string]bool{} // of the push

	fake := ecstest.New("shop")
	defer fake.Close()
	deploy := func(image string, first bool, fails bool) {
		t.Helper()
		client := registry.New(registry.Options{Loopback: loopback(host)})
		digest, platforms, err := client.Resolve(t.Context(), image)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := registry.ParseDeployed(image)
		if err != nil {
			t.Fatal(err)
		}
		request := ecs.Request{Cluster: "shop", Service: "api", Image: ref.Context().Digest(digest.String()).Name(), Platforms: platforms, Wait: true, Timeout: time.Minute}
		if request.Platform, err = ecs.ParseArchitecture("ARM64"); err != nil {
			t.Fatal(err)
		}
		if first {
			if request.TaskDefinition, err = ecs.ParseTaskDefinition(taskDefinition); err != nil {
				t.Fatal(err)
			}
			if request.ServiceDefinition, err = ecs.ParseServiceDefinition(serviceDefinition); err != nil {
				t.Fatal(err)
			}
		}
		service := ecs.New(config(t, fake.URL), io.Discard)
		service.Interval = time.Millisecond
		_, err = service.Deploy(t.Context(), request)
		if (err != nil) != fails {
			t.Fatal(err)
		}
	}
	deploy(index, true, false)
	deploy(single, false, false)
	deploy(single, false, false)
	fake.Look = func(_ int, s *ecstest.Service) { s.Fail() }
	fake.Stopped = []ecstest.Object{{"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/1"}}
	deploy(index, false, true)
	for _, call := range fake.Calls() {
		r.note("ecs:" + call.Operation)
		// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
		if call.Input["tags"] != nil {
			r.note("ecs:TagResource")
		}
		// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
		if call.Input["executionRoleArn"] != nil || call.Input["taskRoleArn"] != nil {
			r.note("iam:PassRole")
		}
	}
	r.compare(t, "docs/iam/deploy.json", allowed(policy(t, "deploy.json")))
}

func config(t *testing.T, url string) aws.Config {
	t.Helper()
	a, err := access.New(access.Options{
		Credentials: "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s\n", EndpointURL: "http://aws.example.com",
		Endpoint: endpoint(url),
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Config(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pushed gives an index by digest and an image for ARM64 alone by tag.
func pushed(t *testing.T, repository string) (index, single string) {
	t.Helper()
	arm := v1.Platform{OS: "linux", Architecture: "arm64"}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = arm.OS, arm.Architecture
	if image, err = mutate.ConfigFile(image, file); err != nil {
		t.Fatal(err)
	}
	list, err := random.Index(100, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &arm}})
	target, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(target.Tag("latest"), list); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(target.Tag("arm64"), image); err != nil {
		t.Fatal(err)
	}
	digest, err := list.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return target.Digest(digest.String()).Name(), target.Tag("arm64").Name()
}
