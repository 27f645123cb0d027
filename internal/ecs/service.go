package ecs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
)

// ServiceDefinition says how a service is made that is not there yet.
type ServiceDefinition struct{ input ecs.CreateServiceInput }

// ParseServiceDefinition reads the JSON that `aws ecs create-service --cli-input-json` takes. A field that it does not know is
// an error. The network of the tasks must be in it: nobody can guess a subnet.
func ParseServiceDefinition(text string) (*ServiceDefinition, error) {
	const doing = "reading --service-definition"
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, mistake(err, text))
	}
	var d ServiceDefinition
	if err := strict(fields, &d.input); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	var network types.AwsVpcConfiguration
	if d.input.NetworkConfiguration != nil && d.input.NetworkConfiguration.AwsvpcConfiguration != nil {
		network = *d.input.NetworkConfiguration.AwsvpcConfiguration
	}
	switch {
	case len(network.Subnets) == 0:
		return nil, fmt.Errorf("%s: it has no subnets: the tasks of a first service need some, in networkConfiguration.awsvpcConfiguration.subnets", doing)
	case len(network.SecurityGroups) == 0:
		return nil, fmt.Errorf("%s: it has no security groups: the tasks of a first service need one, in networkConfiguration.awsvpcConfiguration.securityGroups", doing)
	case d.input.DeploymentController != nil && d.input.DeploymentController.Type != types.DeploymentControllerTypeEcs:
		return nil, fmt.Errorf("%s: it leaves deployments to %s: only those that ECS does itself are supported, so leave deploymentController out", doing, d.input.DeploymentController.Type)
	}
	return &d, nil
}

// validate refuses a file that is for another service than the flags name.
func (d *ServiceDefinition) validate(r Request) error {
	for _, field := range []struct{ flag, file, given string }{
		{"--service", aws.ToString(d.input.ServiceName), r.Service},
		{"--cluster", aws.ToString(d.input.Cluster), r.Cluster},
	} {
		if field.file != "" && short(field.file) != short(field.given) {
			return fmt.Errorf("deploying %s: --service-definition says %q where %s says %q: let them agree, or leave it out of the file", r.Service, field.file, field.flag, field.given)
		}
	}
	return nil
}

// find gives the service, nil where there is none and --service-definition makes it.
func (c *Client) find(ctx context.Context, r *rollout) (*types.Service, error) {
	out, err := c.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &r.Cluster, Services: []string{r.Service}})
	if err != nil {
		return nil, c.explain(r.doing, r, err)
	}
	status := ""
	if len(out.Services) == 1 {
		service := &out.Services[0]
		switch status = aws.ToString(service.Status); status {
		case "ACTIVE":
			return service, supported(r, service)
		case "DRAINING":
			return nil, fmt.Errorf("%s: the service is being deleted: wait until it is gone, then deploy it anew with --service-definition FILE", r.doing)
		}
	}
	switch {
	case r.ServiceDefinition != nil:
		return nil, nil
	case status == "INACTIVE":
		return nil, fmt.Errorf("%s: the service was deleted and is inactive: to make it again give its subnets and security groups with --service-definition FILE, and --task-definition FILE", r.doing)
	}
	return nil, fmt.Errorf("%s: there is no such service in %s: check --service, --cluster and --region; to make a first one give its subnets and security groups with --service-definition FILE, and --task-definition FILE", r.doing, c.region)
}

// supported refuses services whose deployments are not ECS's own.
func supported(r *rollout, service *types.Service) error {
	if d := service.DeploymentController; d != nil && d.Type != types.DeploymentControllerTypeEcs && d.Type != "" {
		return fmt.Errorf("%s: its deployments are made by %s, not by ECS itself: deploy it there, or make the service with the deployment controller ECS", r.doing, d.Type)
	}
	if aws.ToString(service.TaskDefinition) == "" {
		return fmt.Errorf("%s: it has no task definition of its own, only task sets, which are not supported", r.doing)
	}
	return nil
}

// create makes the first service: one task on Fargate, where the file does not say otherwise.
func (c *Client) create(ctx context.Context, r *rollout) (*types.Service, error) {
	input := r.ServiceDefinition.input
	input.Cluster, input.ServiceName = &r.Cluster, &r.Service
	if input.LaunchType == "" && len(input.CapacityProviderStrategy) == 0 {
		input.LaunchType = types.LaunchTypeFargate
	}
	if input.DesiredCount == nil && input.SchedulingStrategy != types.SchedulingStrategyDaemon {
		input.DesiredCount = aws.Int32(1)
	}
	if wanted := broken(input.DeploymentConfiguration); wanted != nil {
		input.DeploymentConfiguration = wanted
	}
	// A try that AWS did, and whose answer was lost, makes no second service.
	input.ClientToken = aws.String(rand.Text())
	var err error
	if r.arn, err = c.register(ctx, r); err != nil {
		return nil, err
	}
	input.TaskDefinition = &r.arn
	out, err := c.api.CreateService(ctx, &input)
	if err != nil {
		return nil, c.explain("creating the service "+r.Service+" in cluster "+r.Cluster, r, err)
	}
	r.answer.Action = publication.Created
	return out.Service, nil
}

// oneLine keeps an answer of AWS to a line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
