package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// follow looks at the service until our own deployment has ended, or once where there is no waiting. That the service is
// stable says nothing: after a rollback it is stable too.
func (c *Client) follow(ctx context.Context, r *rollout, service *types.Service) error {
	start, told := c.now(), ""
	for {
		waited := c.now().Sub(start)
		switch {
		case !r.shown(service) && waited < min(appears, r.Timeout): // ECS answers from what it knew before
		case r.id == "":
			return c.unseen(r, service)
		default:
			told = c.tell(r, service, told)
			done, err := c.judge(ctx, r, service)
			if err != nil || done || !r.Wait {
				return err
			}
			if waited >= r.Timeout {
				return c.late(r, service)
			}
		}
		if err := c.pause(ctx, c.Interval); err != nil {
			return fmt.Errorf("%s: the wait was ended (%w); %s goes on without it", r.doing, err, r.name())
		}
		var err error
		if service, err = c.look(ctx, r, service); err != nil {
			return err
		}
	}
}

// appears is how long a deployment that was begun may be missing from ECS's answers, which are consistent only eventually:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
const appears = time.Minute

// shown says whether the answer is one that knows of our deployment, and finds out which that is: the service's own with our
// revision, or another that was not there before.
func (r *rollout) shown(service *types.Service) bool {
	if r.id != "" {
		return deployment(service, r.id) != nil || slices.ContainsFunc(service.Deployments, func(d types.Deployment) bool { return !r.before[aws.ToString(d.Id)] })
	}
	var found *types.Deployment
	for i, d := range service.Deployments {
		fresh := !r.before[aws.ToString(d.Id)]
		current := aws.ToString(d.Status) == "PRIMARY" && (fresh || d.RolloutState != types.DeploymentRolloutStateFailed)
		if aws.ToString(d.TaskDefinition) == r.arn && (current || fresh && found == nil) {
			found = &service.Deployments[i]
		}
	}
	if found != nil {
		r.id = aws.ToString(found.Id)
	}
	return found != nil
}

// name is what a line calls our deployment.
func (r *rollout) name() string {
	if r.id == "" {
		return "the deployment of " + short(r.arn)
	}
	return "deployment " + r.id
}

// unseen is the error where ECS shows no deployment of ours: what else it shows may end well, and says nothing of ours.
func (c *Client) unseen(r *rollout, service *types.Service) error {
	shows := make([]string, len(service.Deployments))
	for i, d := range service.Deployments {
		shows[i] = aws.ToString(d.Id) + " with " + short(aws.ToString(d.TaskDefinition))
	}
	return fmt.Errorf("%s: ECS shows no deployment of %s after %s, only %s: look at the service's deployments in %s, let one pipeline at a time deploy it, and run the command again",
		r.doing, short(r.arn), min(appears, r.Timeout), named(shows), c.region)
}

// look asks for the service. An answer that AWS has no time for leaves it as it was: the next one will tell.
func (c *Client) look(ctx context.Context, r *rollout, before *types.Service) (*types.Service, error) {
	out, err := c.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &r.Cluster, Services: []string{r.Service}})
	if passing(err) {
		return before, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %s goes on without being waited for", c.explain(r.doing, r, err), r.name())
	}
	if len(out.Services) != 1 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return nil, fmt.Errorf("%s: somebody deleted the service before %s was complete: create it again", r.doing, r.name())
	}
	return &out.Services[0], nil
}

func passing(err error) bool {
	if err == nil {
		return false
	}
	busy := retry.IsErrorThrottles(retry.DefaultThrottles)
	broken := retry.IsErrorRetryables(retry.DefaultRetryables)
	return busy.IsErrorThrottle(err) == aws.TrueTernary || broken.IsErrorRetryable(err) == aws.TrueTernary
}

// judge says whether our deployment is complete; that it failed, or is no longer the service's, is an error.
func (c *Client) judge(ctx context.Context, r *rollout, service *types.Service) (done bool, err error) {
	d := deployment(service, r.id)
	p := primary(service)
	r.answer.Desired, r.answer.Running, r.answer.Rollout = service.DesiredCount, service.RunningCount, string(types.DeploymentRolloutStateInProgress)
	switch {
	case d == nil, d.RolloutState == types.DeploymentRolloutStateFailed:
		return false, c.failed(ctx, r, service, d)
	case p != nil && aws.ToTime(p.CreatedAt).After(aws.ToTime(d.CreatedAt)) && d.RolloutState != types.DeploymentRolloutStateCompleted:
		return false, fmt.Errorf("%s: another deployment, %s with %s, took the place of ours, %s, before it was complete: let one pipeline at a time deploy the service",
			r.doing, aws.ToString(p.Id), short(aws.ToString(p.TaskDefinition)), r.id)
	}
	r.answer.Desired, r.answer.Running = d.DesiredCount, d.RunningCount
	if !complete(service, d) {
		return false, nil
	}
	r.answer.Rollout = string(types.DeploymentRolloutStateCompleted)
	if d.DesiredCount == 0 && service.DesiredCount == 0 {
		r.answer.Notes = append(r.answer.Notes, "the service's desired count is 0, so nothing runs: raise it there")
	}
	return true, nil
}

// complete says whether a deployment has reached its end. Services behind a Classic Load Balancer have no rollout state.
func complete(service *types.Service, d *types.Deployment) bool {
	if d.RolloutState == "" {
		return len(service.Deployments) == 1 && d.RunningCount == d.DesiredCount && d.PendingCount == 0
	}
	return d.RolloutState == types.DeploymentRolloutStateCompleted
}

func deployment(s *types.Service, id string) *types.Deployment {
	for i, d := range s.Deployments {
		if aws.ToString(d.Id) == id {
			return &s.Deployments[i]
		}
	}
	return nil
}

// tell writes what is new since the last look, and gives what the next one compares with.
func (c *Client) tell(r *rollout, service *types.Service, told string) string {
	if !r.Wait {
		return told
	}
	for i := len(service.Events) - 1; i >= 0; i-- { // the newest is the first
		if e := service.Events[i]; !r.seen[aws.ToString(e.Id)] {
			r.seen[aws.ToString(e.Id)] = true
			c.say("%s", oneLine(aws.ToString(e.Message)))
		}
	}
	d := deployment(service, r.id)
	if d == nil {
		return told
	}
	line := fmt.Sprintf("%s: desired %d, running %d, pending %d, failed %d", r.id, d.DesiredCount, d.RunningCount, d.PendingCount, d.FailedTasks)
	if line != told {
		c.say("%s", line)
	}
	return line
}

// late is the error of a wait that took too long.
func (c *Client) late(r *rollout, service *types.Service) error {
	d := deployment(service, r.id)
	text := fmt.Sprintf("%s: deployment %s is not complete after %s: desired %d, running %d, pending %d, failed %d",
		r.doing, r.id, r.Timeout, d.DesiredCount, d.RunningCount, d.PendingCount, d.FailedTasks)
	if len(service.Events) > 0 {
		text += "; the last event: " + oneLine(aws.ToString(service.Events[0].Message))
	}
	return errors.New(text + "; it goes on by itself: run the command again to wait on, or give a longer --timeout")
}
