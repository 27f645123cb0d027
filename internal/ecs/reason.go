package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// failed is the error of a deployment that failed: ECS's reason, what became of the last task, where its log is, and what
// the service runs instead. d is nil where the deployment is gone, as it is once a rollback is through.
func (c *Client) failed(ctx context.Context, r *rollout, service *types.Service, d *types.Deployment) error {
	parts := []string{fmt.Sprintf("%s: deployment %s failed", r.doing, r.id)}
	switch {
	case d == nil:
		parts[0] = fmt.Sprintf("%s: deployment %s is gone, and was not complete", r.doing, r.id)
	case aws.ToString(d.RolloutStateReason) != "":
		parts[0] += ": " + sentence(*d.RolloutStateReason)
	}
	task, err := c.lastStopped(ctx, r)
	switch {
	case err != nil:
		parts = append(parts, "why its tasks stopped could not be read: "+err.Error())
	case task != nil:
		parts = append(parts, story(task))
		if log := r.log(task); log != "" {
			parts = append(parts, log)
		}
	case len(service.Events) > 0:
		parts = append(parts, "the last event: "+sentence(aws.ToString(service.Events[0].Message)))
	}
	return errors.New(strings.Join(append(parts, aftermath(r, service, d)), "; "))
}

// aftermath says what the service runs instead. That a deployment failed is known only as long as it is there.
func aftermath(r *rollout, service *types.Service, d *types.Deployment) string {
	p := primary(service)
	switch {
	case p == nil || aws.ToString(p.Id) == r.id:
		if r.answer.Previous == "" {
			return "there is no earlier deployment to go back to: mend the image or its definition and deploy again"
		}
		return "the service goes back to the last deployment that was complete"
	case d == nil && aws.ToString(p.TaskDefinition) != r.answer.Previous:
		return "the service runs " + short(aws.ToString(p.TaskDefinition)) + ": another deployment took its place, or an earlier one was gone back to"
	case p.RolloutState == types.DeploymentRolloutStateCompleted:
		return "the service was rolled back and runs " + short(aws.ToString(p.TaskDefinition))
	}
	return "the service is being rolled back to " + short(aws.ToString(p.TaskDefinition))
}

// lastStopped gives the task of our deployment that stopped last; nil for none. ECS remembers them for an hour.
func (c *Client) lastStopped(ctx context.Context, r *rollout) (*types.Task, error) {
	listed, err := c.api.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &r.Cluster, ServiceName: &r.Service, DesiredStatus: types.DesiredStatusStopped})
	if err != nil {
		return nil, c.explain("listing its tasks", r, err)
	}
	if len(listed.TaskArns) == 0 {
		return nil, nil
	}
	described, err := c.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.Cluster, Tasks: listed.TaskArns})
	if err != nil {
		return nil, c.explain("reading its tasks", r, err)
	}
	tasks := slices.DeleteFunc(described.Tasks, func(t types.Task) bool {
		return aws.ToString(t.StartedBy) != r.id && aws.ToString(t.TaskDefinitionArn) != r.arn
	})
	if len(tasks) == 0 {
		return nil, nil
	}
	last := slices.MaxFunc(tasks, func(a, b types.Task) int {
		return cmp.Or(aws.ToTime(a.StoppedAt).Compare(aws.ToTime(b.StoppedAt)), strings.Compare(aws.ToString(a.TaskArn), aws.ToString(b.TaskArn)))
	})
	return &last, nil
}

// story says why a task stopped, and its containers.
func story(task *types.Task) string {
	text := "task " + short(aws.ToString(task.TaskArn)) + " stopped: " + sentence(cmp.Or(aws.ToString(task.StoppedReason), "no reason given"))
	for _, container := range task.Containers {
		reason, code := aws.ToString(container.Reason), container.ExitCode
		if reason == "" && aws.ToInt32(code) == 0 {
			continue
		}
		said := ""
		if code != nil {
			said = fmt.Sprintf(" with exit code %d", *code)
		}
		if reason != "" {
			said += ": " + sentence(reason)
		}
		text += fmt.Sprintf("; container %s ended%s", aws.ToString(container.Name), said)
	}
	return text
}

// log names where the container's log is, by the names that the awslogs driver gives,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
func (r *rollout) log(task *types.Task) string {
	for _, d := range r.definition.ContainerDefinitions {
		if aws.ToString(d.Name) != r.container || d.LogConfiguration == nil || d.LogConfiguration.LogDriver != types.LogDriverAwslogs {
			continue
		}
		options := d.LogConfiguration.Options
		group, prefix := options["awslogs-group"], options["awslogs-stream-prefix"]
		if group == "" || prefix == "" {
			return ""
		}
		stream := fmt.Sprintf("%s/%s/%s", prefix, r.container, short(aws.ToString(task.TaskArn)))
		where := ""
		if region := options["awslogs-region"]; region != "" {
			where = " --region " + region
		}
		return fmt.Sprintf("its log: aws logs tail %s --log-stream-names %s --since 1h%s", group, stream, where)
	}
	return ""
}

// sentence is a text of AWS in one line, without the full stop that ours goes on after.
func sentence(text string) string { return strings.TrimRight(oneLine(text), ". ") }
