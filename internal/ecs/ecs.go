// Package ecs deploys an image to a service of Amazon ECS: it registers the task definition with the image by digest, lets
// the service take it with the circuit breaker on, and waits for the end of that very deployment. What already runs is left
// alone.
package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
)

// Request is one deployment.
type Request struct {
	Cluster, Service string
	// Container gets the image; "" for the only one, or the only essential one.
	Container string
	// Image is HOST/REPOSITORY@sha256:…, Platforms what it holds.
	Image     string
	Platforms []platform.Platform
	// Platform is what the tasks run on: linux/arm64 or linux/amd64.
	Platform platform.Platform
	// TaskDefinition is what to run instead of the service's current definition; nil for that one.
	TaskDefinition *TaskDefinition
	// ServiceDefinition makes the service where there is none; nil where it is not to be made.
	ServiceDefinition *ServiceDefinition
	// Wait for the deployment's end, for Timeout at most.
	Wait    bool
	Timeout time.Duration
}

// architectures are ECS's names of the platforms that it runs on,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
var architectures = map[platform.Platform]types.CPUArchitecture{
	{OS: "linux", Architecture: "arm64"}: types.CPUArchitectureArm64,
	{OS: "linux", Architecture: "amd64"}: types.CPUArchitectureX8664,
}

// ParseArchitecture reads ARM64 or X86_64, also by their other names, such as amd64.
func ParseArchitecture(text string) (platform.Platform, error) {
	p, err := platform.Parse(text)
	if _, known := architectures[p]; err != nil || !known {
		return platform.Platform{}, fmt.Errorf("reading --cpu-architecture %q: ECS has ARM64 and X86_64: give one of them", text)
	}
	return p, nil
}

// ParseTimeout reads how long to wait: 90s, 20m.
func ParseTimeout(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("reading --timeout %q: want a time such as 90s or 20m", text)
	}
	return d, nil
}

// Validate refuses what can be refused before AWS is asked anything.
func (r Request) Validate() error {
	doing := "deploying " + r.Service
	switch {
	case r.Service == "":
		return errors.New("deploying: say which service with --service")
	case r.Cluster == "":
		return errors.New("deploying: say in which cluster the service is with --cluster")
	case slices.Contains(r.Platforms, r.Platform):
	case len(r.Platforms) == 0:
		return fmt.Errorf("%s: the image %s has no platform that ECS runs: build it for %s", doing, r.Image, r.Platform)
	default:
		has := make([]string, len(r.Platforms))
		for i, p := range r.Platforms {
			has[i] = p.String()
		}
		return fmt.Errorf("%s: the image %s has no %s, only %s: build it with --platforms %s too, or give --cpu-architecture %s",
			doing, r.Image, r.Platform, strings.Join(has, ", "), r.Platform, other(r.Platform))
	}
	if r.ServiceDefinition != nil {
		return r.ServiceDefinition.validate(r)
	}
	return nil
}

func other(p platform.Platform) types.CPUArchitecture {
	if p.Architecture == "arm64" {
		return types.CPUArchitectureX8664
	}
	return types.CPUArchitectureArm64
}

// Client speaks to ECS in one region.
type Client struct {
	// Interval is how often a service under way is looked at. The API gives each account 20 such requests a second,
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
	Interval time.Duration

	api      *ecs.Client
	region   string
	progress io.Writer
	// Seams for tests, which wait for nothing.
	now   func() time.Time
	pause func(context.Context, time.Duration) error
}

// New makes a client for the config's region; it connects to nothing yet. What happens while it waits is written to progress,
// a line each.
func New(config aws.Config, progress io.Writer) *Client {
	return &Client{Interval: 5 * time.Second, api: ecs.NewFromConfig(config), region: config.Region, progress: progress, now: time.Now, pause: pause}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (c *Client) say(format string, arguments ...any) {
	fmt.Fprintf(c.progress, format+"\n", arguments...)
}

// rollout is what Deploy knows of one deployment on its way.
type rollout struct {
	Request
	doing string
	// container is the one that got the image.
	container string
	// definition is what shall run, arn the revision that it is.
	definition *ecs.RegisterTaskDefinitionInput
	arn        string
	// id names the deployment to wait for; "" until it is known.
	id string
	// before holds the ids of the deployments that were there before ours was begun; nil where none was.
	before map[string]bool
	// seen holds the ids of events that were there before, or are told already.
	seen   map[string]bool
	answer publication.Deployment
}

// Deploy lets the service run the image, and waits for it where asked to.
func (c *Client) Deploy(ctx context.Context, request Request) (*publication.Deployment, error) {
	if err := request.Validate(); err != nil {
		return nil, err
	}
	start := c.now()
	r := &rollout{Request: request, doing: fmt.Sprintf("deploying %s to cluster %s", request.Service, request.Cluster), seen: map[string]bool{}}
	service, err := c.find(ctx, r)
	if err != nil {
		return nil, err
	}
	var running *ecs.RegisterTaskDefinitionInput
	if service != nil {
		if running, err = c.describe(ctx, r, aws.ToString(service.TaskDefinition)); err != nil {
			return nil, err
		}
	}
	if err := r.define(running); err != nil {
		return nil, err
	}
	r.answer = publication.Deployment{
		Image: r.Image, Platform: r.Platform.String(), Region: c.region, Cluster: r.Cluster, Service: r.Service, Container: r.container,
		Action: publication.Unchanged,
	}
	if service == nil {
		service, err = c.create(ctx, r)
	} else {
		service, err = c.move(ctx, r, service, running)
	}
	if err != nil {
		return nil, err
	}
	if err := c.follow(ctx, r, service); err != nil {
		return nil, err
	}
	r.answer.TaskDefinition, r.answer.Deployment = r.arn, r.id
	r.answer.Seconds = c.now().Sub(start).Seconds()
	return &r.answer, nil
}

// move lets a service that is there run the definition, unless it does already.
func (c *Client) move(ctx context.Context, r *rollout, service *types.Service, running *ecs.RegisterTaskDefinitionInput) (*types.Service, error) {
	for _, e := range service.Events {
		r.seen[aws.ToString(e.Id)] = true
	}
	if r.ServiceDefinition != nil {
		r.answer.Notes = append(r.answer.Notes, "the service exists, so --service-definition was not read: it makes a first one")
	}
	current := aws.ToString(service.TaskDefinition)
	force := false
	if same(running, r.definition) {
		r.arn = current
		p := primary(service)
		if p == nil || p.RolloutState != types.DeploymentRolloutStateFailed {
			return service, nil
		}
		force = true // the same definition is tried again only where that is asked for
	} else {
		r.answer.Previous = current
		var err error
		if r.arn, err = c.register(ctx, r); err != nil {
			return nil, err
		}
	}
	out, err := c.api.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &r.Cluster, Service: &r.Service, TaskDefinition: &r.arn, ForceNewDeployment: force,
		DeploymentConfiguration: broken(service.DeploymentConfiguration),
	})
	if err != nil {
		return nil, c.explain(r.doing, r, err)
	}
	r.answer.Action = publication.Updated
	r.before = map[string]bool{}
	for _, d := range service.Deployments {
		r.before[aws.ToString(d.Id)] = true
	}
	return out.Service, nil
}

// broken is a deployment configuration with the circuit breaker and the rollback on, and all else as it is; nil where they are.
func broken(is *types.DeploymentConfiguration) *types.DeploymentConfiguration {
	if is != nil && is.DeploymentCircuitBreaker != nil && is.DeploymentCircuitBreaker.Enable && is.DeploymentCircuitBreaker.Rollback {
		return nil
	}
	wanted := types.DeploymentConfiguration{}
	if is != nil {
		wanted = *is
	}
	wanted.DeploymentCircuitBreaker = &types.DeploymentCircuitBreaker{Enable: true, Rollback: true}
	return &wanted
}

// primary is the deployment that the service is moving to, or runs.
func primary(s *types.Service) *types.Deployment {
	for i, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return &s.Deployments[i]
		}
	}
	return nil
}

// short is a task definition as people write it, FAMILY:REVISION.
func short(arn string) string {
	return arn[strings.LastIndex(arn, "/")+1:]
}

func named(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }
