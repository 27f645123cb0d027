package dotnet

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is how the app is published, as the caller names it; "" is what the project says.
type Mode string

// The publish modes.
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

// properties gives the MSBuild properties that stand for the mode. Those of the other modes are turned off, since a flag
// beats what the project says.
func (m Mode) properties() []string {
	off := func(names ...string) []string {
		for i, n := range names {
			names[i] = n + "=false"
		}
		return names
	}
	switch m {
	case FrameworkDependent:
		return append(off("SelfContained", "PublishSelfContained"), off("PublishReadyToRun", "PublishSingleFile", "PublishTrimmed", "PublishAot")...)
	case ReadyToRun:
		return append([]string{"PublishReadyToRun=true"}, off("SelfContained", "PublishSelfContained", "PublishSingleFile", "PublishTrimmed", "PublishAot")...)
	case SelfContained:
		return append([]string{"SelfContained=true"}, off("PublishReadyToRun", "PublishSingleFile", "PublishTrimmed", "PublishAot")...)
	case SingleFile:
		return append([]string{"SelfContained=true", "PublishSingleFile=true"}, off("PublishTrimmed", "PublishAot")...)
	case Trimmed:
		return append([]string{"SelfContained=true", "PublishTrimmed=true"}, off("PublishAot")...)
	case NativeAOT:
		return []string{"PublishAot=true"}
	}
	return nil
}
