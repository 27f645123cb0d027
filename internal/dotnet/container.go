package dotnet

import (
	"net/url"
	"strings"
)

// Container is what a project says for the .NET SDK's container support, as that reads it,
// https://learn.microsoft.com/dotnet/core/containers/publish-configuration. Empty means: the project says nothing.
type Container struct {
	User, WorkingDir string
	// Ports as the project writes them: 8080, 53/udp.
	Ports   []string
	Env     map[string]string
	Labels  map[string]string
	Command Command
	// About describes the image by the names of the OCI annotations, such as org.opencontainers.image.title.
	About map[string]string
}

// annotations is the prefix of the OCI image specification's own annotations and labels,
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
const annotations = "org.opencontainers.image."

// listSeparator stands between the items of a list that describe.targets writes as one text.
const listSeparator = "\ue000"

// Container reads the project's container properties and items.
func (p Project) Container() Container {
	c := Container{
		User: p.Properties["ContainerUser"], WorkingDir: p.Properties["ContainerWorkingDirectory"],
		Env: p.pairs("ContainerEnvironmentVariable"), Labels: p.runtimeLabel(), About: p.about(),
		Command: Command{
			Instruction: p.Properties["ContainerAppCommandInstruction"],
			Entrypoint:  p.list("ContainerEntrypoint"), EntrypointArgs: p.list("ContainerEntrypointArgs"),
			App: p.list("ContainerAppCommand"), AppArgs: p.list("ContainerAppCommandArgs"),
			DefaultArgs: p.list("ContainerDefaultArgs"),
		},
	}
	for _, port := range p.list("ContainerPort") {
		c.Ports = append(c.Ports, strings.TrimSuffix(port, "/")) // no Type
	}
	for name, value := range p.pairs("ContainerLabel") {
		c.Labels[name] = value
		if strings.HasPrefix(name, annotations) {
			c.About[name] = value
		}
	}
	return c
}

// about holds what the SDK makes labels of, but for what would give every build another digest or say what nobody said: the
// time, the SDK's default version, an author who is the assembly.
func (p Project) about() map[string]string {
	about := map[string]string{}
	say := func(name, property string, values ...string) {
		for _, value := range values {
			if value != "" && p.generates("ContainerGenerateLabelsImage"+property) {
				about[annotations+name] = value
				return
			}
		}
	}
	unless := func(value, given string) string {
		if value == given {
			return ""
		}
		return value
	}
	text := p.Properties
	say("title", "Title", text["ContainerTitle"], text["Title"], p.AssemblyName())
	say("description", "Description", text["ContainerDescription"], text["Description"])
	say("authors", "Authors", text["ContainerAuthors"], unless(text["Authors"], p.AssemblyName()))
	say("url", "Url", text["ContainerInformationUrl"], text["PackageProjectUrl"])
	say("documentation", "Documentation", text["ContainerDocumentationUrl"], text["PackageProjectUrl"])
	say("version", "Version", text["ContainerVersion"], unless(text["PackageVersion"], "1.0.0"))
	say("vendor", "Vendor", text["ContainerVendor"])
	say("licenses", "Licenses", text["ContainerLicenseExpression"], text["PackageLicenseExpression"])
	say("source", "Source", SourceURL(text["RepositoryUrl"]))
	say("revision", "Revision", text["SourceRevisionId"])
	return about
}

// runtimeLabel is the SDK's label of the target framework's version.
func (p Project) runtimeLabel() map[string]string {
	labels := map[string]string{}
	if version := p.FrameworkVersion(); version != "" && p.generates("ContainerGenerateLabelsDotnetToolset") {
		labels["net.dot.runtime.majorminor"] = version
	}
	return labels
}

// generates says whether a switch of the SDK for a generated label is on, which it is unless the project says otherwise.
func (p Project) generates(property string) bool {
	on := func(name string) bool { return p.Properties[name] == "" || p.is(name) }
	return on("ContainerGenerateLabels") && on(property)
}

// SourceURL is a repository's URL as an annotation has it: without .git, as scanners look for it, and without a user and a
// password, as GitLab CI's CI_REPOSITORY_URL has them. It is "" for what is not an absolute URL.
func SourceURL(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	u.User = nil
	u.Path = strings.TrimSuffix(u.Path, ".git")
	return u.String()
}

// list reads a list that describe.targets wrote as one text.
func (p Project) list(name string) []string {
	if p.Properties[name] == "" {
		return nil
	}
	return strings.Split(p.Properties[name], listSeparator)
}

// pairs reads a list of NAME=VALUE; of equal names the last counts.
func (p Project) pairs(list string) map[string]string {
	pairs := map[string]string{}
	for _, item := range p.list(list) {
		name, value, _ := strings.Cut(item, "=")
		pairs[name] = value
	}
	return pairs
}
