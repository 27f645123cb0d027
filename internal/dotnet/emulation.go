package dotnet

import (
	_ "embed"
	"path"
)

// Where a foreign .NET is emulated in the SDK container of the host's platform.
const (
	// ForeignRoot holds the files of the foreign SDK or runtime image, EmulationDir the dotnet that stands for its own.
	ForeignRoot  = "/opt/dotnet-multiarch-foreign"
	EmulationDir = "/opt/dotnet-multiarch-emulation"
)

var (
	//go:embed emulation/install.sh
	installQEMU string
	//go:embed emulation/dotnet.sh
	emulatedDotnet string
)

// InstallEmulator gives the command that puts QEMU for a machine, as `uname -m` has it, into the SDK container.
func InstallEmulator(machine string) []string {
	return []string{"sh", "-c", installQEMU, "install", machine}
}

// EmulatedDotnet gives the files of EmulationDir by name, of which "dotnet" is a program. The emulated dotnet alone runs under
// QEMU, shell and archiver are the host's: a kernel that knows no emulator starts nothing foreign by itself.
func EmulatedDotnet(machine string) map[string]string {
	return map[string]string{"dotnet": emulatedDotnet, "machine": machine}
}

// EmulatedProgram is the emulated dotnet.
func EmulatedProgram() string { return path.Join(EmulationDir, "dotnet") }

// EmulatedPath is a PATH on which the emulated dotnet comes first, with ${PATH} for the container's own.
func EmulatedPath() string { return path.Clean(EmulationDir) + ":${PATH}" }
