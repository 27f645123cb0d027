package kubernetes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	dataPath   = "/var/lib/dagger"
	configPath = "/etc/dagger/engine.json"
)

// Engine is the one workload of a rendered chart.
type Engine struct {
	Name   string // of the StatefulSet or DaemonSet
	Kind   string
	Pod    core.PodTemplateSpec
	Claims []core.PersistentVolumeClaim
	JSON   string // engine.json
}

// Engine finds it, and the configuration that is mounted into it.
func (o Objects) Engine() (Engine, error) {
	var engines []Engine
	for _, set := range o.StatefulSets {
		engines = append(engines, Engine{set.Name, "StatefulSet", set.Spec.Template, set.Spec.VolumeClaimTemplates, ""})
	}
	for _, set := range o.DaemonSets {
		engines = append(engines, Engine{set.Name, "DaemonSet", set.Spec.Template, nil, ""})
	}
	if len(engines) != 1 || len(engines[0].Pod.Spec.Containers) != 1 {
		return Engine{}, fmt.Errorf("want one workload of one container, got %d workloads", len(engines))
	}
	e := engines[0]
	if mount := e.mounted(configPath); mount != nil {
		volume := e.volume(mount.Name)
		for _, file := range o.ConfigMaps {
			if volume != nil && volume.ConfigMap != nil && volume.ConfigMap.Name == file.Name {
				e.JSON = file.Data[mount.SubPath]
			}
		}
	}
	return e, nil
}

// Container is the engine's own.
func (e Engine) Container() core.Container { return e.Pod.Spec.Containers[0] }

// mounted is what lies at a path of the container; nil when nothing does.
func (e Engine) mounted(path string) *core.VolumeMount {
	mounts := e.Container().VolumeMounts
	at := slices.IndexFunc(mounts, func(m core.VolumeMount) bool { return m.MountPath == path })
	if at < 0 {
		return nil
	}
	return &mounts[at]
}

func (e Engine) volume(name string) *core.Volume {
	volumes := e.Pod.Spec.Volumes
	at := slices.IndexFunc(volumes, func(v core.Volume) bool { return v.Name == name })
	if at < 0 {
		return nil
	}
	return &volumes[at]
}

func (e Engine) claim(name string) *core.PersistentVolumeClaim {
	at := slices.IndexFunc(e.Claims, func(c core.PersistentVolumeClaim) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	return &e.Claims[at]
}

// Check says what is wrong with an engine: version is Dagger's, such as v0.19.10; schema that of engine.json.
func (e Engine) Check(version string, schema *jsonschema.Schema) error {
	return errors.Join(e.checkImage(version), e.checkVolumes(), e.checkCache(), e.checkPlace(), e.checkMemory(), e.checkConfig(schema))
}

func (e Engine) checkImage(version string) error {
	if want, got := "registry.dagger.io/engine:"+version, e.Container().Image; got != want {
		return fmt.Errorf("the image is %s, want that of the module's engine version: %s", got, want)
	}
	return nil
}

// checkVolumes finds what an API server refuses, and a claim that hides a volume.
func (e Engine) checkVolumes() error {
	var wrong []error
	names := map[string]int{}
	for _, volume := range e.Pod.Spec.Volumes {
		names[volume.Name]++
	}
	for _, claim := range e.Claims {
		names[claim.Name]++
	}
	for name, times := range names {
		if times > 1 {
			wrong = append(wrong, fmt.Errorf("volume %q is there %d times", name, times))
		}
	}
	for _, mount := range e.Container().VolumeMounts {
		if names[mount.Name] == 0 {
			wrong = append(wrong, fmt.Errorf("%s is mounted from the volume %q, which is not there", mount.MountPath, mount.Name))
		}
	}
	return errors.Join(wrong...)
}

// checkCache wants the cache on a disk that outlives the pod: a claim for an engine of the cluster, the node's own for one of each node.
func (e Engine) checkCache() error {
	mount := e.mounted(dataPath)
	if mount == nil {
		return fmt.Errorf("nothing is mounted at %s", dataPath)
	}
	if e.Kind == "DaemonSet" {
		if volume := e.volume(mount.Name); volume == nil || volume.HostPath == nil {
			return fmt.Errorf("%s is not the node's disk", dataPath)
		}
		return nil
	}
	claim := e.claim(mount.Name)
	if claim == nil {
		return fmt.Errorf("%s is not a volume that the cluster keeps", dataPath)
	}
	if size := claim.Spec.Resources.Requests[core.ResourceStorage]; size.Sign() <= 0 {
		return fmt.Errorf("the claim %q asks for no space", claim.Name)
	}
	for _, volume := range e.Pod.Spec.Volumes {
		if volume.HostPath != nil {
			return fmt.Errorf("volume %q is a folder of whichever node the pod is on", volume.Name)
		}
	}
	return nil
}

// Architectures are those of the nodes that the engine may be on; nil when any will do.
func (e Engine) Architectures() []string {
	required, _ := e.required(core.LabelArchStable)
	return required.Values
}

// required is what every node of the engine must satisfy of one label.
func (e Engine) required(label string) (core.NodeSelectorRequirement, bool) {
	affinity := e.Pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return core.NodeSelectorRequirement{}, false
	}
	// Terms are alternatives: with more than one, none is required.
	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	if len(terms) != 1 {
		return core.NodeSelectorRequirement{}, false
	}
	at := slices.IndexFunc(terms[0].MatchExpressions, func(r core.NodeSelectorRequirement) bool { return r.Key == label })
	if at < 0 {
		return core.NodeSelectorRequirement{}, false
	}
	return terms[0].MatchExpressions[at], true
}

// checkPlace wants the engine on nodes of the CI runners, and able to be there.
func (e Engine) checkPlace() error {
	var wrong []error
	if r, there := e.required(core.LabelArchStable); !there || r.Operator != core.NodeSelectorOpIn || len(r.Values) == 0 {
		wrong = append(wrong, fmt.Errorf("no node affinity requires %s", core.LabelArchStable))
	}
	runner, there := e.required("ci-runner")
	if !there || runner.Operator != core.NodeSelectorOpExists {
		wrong = append(wrong, errors.New("no node affinity requires ci-runner"))
	}
	tolerates := slices.ContainsFunc(e.Pod.Spec.Tolerations, func(t core.Toleration) bool {
		return t.Key == "ci-runner" && t.Operator == core.TolerationOpExists
	})
	if !tolerates {
		wrong = append(wrong, errors.New("the taint ci-runner is not tolerated"))
	}
	return errors.Join(wrong...)
}

// checkMemory wants a bound, without which a build takes the memory of the runners beside it.
func (e Engine) checkMemory() error {
	resources := e.Container().Resources
	limit, request := resources.Limits[core.ResourceMemory], resources.Requests[core.ResourceMemory]
	if limit.Sign() <= 0 || request.Sign() <= 0 || request.Cmp(limit) > 0 {
		return fmt.Errorf("memory: request %s, limit %s; want both, the limit not below the request", request.String(), limit.String())
	}
	return nil
}

// checkConfig reads engine.json as the engine does, which does not start with a key that it does not know.
func (e Engine) checkConfig(schema *jsonschema.Schema) error {
	if e.JSON == "" {
		return fmt.Errorf("nothing is mounted at %s", configPath)
	}
	config, err := jsonschema.UnmarshalJSON(strings.NewReader(e.JSON))
	if err != nil {
		return fmt.Errorf("reading engine.json: %w", err)
	}
	if err := schema.Validate(config); err != nil {
		return fmt.Errorf("engine.json: %w", err)
	}
	gc, _ := config.(map[string]any)["gc"].(map[string]any)
	policies, _ := gc["policies"].([]any)
	if len(policies) == 0 {
		return errors.New("engine.json: no policy of garbage collection")
	}
	last := policies[len(policies)-1].(map[string]any)
	if last["all"] != true || last["maxUsedSpace"] == nil || last["minFreeSpace"] == nil {
		return errors.New("engine.json: the last policy of garbage collection does not bound all that the engine keeps")
	}
	return nil
}

// Selects says whether a selector of such labels selects the engine's pods.
func (e Engine) Selects(wanted map[string]string) bool {
	return len(wanted) > 0 && labels.SelectorFromSet(wanted).Matches(labels.Set(e.Pod.Labels))
}
