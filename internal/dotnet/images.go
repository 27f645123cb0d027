package dotnet

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// LatestLTS is the version of the newest long-term-support .NET, which builds every older target framework,
// https://dotnet.microsoft.com/platform/support/policy/dotnet-core
const LatestLTS = "10.0"

// Canonical is the registry that Microsoft publishes the images in. Images are named after it in annotations also when
// a mirror served them.
const Canonical = "mcr.microsoft.com"

// SDKRepository is where the build environment comes from, below the base registry.
const SDKRepository = "dotnet/sdk"

// SDKTag chooses the tag of the SDK image from the text of global.json; "" means there is none.
//
// The rule follows rollForward, https://learn.microsoft.com/dotnet/core/tools/global-json: policies that stay in a
// feature band need that exact image, since the floating tags 8.0 and 10.0 hold the newest band only; those that may
// move to another band take the floating tag of their version; those that may move to another version the newest LTS.
func SDKTag(globalJSON string) (string, error) {
	if strings.TrimSpace(globalJSON) == "" {
		return LatestLTS, nil
	}
	var file struct {
		SDK struct {
			Version     string `json:"version"`
			RollForward string `json:"rollForward"`
		} `json:"sdk"`
	}
	if err := json.Unmarshal(withoutComments(globalJSON), &file); err != nil {
		return "", fmt.Errorf("reading global.json: %w", err)
	}
	version := strings.TrimSpace(file.SDK.Version)
	if version == "" {
		return LatestLTS, nil
	}
	parts := sdkVersion.FindStringSubmatch(version)
	if parts == nil {
		return "", fmt.Errorf("reading global.json: sdk.version %q is not a version such as 10.0.100", version)
	}
	floating := parts[1] + "." + parts[2]
	switch strings.ToLower(file.SDK.RollForward) {
	case "", "disable", "patch", "latestpatch":
		return version, nil
	case "feature", "latestfeature", "minor", "latestminor":
		if parts[3] != "" {
			return version, nil // a preview: the floating tag may be older
		}
		return floating, nil
	case "major", "latestmajor":
		if len(parts[1]) > 1 && parts[1] > LatestLTS[:strings.Index(LatestLTS, ".")] {
			return floating, nil
		}
		return LatestLTS, nil
	}
	return "", fmt.Errorf("reading global.json: sdk.rollForward %q does not exist: use one of patch, feature, minor, major, latestPatch, latestFeature, latestMinor, latestMajor, disable", file.SDK.RollForward)
}

var (
	sdkVersion = regexp.MustCompile(`^(\d+)\.(\d+)\.\d+(-[0-9A-Za-z.-]+)?$`)
	// global.json may hold comments. A string is matched first, so that a // inside one is no comment.
	jsonComment = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|//[^\n]*|(?s:/\*.*?\*/)`)
)

func withoutComments(text string) []byte {
	text = strings.TrimPrefix(text, "\ufeff")
	return []byte(jsonComment.ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasPrefix(s, `"`) {
			return s
		}
		return " "
	}))
}

// RuntimeRepository and RuntimeTag name the base image of an app, below the base registry: dotnet/aspnet for web apps,
// dotnet/runtime for others, dotnet/runtime-deps where the app brings the runtime itself.
func RuntimeRepository(app Project, all []Project) string {
	switch {
	case app.SelfContained():
		return "dotnet/runtime-deps"
	case app.UsesAspNetCore(all):
		return "dotnet/aspnet"
	}
	return "dotnet/runtime"
}

// RuntimeTag is the version part of the base image's name: "10.0".
func RuntimeTag(app Project) (string, error) {
	if v := app.FrameworkVersion(); v != "" {
		return v, nil
	}
	if several := app.Frameworks(); len(several) > 0 {
		return "", fmt.Errorf("choosing the base image: %s has several target frameworks, say which with --framework: %s", app.Path, strings.Join(several, ", "))
	}
	return "", fmt.Errorf("choosing the base image: %s targets %s, which has no base image", app.Path, app.Properties["TargetFramework"])
}
