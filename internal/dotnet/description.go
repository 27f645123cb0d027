package dotnet

import "slices"

// Description is what would be built. The names in its JSON are a contract; docs/projects.md lists them.
type Description struct {
	// Project is the path in the source.
	Project      string `json:"project"`
	AssemblyName string `json:"assemblyName"`
	Framework    string `json:"framework"`
	Mode         Mode   `json:"publish"`
	// Projects are what the app refers to, directly or not.
	Projects []string `json:"projects"`
	// Packages by id, of the app and of those projects.
	Packages  []string            `json:"packages"`
	Platforms []DescribedPlatform `json:"platforms"`
	SDKImage  string              `json:"sdkImage"`
	// SDKDigest is what dagger.lock pins the SDK image to; absent where it does not.
	SDKDigest string `json:"sdkDigest,omitempty"`
	// BaseImage is the canonical reference.
	BaseImage string `json:"baseImage"`
	// BaseDigest is what dagger.lock pins the base image to; absent where it does not.
	BaseDigest string   `json:"baseDigest,omitempty"`
	Notes      []string `json:"notes,omitempty"`
}

// Descriptions are those of several apps.
type Descriptions struct {
	Apps []Description `json:"apps"`
	// Notes are of the source as a whole.
	Notes []string `json:"notes,omitempty"`
}

// DescribedPlatform is one platform of a Description.
type DescribedPlatform struct {
	Platform          string `json:"platform"`
	RuntimeIdentifier string `json:"runtimeIdentifier"`
}

// NewDescription holds what the projects say.
func NewDescription(app Project, all []Project) Description {
	d := Description{
		Project: app.Path, AssemblyName: app.AssemblyName(), Framework: app.Properties["TargetFramework"], Mode: app.Mode(),
		Projects: []string{}, Packages: []string{},
	}
	for _, p := range app.closure(all) {
		if p.Path != app.Path {
			d.Projects = append(d.Projects, p.Path)
		}
		d.Packages = append(d.Packages, p.Items["PackageReference"]...)
	}
	slices.Sort(d.Projects)
	slices.Sort(d.Packages)
	d.Packages = slices.Compact(d.Packages)
	return d
}
