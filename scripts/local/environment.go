package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/bases"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/host"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

// variable is one of the environment that dagger gets.
type variable struct {
	name, value string
	always      bool // also where the caller has set it
}

// What differs between machines, and what the repository's .env takes instead of its defaults: all of it as one variable,
// since Dagger asks for each variable of a .env once for every argument that a module has.
const (
	registryVariable     = "DOTNET_MULTIARCH_REGISTRY"
	baseRegistryVariable = "DOTNET_MULTIARCH_BASE_REGISTRY"
	sdkImageVariable     = "DOTNET_MULTIARCH_SDK_IMAGE"
	propertyVariable     = "DOTNET_MULTIARCH_PROPERTY"
	localVariable        = "DOTNET_MULTIARCH_LOCAL"
)

func registryVariables(port int) []variable {
	return []variable{{name: registryVariable, value: "tcp://" + registry.Address(port)}}
}

// withLocal adds the variable that .env reads: the registry, the base registry, the SDK image and the properties, parted by |.
// What the caller has set beats what is known of the machine; a registry that is set to nothing is as good as none.
func withLocal(set []variable, lookup func(string) (string, bool)) []variable {
	known := map[string]string{baseRegistryVariable: "mcr.microsoft.com"}
	for _, v := range set {
		known[v.name] = v.value
	}
	var parts []string
	for _, name := range []string{registryVariable, baseRegistryVariable, sdkImageVariable, propertyVariable} {
		value, has := lookup(name)
		registry := name == registryVariable || name == baseRegistryVariable
		if !has || registry && value == "" {
			value = known[name]
		}
		parts = append(parts, value)
	}
	return append(set, variable{name: localVariable, value: strings.Join(parts, "|"), always: true})
}

// baseVariables leave out what is empty: then .env's defaults hold.
func baseVariables(c bases.Choice) []variable {
	var set []variable
	for _, v := range []variable{
		{name: baseRegistryVariable, value: c.BaseRegistry},
		{name: sdkImageVariable, value: c.SDKImage},
		{name: propertyVariable, value: c.Property},
	} {
		if v.value != "" {
			set = append(set, v)
		}
	}
	return set
}

// engineVariables lead dagger, and those that a caller starts from within, to the
// embedded engine.
func engineVariables(address, bin string) []variable {
	return []variable{
		{name: host.RunnerVariable, value: address, always: true},
		{name: "PATH", value: withFolder(os.Getenv("PATH"), bin), always: true},
		{name: "DO_NOT_TRACK", value: "1"},
		{name: "DAGGER_NO_NAG", value: "1"},
	}
}

// withFolder puts a folder before the others of a PATH that does not begin with it.
func withFolder(path, folder string) string {
	if path == folder || strings.HasPrefix(path, folder+":") {
		return path
	}
	return folder + ":" + path
}

// apply adds the variables to an environment. What the caller has set stays.
func apply(environ []string, set []variable) []string {
	has := map[string]bool{}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		has[name] = true
	}
	result := append([]string(nil), environ...)
	for _, v := range set {
		if v.always {
			result = without(result, v.name)
		} else if has[v.name] {
			continue
		}
		result = append(result, v.name+"="+v.value)
	}
	return result
}

func without(environ []string, name string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, name+"=") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// exports writes the variables as lines for a POSIX shell's eval.
func exports(set []variable, lookup func(string) (string, bool)) string {
	var lines strings.Builder
	for _, v := range set {
		if _, has := lookup(v.name); has && !v.always {
			continue
		}
		fmt.Fprintf(&lines, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
	}
	return lines.String()
}
