package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	documents "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Objects are what a cluster would be given.
type Objects struct {
	StatefulSets    []apps.StatefulSet
	DaemonSets      []apps.DaemonSet
	ConfigMaps      []core.ConfigMap
	Services        []core.Service
	NetworkPolicies []networking.NetworkPolicy
	Roles           []rbac.Role
	RoleBindings    []rbac.RoleBinding
}

// Render renders the chart in a folder as `helm install dagger --namespace dagger --values FILE…` does: a later file goes before an
// earlier one. A value that the chart does not know is an error; Helm would say nothing.
func Render(folder string, files ...string) (Objects, error) {
	var objects Objects
	dagger, err := loader.Load(folder)
	if err != nil {
		return objects, fmt.Errorf("loading the chart: %w", err)
	}
	values := map[string]any{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return objects, err
		}
		var layer map[string]any
		if err := yaml.UnmarshalStrict(data, &layer); err != nil {
			return objects, fmt.Errorf("reading %s: %w", file, err)
		}
		if err := known(layer, dagger.Values, ""); err != nil {
			return objects, fmt.Errorf("reading %s: %w", file, err)
		}
		values = util.MergeTables(layer, values)
	}
	texts, err := render(dagger, values)
	if err != nil {
		return objects, err
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if path.Ext(name) != ".yaml" {
			continue
		}
		if err := objects.add([]byte(texts[name])); err != nil {
			return objects, fmt.Errorf("decoding %s: %w", name, err)
		}
	}
	return objects, nil
}

func render(dagger *chart.Chart, values map[string]any) (map[string]string, error) {
	release := common.ReleaseOptions{Name: "dagger", Namespace: "dagger", IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(dagger, values, release, common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("joining the values: %w", err)
	}
	return engine.Engine{}.RenderWithContext(context.Background(), dagger, all)
}

// unlisted are the values that the chart has in comments alone.
var unlisted = []string{"engine.affinity", "engine.configJson", "engine.image.ref", "engine.nodeSelector", "engine.port", "engine.tolerations"}

// known compares the names of values with the chart's own. Where the chart has an empty map, or none, any name goes.
func known(values, defaults map[string]any, prefix string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		full := prefix + name
		if slices.Contains(unlisted, full) {
			continue
		}
		standard, there := defaults[name]
		if !there {
			return fmt.Errorf("the chart knows no value %s", full)
		}
		inner, _ := values[name].(map[string]any)
		below, _ := standard.(map[string]any)
		if len(below) == 0 {
			continue
		}
		if err := known(inner, below, full+"."); err != nil {
			return err
		}
	}
	return nil
}

// Read decodes a file of manifests.
func Read(file string) (Objects, error) {
	var objects Objects
	data, err := os.ReadFile(file)
	if err != nil {
		return objects, err
	}
	if err := objects.add(data); err != nil {
		return objects, fmt.Errorf("decoding %s: %w", file, err)
	}
	return objects, nil
}

// add decodes the documents of a text. A field that Kubernetes does not know, or one given twice, is an error.
func (o *Objects) add(text []byte) error {
	reader := documents.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := o.addOne(document); err != nil {
			return err
		}
	}
}

func (o *Objects) addOne(document []byte) error {
	var of meta.TypeMeta
	if err := yaml.Unmarshal(document, &of); err != nil {
		return err
	}
	switch of {
	case meta.TypeMeta{}: // a template that gave nothing
		return nil
	case meta.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}:
		return decode(document, &o.StatefulSets)
	case meta.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}:
		return decode(document, &o.DaemonSets)
	case meta.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}:
		return decode(document, &o.ConfigMaps)
	case meta.TypeMeta{APIVersion: "v1", Kind: "Service"}:
		return decode(document, &o.Services)
	case meta.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}:
		return decode(document, &o.NetworkPolicies)
	case meta.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role"}:
		return decode(document, &o.Roles)
	case meta.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"}:
		return decode(document, &o.RoleBindings)
	}
	return fmt.Errorf("%s %s was not expected", of.APIVersion, of.Kind)
}

func decode[T any](document []byte, to *[]T) error {
	var object T
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		return err
	}
	*to = append(*to, object)
	return nil
}
