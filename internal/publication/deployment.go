package publication

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// What a deployment did with the service.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
)

// Deployment is what deploy gave.
type Deployment struct {
	// Image is the reference with the digest that runs.
	Image    string `json:"image"`
	Platform string `json:"platform"`
	Region   string `json:"region"`
	Cluster  string `json:"cluster"`
	Service  string `json:"service"`
	// Container is the one that got the image.
	Container string `json:"container"`
	// Action is created, updated or unchanged.
	Action string `json:"action"`
	// TaskDefinition is the revision's ARN, Previous that which the service ran before; "" where that is the same or none.
	TaskDefinition string `json:"taskDefinition"`
	Previous       string `json:"previousTaskDefinition,omitempty"`
	// Deployment is ECS's id of it.
	Deployment string `json:"deployment"`
	// Rollout is COMPLETED, or IN_PROGRESS where it was not waited for.
	Rollout string `json:"rolloutState"`
	// Desired and Running count the deployment's tasks.
	Desired int32 `json:"desired"`
	Running int32 `json:"running"`
	// Notes are lines that the user should see once.
	Notes []string `json:"notes,omitempty"`
	// Seconds that all took.
	Seconds float64 `json:"seconds"`
}

// String gives the deployment in the format: text, json or markdown.
func (d Deployment) String(format string) (string, error) {
	return inFormat(format, d, d.text, d.markdown)
}

func (d Deployment) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", d.Image)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "service\t%s\n", d.what())
	fmt.Fprintf(table, "container\t%s on %s\n", d.Container, d.Platform)
	fmt.Fprintf(table, "definition\t%s\n", d.revision())
	fmt.Fprintf(table, "deployment\t%s\n", d.state())
	fmt.Fprintf(table, "seconds\t%.1f\n", d.Seconds)
	table.Flush() //nolint:errcheck // a strings.Builder does not fail
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	return b.String()
}

func (d Deployment) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Deployed image\n\n`%s`\n\n| | |\n|---|---|\n", d.Image)
	fmt.Fprintf(&b, "| service | %s |\n| container | %s on %s |\n| definition | %s |\n| deployment | %s |\n\nSeconds: %.1f.\n",
		d.what(), d.Container, d.Platform, d.revision(), d.state(), d.Seconds)
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "\n> %s\n", note)
	}
	return b.String()
}

func (d Deployment) what() string {
	action := d.Action
	if action == Unchanged {
		action = "it runs this already, nothing changed"
	}
	return fmt.Sprintf("%s in cluster %s, %s: %s", d.Service, d.Cluster, d.Region, action)
}

func (d Deployment) revision() string {
	if d.Previous == "" {
		return d.TaskDefinition
	}
	return fmt.Sprintf("%s, before it %s", d.TaskDefinition, d.Previous[strings.LastIndex(d.Previous, "/")+1:])
}

func (d Deployment) state() string {
	tasks := "tasks"
	if d.Desired == 1 {
		tasks = "task"
	}
	state := "complete"
	if d.Rollout != "COMPLETED" {
		state = "in progress, not waited for"
	}
	return fmt.Sprintf("%s %s, %d of %d %s running", d.Deployment, state, d.Running, d.Desired, tasks)
}
