package bases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// composition is all that the images are assembled from.
type composition struct {
	source source
	dotnet dotnet
	sdk    debianRoot
	roots  map[string]debianRoot // by architecture
}

// composed is an index to be pushed.
type composed struct {
	repository, tag string
	index           v1.ImageIndex
}

// stratum is a layer with what is said of it.
type stratum struct {
	layer  v1.Layer
	origin string // the history's created_by
	// repository is where the layer was pushed before, "" for nowhere: the
	// registry is asked to mount it from there.
	repository string
}

// plan is what one image is made of.
type plan struct {
	repository, arch string
	what, version    string // of .NET, for the labels
	packages         string // of Debian
	strata           []stratum
	env              []string
}

// tier is one of the runtime images, which stand on one another.
type tier struct {
	repository, what string
	layers           map[string]v1.Layer // by architecture
	origin           string
	env              []string
}

// tiers are the runtime images from the lowest up, with the environment that
// each adds in the Dockerfiles of dotnet/dotnet-docker.
func (c composition) tiers() []tier {
	v := c.dotnet.versions
	system := map[string]v1.Layer{}
	for arch, root := range c.roots {
		system[arch] = root.layer
	}
	deps := []string{"APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "DOTNET_RUNNING_IN_CONTAINER=true"}
	if c.old() {
		deps = []string{"ASPNETCORE_URLS=http://+:80", "DOTNET_RUNNING_IN_CONTAINER=true"}
	}
	return []tier{
		{"dotnet/runtime-deps", "what .NET needs of the system", system, c.debian() + " packages, unpacked", deps},
		{"dotnet/runtime", ".NET runtime " + v.Runtime, c.dotnet.runtime, ".NET runtime " + v.Runtime, []string{"DOTNET_VERSION=" + v.Runtime}},
		{"dotnet/aspnet", "ASP.NET Core runtime " + v.AspNet, c.dotnet.aspnet, "ASP.NET Core runtime " + v.AspNet, []string{"ASPNET_VERSION=" + v.AspNet}},
	}
}

func (c composition) debian() string { return "Debian " + c.source.suite().release }

// indexes assembles the four images, in the order in which they are pushed:
// what shares layers comes after what it shares them with.
func (c composition) indexes(registry string) ([]composed, error) {
	var all []composed
	strata := map[string][]stratum{} // by architecture
	var env []string
	for _, t := range c.tiers() {
		env = append(env, t.env...)
		var plans []plan
		for _, arch := range architectures {
			strata[arch] = append(strata[arch], stratum{t.layers[arch], t.origin, t.repository})
			plans = append(plans, plan{t.repository, arch, t.what, c.dotnet.versions.Runtime, c.roots[arch].packages, strata[arch], env})
		}
		index, err := c.index(registry, plans)
		if err != nil {
			return nil, err
		}
		all = append(all, index)
	}
	sdk, err := c.index(registry, []plan{c.sdkPlan(env)})
	return append(all, sdk), err
}

func (c composition) sdkPlan(runtimeEnv []string) plan {
	v := c.dotnet.versions
	strata := append([]stratum{{c.sdk.layer, c.debian() + " packages, installed", ""}}, c.dotnet.sdk...)
	env := slices.Clone(runtimeEnv)
	if c.old() {
		env = []string{"DOTNET_RUNNING_IN_CONTAINER=true"}
	}
	env = append(env,
		"DOTNET_GENERATE_ASPNET_CERTIFICATE=false",
		"DOTNET_NOLOGO=true",
		"DOTNET_SDK_VERSION="+v.SDK,
		"DOTNET_USE_POLLING_FILE_WATCHER=true",
		"NUGET_XMLDOC_MODE=skip")
	return plan{"dotnet/sdk", architectures[0], ".NET SDK " + v.SDK, v.SDK, c.sdk.packages, strata, append(env, c.source.sdkEnv()...)}
}

// old: .NET 3.1, whose images listened on port 80, and whose SDK image was not
// based on the aspnet image.
func (c composition) old() bool { return strings.HasPrefix(c.dotnet.versions.Runtime, "3.") }

// index assembles the images of one repository.
func (c composition) index(registry string, plans []plan) (composed, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range plans {
		image, err := c.image(registry, p)
		if err != nil {
			return composed{}, fmt.Errorf("assembling %s for linux/%s: %w", p.repository, p.arch, err)
		}
		platform := platformOf(p.arch)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	return composed{plans[0].repository, c.dotnet.versions.channel(), index}, nil
}

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (c composition) image(registry string, p plan) (v1.Image, error) {
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	platform := platformOf(p.arch)
	base, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: epoch},
		RootFS:  v1.RootFS{Type: "layers"},
		Config:  v1.Config{Env: append([]string{searchPath}, p.env...), Cmd: []string{"/bin/bash"}, Labels: c.labels(p)},
	})
	if err != nil {
		return nil, err
	}
	var addenda []mutate.Addendum
	for _, s := range p.strata {
		layer, err := s.mountable(registry, p.repository)
		if err != nil {
			return nil, err
		}
		addenda = append(addenda, mutate.Addendum{Layer: layer, MediaType: types.OCILayer,
			History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: s.origin, Comment: notMicrosofts}})
	}
	return mutate.Append(base, addenda...)
}

func (s stratum) mountable(registry, repository string) (v1.Layer, error) {
	if s.repository == "" || s.repository == repository {
		return s.layer, nil
	}
	from, err := name.NewRepository(registry + "/" + s.repository)
	if err != nil {
		return nil, err
	}
	return &remote.MountableLayer{Layer: s.layer, Reference: from.Tag("latest")}, nil
}

const notMicrosofts = "composed by dotnet-multiarch; not an image of Microsoft's"

// labelPrefix is that of this project's own labels.
const labelPrefix = "io.github.dotnet-multiarch."

func (c composition) labels(p plan) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       p.repository + ":" + c.dotnet.versions.channel(),
		"org.opencontainers.image.description": p.what + " on " + c.debian() + "; " + notMicrosofts,
		"org.opencontainers.image.version":     p.version,
		labelPrefix + "dotnet":                 c.source.origin(c.dotnet.inputs),
		labelPrefix + "debian":                 c.source.suite().codename,
		labelPrefix + "packages":               p.packages,
		labelPrefix + "recipe":                 fmt.Sprint(recipe),
	}
}

// platformOf has the variant that Microsoft's images have.
func platformOf(arch string) v1.Platform {
	p := v1.Platform{OS: "linux", Architecture: arch}
	if arch == "arm64" {
		p.Variant = "v8"
	}
	return p
}
