package dotnet

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The cases are those of the .NET SDK's own test of DetermineEntrypointAndCmd, with base images and refusals,
// https://github.com/dotnet/sdk/blob/main/test/Microsoft.NET.Build.Containers.UnitTests/CreateNewImageTests.cs
func TestEntrypointAndCmd(t *testing.T) {
	own, base := "dotnet /app/App.dll", "/tini --"
	for _, c := range []struct {
		name            string
		command         Command
		base            string
		entrypoint, cmd string
		refused         string
	}{
		{"nothing is said", Command{}, "", own, "", ""},
		{"the base's entry point gives way", Command{}, base, own, "", ""},
		{"arguments of the app", Command{AppArgs: []string{"--x"}}, "", own + " --x", "", ""},
		{"default arguments", Command{DefaultArgs: []string{"--x", "1"}}, "", own, "--x 1", ""},
		{"another app command", Command{App: []string{"app"}, AppArgs: []string{"--x"}, DefaultArgs: []string{"d"}}, "", "app --x", "d", ""},
		{"an entry point takes the app as its argument", Command{Entrypoint: []string{"/tini"}}, "", "/tini", own, ""},
		{"and keeps its own arguments", Command{Entrypoint: []string{"/tini"}, EntrypointArgs: []string{"--"}, AppArgs: []string{"--x"}, DefaultArgs: []string{"d"}}, base, "/tini --", own + " --x d", ""},
		{"arguments of an entry point that is not named were the app's", Command{EntrypointArgs: []string{"--x"}}, "", own, "--x", ""},
		{"the same, in place of the base's", Command{EntrypointArgs: []string{"--x"}}, base, own, "--x", ""},
		{"but not beside default arguments", Command{EntrypointArgs: []string{"--x"}, DefaultArgs: []string{"d"}}, "", "", "", "ContainerEntrypointArgs is set without ContainerEntrypoint"},
		{"nor beside the app's", Command{EntrypointArgs: []string{"--x"}, AppArgs: []string{"d"}}, "", "", "", "ContainerEntrypointArgs is set without ContainerEntrypoint"},

		{"Entrypoint", Command{Instruction: "Entrypoint", DefaultArgs: []string{"d"}}, base, own, "d", ""},
		{"Entrypoint and another", Command{Instruction: "Entrypoint", Entrypoint: []string{"/tini"}}, "", "", "", "ContainerEntrypoint is set, and ContainerAppCommandInstruction is Entrypoint"},
		{"DefaultArgs", Command{Instruction: "DefaultArgs", DefaultArgs: []string{"d"}}, "", "", own + " d", ""},
		{"DefaultArgs behind the base's entry point", Command{Instruction: "DefaultArgs"}, base, base, own, ""},
		{"DefaultArgs behind a base of dotnet", Command{Instruction: "DefaultArgs"}, "/usr/bin/dotnet", "", own, ""},
		{"DefaultArgs behind the project's", Command{Instruction: "defaultargs", Entrypoint: []string{"/run"}, EntrypointArgs: []string{"-v"}}, base, "/run -v", own, ""},
		{"None", Command{Instruction: "None", DefaultArgs: []string{"d"}}, "", "", "d", ""},
		{"None with an entry point", Command{Instruction: "None", Entrypoint: []string{"/run"}, EntrypointArgs: []string{"-v"}}, base, "/run -v", "", ""},
		{"None keeps the base's", Command{Instruction: "None"}, base, base, "", ""},
		{"None and a base of dotnet", Command{Instruction: "None"}, "dotnet", "", "", ""},
		{"None and an app command", Command{Instruction: "None", App: []string{"app"}}, "", "", "", "it would not be used"},
		{"None and arguments of the app", Command{Instruction: "None", AppArgs: []string{"--x"}}, "", "", "", "ContainerAppCommandArgs is set without ContainerAppCommand"},
		{"another word", Command{Instruction: "Cmd"}, "", "", "", `"Cmd" does not exist: use one of Entrypoint, DefaultArgs, None`},
	} {
		entrypoint, cmd, err := c.command.Resolve(strings.Fields(own), strings.Fields(c.base))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if got := strings.Join(entrypoint, " "); err != nil || got != c.entrypoint || strings.Join(cmd, " ") != c.cmd {
			t.Errorf("%s: entry point %q, cmd %q, %v", c.name, got, cmd, err)
		}
	}
}

func TestContainerReadsTheProjectsLists(t *testing.T) {
	p := parse(t, `<facts><project path="/src/A.csproj">
<fact name="ContainerUser" item="">app</fact>
<fact name="ContainerWorkingDirectory" item="">/service</fact>
<fact name="ContainerAppCommandInstruction" item="">DefaultArgs</fact>
<fact name="ContainerDefaultArgs" item="">--x`+"\ue000"+`1`+"\ue000"+`--y`+"\ue000"+`1</fact>
<fact name="ContainerEntrypoint" item="">/src/run.sh</fact>
<fact name="ContainerPort" item="">53/tcp`+"\ue000"+`53/udp`+"\ue000"+`80/</fact>
<fact name="ContainerEnvironmentVariable" item="">A=one=1; two`+"\ue000"+`a=lower`+"\ue000"+`A=last`+"\ue000"+`EMPTY=</fact>
<fact name="ContainerLabel" item="">com.example/x=a=b`+"\ue000"+`org.opencontainers.image.vendor=Example</fact>
</project></facts>`)[0].Container()
	want := Container{
		User: "app", WorkingDir: "/service", Ports: []string{"53/tcp", "53/udp", "80"},
		Env:     map[string]string{"A": "last", "a": "lower", "EMPTY": ""},
		Labels:  map[string]string{"com.example/x": "a=b", "org.opencontainers.image.vendor": "Example"},
		Command: Command{Instruction: "DefaultArgs", Entrypoint: []string{"/src/run.sh"}, DefaultArgs: []string{"--x", "1", "--y", "1"}},
		About:   map[string]string{"org.opencontainers.image.vendor": "Example"},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
}

func TestAboutIsWhatTheProjectSaysAndNoDefault(t *testing.T) {
	all := []string{
		"AssemblyName=App", "ContainerTitle=The app", "Title=T", "Description=What it does", "Authors=Us", "ContainerVendor=Example",
		"PackageProjectUrl=https://example.com/p", "ContainerDocumentationUrl=https://example.com/d", "PackageVersion=2.3.4",
		"PackageLicenseExpression=MIT", "RepositoryUrl=https://user:secret@example.com/r.git", "SourceRevisionId=0123",
	}
	said := map[string]string{
		"title": "The app", "description": "What it does", "authors": "Us", "vendor": "Example", "url": "https://example.com/p",
		"documentation": "https://example.com/d", "version": "2.3.4", "licenses": "MIT", "source": "https://example.com/r", "revision": "0123",
	}
	less := func(names ...string) map[string]string {
		rest := maps.Clone(said)
		maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
		return rest
	}
	for _, c := range []struct {
		name       string
		properties []string
		want       map[string]string
	}{
		{"all", all, said},
		{"the SDK's defaults", []string{"AssemblyName=App", "Authors=App", "PackageVersion=1.0.0"}, map[string]string{"title": "App"}},
		{"a version that is meant", []string{"ContainerVersion=1.0.0"}, map[string]string{"version": "1.0.0"}},
		{"one switch", append(all, "ContainerGenerateLabelsImageAuthors=false"), less("authors")},
		{"every switch", append(all, "ContainerGenerateLabels=False"), map[string]string{}},
		{"a switch that is on", append(all, "ContainerGenerateLabels=true"), said},
	} {
		got := map[string]string{}
		for name, value := range project("A.csproj", c.properties...).Container().About {
			got[strings.TrimPrefix(name, "org.opencontainers.image.")] = value
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := project("A.csproj").Container().Labels["net.dot.runtime.majorminor"]; got != "10.0" {
		t.Errorf("the runtime's label is %q", got)
	}
}

func TestSourceURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://github.com/me/app.git":                           "https://github.com/me/app",
		"https://gitlab-ci-token:glcbt-64_x@gitlab.example/a.git": "https://gitlab.example/a",
		"ssh://git@example.com:2222/a":                            "ssh://example.com:2222/a",
		"git@github.com:me/app.git":                               "",
		"me/app":                                                  "",
		"":                                                        "",
	} {
		if got := SourceURL(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
