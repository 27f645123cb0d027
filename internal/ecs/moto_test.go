package ecs

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws/awstest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
)

// moto is somebody else's reading of ECS's API: its shapes and its errors. Its deployments know neither progress nor failure,
// for which there is ecstest.
func moto(t *testing.T) *Client {
	t.Helper()
	address, stop := awstest.Moto(t, "MOTO_ECS_SERVICE_RUNNING=2")
	t.Cleanup(stop)
	c := New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://" + address),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA1", SecretAccessKey: "s"}, nil
		}),
	}, io.Discard)
	c.Interval = time.Millisecond
	return c
}

func TestMotoAgrees(t *testing.T) {
	c := moto(t)
	request := Request{
		Cluster: "shop", Service: "api", Image: one, Platforms: []platform.Platform{arm64}, Platform: arm64, Wait: true, Timeout: time.Minute,
		TaskDefinition: task(t, taskJSON),
	}
	refused := func(says string) {
		t.Helper()
		if _, err := c.Deploy(t.Context(), request); err == nil {
			t.Error("no error")
		} else {
			checkLine(t, err, says)
		}
	}
	refused(`there is no cluster "shop" in eu-west-1`)
	if _, err := c.api.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	refused("there is no such service in eu-west-1")
	request.ServiceDefinition = service(t, serviceJSON)
	refused("subnet-1") // moto has it not, and says so in the service's words
	// Without a network, which only moto allows, the rest of a service's life is the same.
	request.ServiceDefinition.input.NetworkConfiguration = nil
	first := done(t, c, request)
	if first.Action != publication.Created || first.Rollout != "COMPLETED" || !strings.HasSuffix(first.TaskDefinition, "api:1") {
		t.Errorf("%+v", first)
	}
	if same := done(t, c, request); same.Action != publication.Unchanged || same.TaskDefinition != first.TaskDefinition {
		t.Errorf("%+v", same)
	}
	request.TaskDefinition, request.ServiceDefinition, request.Image = nil, nil, two
	// moto takes the update, and its list of deployments stays as it was.
	request.Timeout = 10 * time.Millisecond
	refused("ECS shows no deployment of api:2 after 10ms, only ")
	updated, err := c.api.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("shop"), Services: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	if service := updated.Services[0]; !strings.HasSuffix(aws.ToString(service.TaskDefinition), "/api:2") || broken(service.DeploymentConfiguration) != nil {
		t.Errorf("%+v", service)
	}
	before, err := c.api.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api:1"), Include: tagged})
	if err != nil {
		t.Fatal(err)
	}
	after, err := c.api.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api:2"), Include: tagged})
	if err != nil {
		t.Fatal(err)
	}
	before.TaskDefinition.ContainerDefinitions[0].Image = &two
	if !same(taken(before.TaskDefinition, before.Tags), taken(after.TaskDefinition, after.Tags)) || len(after.Tags) != 1 {
		t.Errorf("%+v became %+v", before.TaskDefinition, after.TaskDefinition)
	}
	if _, err := c.api.DeleteService(t.Context(), &ecs.DeleteServiceInput{Cluster: aws.String("shop"), Service: aws.String("api"), Force: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	refused("was deleted and is inactive")
}

func done(t *testing.T, c *Client, request Request) *publication.Deployment {
	t.Helper()
	d, err := c.Deploy(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
