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

// DotnetMultiarch is one app to build, or several of one source.
type DotnetMultiarch struct {
	// +private
	Source *dagger.Directory
	// +private
	Project []string
	// +private
	Projects string
	// +private
	All bool
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
	// +private
	BaseFlavor string
	// +private
	NugetConfig *dagger.Secret
	// +private
	NugetCredentials *dagger.Secret
	// +private
	LockedMode bool
	// +private
	Git *dagger.Directory
	// +private
	SourcePath string
	// +private
	DockerConfig *dagger.Secret
	// +private
	CaCertificate *dagger.File
	// +private
	Insecure bool
	// What the image says of the app, as typed.
	//
	// +private
	Port []string
	// +private
	EnvVar []string
	// +private
	Label []string
	// +private
	Annotation []string
	// +private
	Entrypoint []string
	// +private
	Cmd []string
	// +private
	User string
	// +private
	WorkingDir string
	// +private
	Version string
	// +private
	Revision string
	// +private
	SourceURL string
	// +private
	Created string
	// +private
	Compression string
	// +private
	AllowForeign string
}

// New describes the app.
func New(
	// The repository or solution to build. Wanted, though not marked so: a default from .env makes Dagger refuse the flag
	// where +ignore stands without +defaultPath (dagger#11188), so the default is a folder without a project.
	//
	// +defaultPath="/docs"
	// +ignore=["**/bin", "**/obj", "**/.git", "**/.vs", "**/.idea", "**/node_modules", "**/TestResults"]
	source *dagger.Directory,

	// What to publish: a project's file, folder or name, a solution with one app, or a .cs file that needs no project. Several
	// apps: give it several times. Default: the one app of the source.
	//
	// +optional
	project []string,

	// The same as one text, comma-separated, for .env, which can hold no list.
	//
	// +optional
	projects string,

	// Publish every app: of the source, or of the solutions and folders that --project names.
	//
	// +optional
	all bool,

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

	// Extra MSBuild properties in MSBuild's own form: "Name=Value;Other=Value", %3B for a semicolon in a value, %2C for a
	// comma.
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

	// Flavor of Microsoft's base image, the part of its tag after the version: noble, noble-chiseled, noble-chiseled-extra,
	// alpine, azurelinux3.0-distroless and the like. Default: the project's ContainerFamily, else the unsuffixed tag.
	//
	// +optional
	baseFlavor string,

	// A nuget.config with credentials, such as file://nuget.ci.config, read by the restore instead of the source's own. It
	// enters no layer.
	//
	// +optional
	nugetConfig *dagger.Secret,

	// Credentials of package sources, such as env://NUGET_CREDENTIALS: lines NAME=Username=USER;Password=TOKEN with the sources'
	// names in nuget.config, or the JSON of VSS_NUGET_EXTERNAL_FEED_ENDPOINTS.
	//
	// +optional
	nugetCredentials *dagger.Secret,

	// Fail when packages.lock.json does not fit the projects and platforms.
	//
	// +optional
	lockedMode bool,

	// The history, the folder .git, for tools that make a version of it, such as MinVer. Every commit is another image then.
	//
	// +optional
	git *dagger.Directory,

	// Where the source lies in the build container. The image does not depend on it.
	//
	// +optional
	// +default="/src"
	sourcePath string,

	// Logins of registries: the text of ~/.docker/config.json, such as file://$HOME/.docker/config.json. For bases, for what is
	// copied, and for the target where the function has no --username.
	//
	// +optional
	dockerConfig *dagger.Secret,

	// Certificates of authorities in PEM, trusted besides the system's where this module speaks to a registry. The engine's own
	// pulls, of the SDK image, take theirs from the engine's configuration.
	//
	// +optional
	caCertificate *dagger.File,

	// Speak to registries also in plain http and with certificates that nobody vouches for, not only to those on this machine.
	//
	// +optional
	insecure bool,
	// Ports to expose, 8080 or 53/udp, and no other. Default: those of the base, of the project, and of ASPNETCORE_URLS or
	// ASPNETCORE_HTTP_PORTS.
	//
	// +optional
	port []string,

	// Environment variables NAME=VALUE, over the project's and the base's. A value with a comma: '"NAME=one,two"'.
	//
	// +optional
	envVar []string,

	// Labels NAME=VALUE, over the project's and the base's.
	//
	// +optional
	label []string,

	// Annotations NAME=VALUE of the index and of each platform's manifest.
	//
	// +optional
	annotation []string,

	// Program and arguments that the container starts, such as dotnet,/app/App.dll. Default: the project's, else the app.
	//
	// +optional
	entrypoint []string,

	// Arguments that follow the entry point unless the container is started with others. Default: the project's.
	//
	// +optional
	cmd []string,

	// User that the app runs as, with :GROUP or without. Default: the project's, else the base's APP_UID.
	//
	// +optional
	user string,

	// Folder that the app lies and starts in. Default: the project's, else /app.
	//
	// +optional
	workingDir string,

	// Version of the app, said in annotation and label org.opencontainers.image.version. Default: the project's own.
	//
	// +optional
	version string,

	// Commit that the app is built from, said in org.opencontainers.image.revision.
	//
	// +optional
	revision string,

	// URL of the source's repository, said in org.opencontainers.image.source. Default: the project's RepositoryUrl.
	//
	// +optional
	sourceUrl string,

	// Time of the image, such as 2026-01-31T12:00:00Z. Default: none, since each would give another digest.
	//
	// +optional
	created string,

	// How the app's layers are compressed: gzip, which every engine reads, or zstd, which is faster to unpack.
	//
	// +optional
	// +default="gzip"
	compression string,

	// Native files that may be for another platform than their image, since the app does not load them there: names or paths
	// with * for any letters, comma-separated, such as libz*.so. Any other is an error before anything is pushed.
	//
	// +optional
	allowForeign string,
) *DotnetMultiarch {
	return &DotnetMultiarch{
		Source: source, Project: project, Projects: projects, All: all, Platforms: platforms, Configuration: configuration, Framework: framework,
		Publish: publish, Property: property, BaseRegistry: baseRegistry, SdkImage: sdkImage, RuntimeImage: runtimeImage,
		Feed: feed, Registry: registry, BaseFlavor: baseFlavor, NugetConfig: nugetConfig, NugetCredentials: nugetCredentials,
		LockedMode: lockedMode, Git: git, SourcePath: sourcePath,
		Port: port, EnvVar: envVar, Label: label, Annotation: annotation, Entrypoint: entrypoint, Cmd: cmd, User: user, WorkingDir: workingDir,
		Version: version, Revision: revision, SourceURL: sourceUrl, Created: created, Compression: compression,
		DockerConfig: dockerConfig, CaCertificate: caCertificate, Insecure: insecure,
		AllowForeign: allowForeign,
	}
}
