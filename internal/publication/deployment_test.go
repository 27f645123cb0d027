package publication

import (
	"encoding/json"
	"strings"
	"testing"
)

var deployed = Deployment{
	Image: "example.com/shop/api@sha256:1", Platform: "linux/arm64", Region: "eu-west-1", Cluster: "shop", Service: "api", Container: "web",
	Action: Updated, TaskDefinition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:2", Previous: "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:1",
	Deployment: "ecs-svc/2", Rollout: "COMPLETED", Desired: 2, Running: 2, Seconds: 61.25,
}

func TestADeploymentIsTold(t *testing.T) {
	got, err := deployed.String("text")
	want := `example.com/shop/api@sha256:1

service     api in cluster shop, eu-west-1: updated
container   web on linux/arm64
definition  arn:aws:ecs:eu-west-1:123456789012:task-definition/api:2, before it api:1
deployment  ecs-svc/2 complete, 2 of 2 tasks running
seconds     61.2
`
	if err != nil || got != want {
		t.Errorf("%v, got\n%s", err, got)
	}
	if got, err := deployed.String("markdown"); err != nil || !strings.Contains(got, "| service | api in cluster shop, eu-west-1: updated |") {
		t.Errorf("%v, got\n%s", err, got)
	}
	again := deployed
	again.Action, again.Previous, again.Rollout, again.Desired, again.Running, again.Notes = Unchanged, "", "IN_PROGRESS", 1, 0, []string{"a note"}
	got, err = again.String("text")
	for _, says := range []string{"it runs this already, nothing changed", "task-definition/api:2\n", "in progress, not waited for, 0 of 1 task running", "note: a note"} {
		if err != nil || !strings.Contains(got, says) {
			t.Errorf("%v, no %q in\n%s", err, says, got)
		}
	}
}

// The names in the JSON are a contract; docs/deploy.md lists them.
func TestADeploymentAsJSON(t *testing.T) {
	text, err := deployed.String("json")
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"image": "example.com/shop/api@sha256:1", "platform": "linux/arm64", "region": "eu-west-1", "cluster": "shop", "service": "api", "container": "web", "action": "updated",
		"taskDefinition": deployed.TaskDefinition, "previousTaskDefinition": deployed.Previous, "deployment": "ecs-svc/2", "rolloutState": "COMPLETED", "desired": 2.0, "running": 2.0, "seconds": 61.25,
	} {
		if fields[name] != want {
			t.Errorf("%s is %v", name, fields[name])
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		t.Errorf("more: %v", fields)
	}
}
