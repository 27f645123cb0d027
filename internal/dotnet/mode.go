package dotnet

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is how the app is published, as the caller names it; "" is what the project says.
type Mode string

// The publish modes; mode.targets holds the MSBuild properties that each stands for. Those of the other modes are turned
// off, since a flag beats what the project says.
const (
	FrameworkDependent Mode = "framework-dependent"
	ReadyToRun         Mode = "ready-to-run"
	SelfContained      Mode = "self-contained"
	SingleFile         Mode = "single-file"
	Trimmed            Mode = "trimmed"
	NativeAOT          Mode = "native-aot"
)

// Modes lists them in the order of the documentation.
var Modes = []Mode{FrameworkDependent, ReadyToRun, SelfContained, SingleFile, Trimmed, NativeAOT}

// ParseMode reads a mode; "" stays "".
func ParseMode(s string) (Mode, error) {
	if m := Mode(s); s == "" || slices.Contains(Modes, m) {
		return m, nil
	}
	names := make([]string, len(Modes))
	for i, m := range Modes {
		names[i] = string(m)
	}
	return "", fmt.Errorf("publish mode %q does not exist: use one of %s", s, strings.Join(names, ", "))
}
