package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/bases"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/programs"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/registry"
)

// remembered is the choice of base images of an earlier call.
type remembered struct {
	Choice bases.Choice
	For    string // what it was made for: see basesKey
	At     time.Time
}

// mcrTrust is for how long Microsoft's registry is not asked again whether it
// answers: asking takes longer than all else that a call does here.
const mcrTrust = time.Hour

// fresh is never true of composed images: bases.Ensure looks in milliseconds
// whether the registry has them.
func (r remembered) fresh() bool {
	age := time.Since(r.At)
	return r.Choice.BaseRegistry == "" && age >= 0 && age < mcrTrust
}

func (l local) rememberFile() string { return l.cache.Path("bases.json") }

// basesKey is all from outside the cache that the choice depends on.
func basesKey(port int) string {
	return strings.Join([]string{registry.Address(port), os.Getenv(bases.SourceVariable), bundle()}, " ")
}

// bundle is DOTNET_BUNDLE as an absolute path.
func bundle() string {
	path := os.Getenv("DOTNET_BUNDLE")
	if path == "" {
		return ""
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

func (l local) basesOptions(port int) bases.Options {
	return bases.Options{
		Cache: l.cache.Path("bases"), Registry: registry.Address(port), Bundle: bundle(), Progress: say,
	}
}

// lastBases is the choice of the last call, whatever that was made for.
func (l local) lastBases() (r remembered, known bool) {
	data, err := os.ReadFile(l.rememberFile())
	return r, err == nil && json.Unmarshal(data, &r) == nil
}

// rememberedBases is the last choice if it still holds.
func (l local) rememberedBases(port int) (r remembered, known bool) {
	r, known = l.lastBases()
	return r, known && r.For == basesKey(port)
}

func (l local) rememberBases(port int, choice bases.Choice) error {
	data, err := json.Marshal(remembered{Choice: choice, For: basesKey(port), At: time.Now()})
	if err != nil {
		return err
	}
	return cache.WriteFile(l.rememberFile(), data)
}

// composingPrograms are those that bases.Ensure may need: none where Microsoft's
// images are to be had.
func (l local) composingPrograms(ctx context.Context) []programs.Program {
	wanted := composing(os.Getenv(bases.SourceVariable), bundle())
	if len(programs.Missing(wanted)) == 0 {
		return nil
	}
	if os.Getenv(bases.SourceVariable) == "" && bases.MicrosoftAnswers(ctx) {
		return nil
	}
	return wanted
}

// composing are the programs for the source that is forced, or, where Microsoft's
// registry does not answer, taken.
func composing(forced, bundle string) []programs.Program {
	switch {
	case forced == "mcr":
		return nil
	case forced == "npm", bundle == "":
		return append([]programs.Program{programs.NPM}, programs.Composing...)
	default:
		return programs.Composing
	}
}

// hintAtBases says what a user of the machine's own dagger can do where
// Microsoft's registry does not answer: that engine does not reach the loopback
// registry, so there is no use in composing images.
func (l local) hintAtBases(ctx context.Context) {
	if os.Getenv(baseRegistryVariable) != "" {
		return
	}
	if r, known := l.rememberedBases(0); known && r.fresh() {
		return
	}
	if !bases.MicrosoftAnswers(ctx) {
		say("mcr.microsoft.com does not answer: set " + baseRegistryVariable + " to a mirror that the engine of your dagger reaches")
		return
	}
	// That the next call asks again is all that is lost when this fails.
	_ = l.rememberBases(0, bases.Choice{Source: "mcr.microsoft.com"})
}
