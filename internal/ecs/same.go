package ecs

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// same says whether two task definitions run the same. ECS writes defaults into what it is given, so that a file and the
// revision made of it differ in them: a default and a field left out are the same, and the order of what has names is none.
func same(a, b *ecs.RegisterTaskDefinitionInput) bool {
	return bytes.Equal(canonical(a), canonical(b))
}

// canonical has every default of
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html that ECS is known to write, and
// nothing that is empty.
func canonical(d *ecs.RegisterTaskDefinitionInput) []byte {
	full := *d
	full.Cpu, full.Memory = units(d.Cpu), units(d.Memory)
	full.Tags = sorted(d.Tags, func(t types.Tag) string { return aws.ToString(t.Key) })
	full.RequiresCompatibilities = sorted(d.RequiresCompatibilities, func(c types.Compatibility) string { return string(c) })
	full.ContainerDefinitions = slices.Clone(d.ContainerDefinitions)
	for i := range full.ContainerDefinitions {
		fill(&full.ContainerDefinitions[i], d.NetworkMode)
	}
	// A map gives its keys in order.
	var tree any
	text, err := json.Marshal(full)
	if err == nil {
		err = json.Unmarshal(text, &tree)
	}
	if err == nil {
		text, err = json.Marshal(pruned(tree))
	}
	if err != nil { // none of the types refuses
		panic(err)
	}
	return text
}

func fill(c *types.ContainerDefinition, mode types.NetworkMode) {
	if c.Essential == nil {
		c.Essential = aws.Bool(true)
	}
	c.Environment = sorted(c.Environment, func(e types.KeyValuePair) string { return aws.ToString(e.Name) })
	c.Secrets = sorted(c.Secrets, func(s types.Secret) string { return aws.ToString(s.Name) })
	c.PortMappings = slices.Clone(c.PortMappings)
	for i := range c.PortMappings {
		p := &c.PortMappings[i]
		if p.Protocol == "" {
			p.Protocol = types.TransportProtocolTcp
		}
		if aws.ToInt32(p.HostPort) == 0 {
			p.HostPort = nil
			if mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost {
				p.HostPort = p.ContainerPort
			}
		}
	}
	if c.HealthCheck != nil {
		h := *c.HealthCheck
		h.Interval, h.Timeout, h.Retries = or(h.Interval, 30), or(h.Timeout, 5), or(h.Retries, 3)
		if aws.ToInt32(h.StartPeriod) == 0 {
			h.StartPeriod = nil
		}
		c.HealthCheck = &h
	}
}

func or(value *int32, otherwise int32) *int32 {
	if value == nil {
		return &otherwise
	}
	return value
}

func sorted[T any](list []T, key func(T) string) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return list
}

// inUnits is a size of a task as people may write it, "0.5 vCPU" or "1 GB", where ECS counts in 1024ths and MiB.
var inUnits = regexp.MustCompile(`(?i)^\s*([0-9]*\.?[0-9]+)\s*(vcpu|gb)\s*$`)

func units(size *string) *string {
	parts := inUnits.FindStringSubmatch(aws.ToString(size))
	if parts == nil {
		return size
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return size
	}
	return aws.String(strconv.Itoa(int(number * 1024)))
}

// pruned leaves out what is null, false, or empty; 0 stays, for it is not always a default.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, inner := range v {
			if inner = pruned(inner); inner != nil || key == "Essential" {
				kept[key] = inner
			}
		}
		if len(kept) > 0 {
			return kept
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) > 0 {
			return v
		}
	case string:
		if v != "" {
			return v
		}
	case bool:
		if v {
			return v
		}
	case float64:
		return v
	}
	return nil
}
