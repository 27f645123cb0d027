package dotnet

import "path"

// Toolchain gives the command that puts the linker of Native AOT into the SDK container, for every identifier. Its packages
// come from the container's own distribution,
// https://learn.microsoft.com/dotnet/core/deploying/native-aot/cross-compile
func Toolchain(identifiers []string) []string {
	return append([]string{"sh", path.Join(ToolsDir, "toolchain.sh")}, identifiers...)
}
