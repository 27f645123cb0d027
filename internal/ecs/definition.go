package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// TaskDefinition is one that a file holds.
type TaskDefinition struct {
	input ecs.RegisterTaskDefinitionInput
}

// readOnly are the fields of a described task definition that a new revision cannot be given.
var readOnly = []string{
	"compatibilities", "deleteRequestedAt", "deregisteredAt", "registeredAt", "registeredBy", "requiresAttributes", "revision", "status", "taskDefinitionArn",
}

// ParseTaskDefinition reads the JSON that `aws ecs register-task-definition --cli-input-json` takes, or what
// `aws ecs describe-task-definition` prints. A field that neither knows is an error.
func ParseTaskDefinition(text string) (*TaskDefinition, error) {
	const doing = "reading --task-definition"
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, mistake(err, text))
	}
	if described, ok := fields["taskDefinition"]; ok {
		tags := fields["tags"]
		fields = nil // what the object holds shall not mix with it
		if err := json.Unmarshal(described, &fields); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, mistake(err, ""))
		}
		if fields != nil && tags != nil {
			fields["tags"] = tags
		}
	}
	for _, name := range readOnly {
		delete(fields, name)
	}
	var d TaskDefinition
	if err := strict(fields, &d.input); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case aws.ToString(d.input.Family) == "":
		return nil, fmt.Errorf("%s: it has no family: give it one, the name that all revisions share", doing)
	case len(d.input.ContainerDefinitions) == 0:
		return nil, fmt.Errorf("%s: it has no containerDefinitions: give it the container that runs the image", doing)
	}
	return &d, nil
}

// strict reads fields into the SDK's type of them, and refuses those that it does not have.
func strict(fields map[string]json.RawMessage, into any) error {
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return mistake(err, "")
	}
	return nil
}

// mistake says what is wrong with a JSON text; text is "" where its lines are not those of the file.
func mistake(err error, text string) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case strings.TrimSpace(text) == "" && errors.As(err, &syntax):
		return errors.New("it is empty: want a JSON object")
	case errors.As(err, &syntax):
		before := text[:min(len(text), int(syntax.Offset))]
		return fmt.Errorf("it is not JSON: line %d: %w", strings.Count(before, "\n")+1, err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("want a JSON object, not %s", kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: want %s, not %s", jsonPath(kind.Field), jsonType(kind.Type.String()), kind.Value)
	}
	if field, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
		return fmt.Errorf("it has the field %s, which ECS does not know: check its spelling", field)
	}
	return err
}

// jsonPath gives the names of Go's fields as the file has them.
func jsonPath(fields string) string {
	names := strings.Split(fields, ".")
	for i, name := range names {
		if name == "" { // a key of a map
			continue
		}
		names[i] = strings.ToLower(name[:1]) + name[1:]
	}
	return strings.Join(names, ".")
}

func jsonType(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "int"):
		return "a number"
	case goType == "bool":
		return "true or false"
	case strings.HasSuffix(goType, "string"), !strings.Contains(goType, "types."):
		return "a text in quotes"
	}
	return "what the API reference of ECS says"
}

// taken copies what a new revision takes of a described one. Tags of AWS itself cannot be given.
func taken(d *types.TaskDefinition, tags []types.Tag) *ecs.RegisterTaskDefinitionInput {
	return &ecs.RegisterTaskDefinitionInput{
		ContainerDefinitions:          slices.Clone(d.ContainerDefinitions),
		Family:                        d.Family,
		Cpu:                           d.Cpu,
		EnableFaultInjection:          d.EnableFaultInjection,
		EphemeralStorage:              d.EphemeralStorage,
		ExecutionRoleArn:              d.ExecutionRoleArn,
		InferenceAccelerators:         d.InferenceAccelerators, //nolint:staticcheck // old definitions have it
		IpcMode:                       d.IpcMode,
		Memory:                        d.Memory,
		NetworkMode:                   d.NetworkMode,
		PidMode:                       d.PidMode,
		PlacementConstraints:          d.PlacementConstraints,
		ProxyConfiguration:            d.ProxyConfiguration,
		RequiresCompatibilities:       d.RequiresCompatibilities,
		RuntimePlatform:               d.RuntimePlatform,
		TaskRoleArn:                   d.TaskRoleArn,
		TrustedExecutionConfiguration: d.TrustedExecutionConfiguration,
		Volumes:                       d.Volumes,
		Tags:                          slices.DeleteFunc(slices.Clone(tags), func(t types.Tag) bool { return strings.HasPrefix(aws.ToString(t.Key), "aws:") }),
	}
}

// define decides what shall run: the file's definition, or the one that is running, with the image and the platform.
func (r *rollout) define(running *ecs.RegisterTaskDefinitionInput) error {
	var input ecs.RegisterTaskDefinitionInput
	switch {
	case r.TaskDefinition != nil:
		input = r.TaskDefinition.input
	case running != nil:
		input = *running
	default:
		return fmt.Errorf("%s: there is no such service, and a first one needs a task definition: give it with --task-definition FILE", r.doing)
	}
	input.ContainerDefinitions = slices.Clone(input.ContainerDefinitions)
	r.definition = &input
	container, err := choose(r.definition.ContainerDefinitions, r.Container)
	if err != nil {
		return fmt.Errorf("%s: %w", r.doing, err)
	}
	container.Image = &r.Image
	r.container = aws.ToString(container.Name)
	r.definition.RuntimePlatform = &types.RuntimePlatform{OperatingSystemFamily: types.OSFamilyLinux, CpuArchitecture: architectures[r.Platform]}
	return nil
}

// choose finds the container that gets the image: the named one, else the only one, else the only essential one.
func choose(list []types.ContainerDefinition, name string) (*types.ContainerDefinition, error) {
	var names, essential []string
	for i, d := range list {
		if name != "" && aws.ToString(d.Name) == name {
			return &list[i], nil
		}
		names = append(names, aws.ToString(d.Name))
		if d.Essential == nil || *d.Essential {
			essential = append(essential, aws.ToString(d.Name))
		}
	}
	switch {
	case name != "":
		return nil, fmt.Errorf("its task definition has no container %q, only %s: give one of them with --container", name, named(names))
	case len(list) == 1:
		return &list[0], nil
	case len(essential) == 1:
		return choose(list, essential[0])
	}
	return nil, fmt.Errorf("its task definition has the containers %s: say with --container which one gets the image", named(names))
}

// tagged asks for a definition's tags too.
var tagged = []types.TaskDefinitionField{types.TaskDefinitionFieldTags}

// describe gives a revision, or the newest of a family, in the form that a new one takes.
func (c *Client) describe(ctx context.Context, r *rollout, revision string) (*ecs.RegisterTaskDefinitionInput, error) {
	out, err := c.api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &revision, Include: tagged,
	})
	if err != nil {
		return nil, c.explain("reading the task definition "+short(revision), r, err)
	}
	return taken(out.TaskDefinition, out.Tags), nil
}

// register gives the revision that is the definition: the family's newest where that is the same, so that neither a failed
// deployment nor one that was interrupted leaves another revision at each try.
func (c *Client) register(ctx context.Context, r *rollout) (string, error) {
	newest, err := c.api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: r.definition.Family, Include: tagged,
	})
	var none *types.ClientException // also what a family without revisions is answered with
	if err != nil && !errors.As(err, &none) {
		return "", c.explain("reading the task definition "+aws.ToString(r.definition.Family), r, err)
	}
	if err == nil && same(taken(newest.TaskDefinition, newest.Tags), r.definition) {
		return aws.ToString(newest.TaskDefinition.TaskDefinitionArn), nil
	}
	out, err := c.api.RegisterTaskDefinition(ctx, r.definition)
	if err != nil {
		return "", c.explain("registering a revision of the task definition "+aws.ToString(r.definition.Family), r, err)
	}
	arn := aws.ToString(out.TaskDefinition.TaskDefinitionArn)
	c.say("registered %s: container %s runs %s on %s", short(arn), r.container, r.Image, r.Platform)
	return arn, nil
}
