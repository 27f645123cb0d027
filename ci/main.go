// Dotnet-multiarch builds a .NET app on the host platform, cross-publishes it for every target platform, and pushes one
// multi-platform image whose digest is the same wherever the command runs.
//
// The constructor's arguments describe the app, a function's arguments the deed:
//
//	dagger call --source . build-and-push --image registry.example.com/team/app
package main

import (
	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"
)

// DotnetMultiarch is one app to build.
type DotnetMultiarch struct {
	// +private
	Source *dagger.Directory
	// +private
	Project string
	// +private
	Platforms string
	// +private
	Configuration string
	// +private
	Framework string
	// +private
	Publish string
	// +private
	Property string
	// +private
	BaseRegistry string
	// +private
	SdkImage string
	// +private
	RuntimeImage string
	// +private
	Feed *dagger.Directory
	// +private
	Registry *dagger.Service
}

// New describes the app.
func New(
	// The repository or solution to build. Wanted, though not marked so: a default from .env makes Dagger refuse the flag
	// where +ignore stands without +defaultPath (dagger#11188), so the default is a folder without a project.
	//
	// +defaultPath="/docs"
	// +ignore=["**/bin", "**/obj", "**/.git", "**/.vs", "**/.idea", "**/node_modules", "**/TestResults"]
	source *dagger.Directory,

	// The project to publish: its file, its folder or its name. Default: the one app of the source.
	//
	// +optional
	project string,

	// Target platforms, comma-separated, such as linux/amd64,linux/arm64. Default: the project's own runtime identifiers,
	// else linux/amd64,linux/arm64.
	//
	// +optional
	platforms string,

	// MSBuild configuration.
	//
	// +optional
	// +default="Release"
	configuration string,

	// Target framework to publish, where the project has several.
	//
	// +optional
	framework string,

	// How to publish: framework-dependent, ready-to-run, self-contained, single-file, trimmed or native-aot. Default: what
	// the project says, else framework-dependent.
	//
	// +optional
	publish string,

	// Extra MSBuild properties in MSBuild's own form: "Name=Value;Other=Value", %3B for a semicolon in a value.
	//
	// +optional
	property string,

	// Where dotnet/sdk, dotnet/aspnet and their kin come from: Microsoft's registry, a mirror or a pull-through cache.
	//
	// +optional
	// +default="mcr.microsoft.com"
	baseRegistry string,

	// Image to build in. Default: dotnet/sdk with the tag that global.json asks for, else the newest LTS.
	//
	// +optional
	sdkImage string,

	// Image to lay the app on. Default: dotnet/aspnet, runtime or runtime-deps by what the app needs.
	//
	// +optional
	runtimeImage string,

	// Folder of .nupkg files that is the only source of packages, for machines that reach no feed.
	//
	// +optional
	feed *dagger.Directory,

	// Registry on the caller's own machine, such as tcp://127.0.0.1:5001. Used only for references whose host is loopback.
	//
	// +optional
	registry *dagger.Service,
) *DotnetMultiarch {
	return &DotnetMultiarch{
		Source: source, Project: project, Platforms: platforms, Configuration: configuration, Framework: framework,
		Publish: publish, Property: property, BaseRegistry: baseRegistry, SdkImage: sdkImage, RuntimeImage: runtimeImage,
		Feed: feed, Registry: registry,
	}
}
