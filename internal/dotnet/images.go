package dotnet

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// LatestLTS is the version of the newest long-term-support .NET, which builds every older target framework,
// https://dotnet.microsoft.com/platform/support/policy/dotnet-core
const LatestLTS = "10.0"

// Canonical is the registry that Microsoft publishes the images in. Images are named after it in annotations also when
// a mirror served them.
const Canonical = "mcr.microsoft.com"

// SDKRepository is where the build environment comes from, below the base registry.
const SDKRepository = "dotnet/sdk"

// Mirrored gives what is pulled for an image: Microsoft's come from the registry given, others from their own.
func Mirrored(reference, registry string) string {
	if rest, microsofts := strings.CutPrefix(reference, Canonical+"/"); microsofts {
		return path.Join(registry, rest)
	}
	return reference
}

// CanonicalName is the reverse of Mirrored: what an image is called whose repository is one of .NET's in the registry given. A
// mirror may hold images of others beside them.
func CanonicalName(reference, registry string) string {
	if rest, mirrored := strings.CutPrefix(reference, path.Join(registry, "dotnet")+"/"); mirrored {
		return path.Join(Canonical, "dotnet", rest)
	}
	return reference
}

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

// SDKFor gives the tag of the SDK image that can build the app, where the newest LTS cannot; "" where it can.
func SDKFor(app Project) string {
	if v := app.FrameworkVersion(); newer(v, LatestLTS) {
		return v
	}
	return ""
}

// newer compares the major versions of "11.0" and "10.0".
func newer(a, b string) bool {
	majorOf := func(version string) int {
		major, _, _ := strings.Cut(version, ".")
		n, err := strconv.Atoi(major)
		if err != nil {
			return 0
		}
		return n
	}
	return majorOf(a) > majorOf(b)
}

// BaseImage is the image that an app is laid on.
type BaseImage struct {
	// Reference is what is pulled.
	Reference string
	// Canonical is what annotations call it, also where a mirror serves it.
	Canonical string
	// Libc decides between linux-x64 and linux-musl-x64.
	Libc platform.Libc
}

// ChooseBase names the base image: the caller's own, else the flavor that the caller asks for, else what the project says
// (ContainerBaseImage, ContainerFamily), else the unsuffixed tag of the target framework, which is Debian before .NET 10 and
// Ubuntu from then on. The registry is where Microsoft's images come from.
func ChooseBase(app Project, all []Project, registry, runtimeImage, flavor string) (BaseImage, error) {
	own := runtimeImage
	if own == "" && flavor == "" {
		own = app.Properties["ContainerBaseImage"]
	}
	if own != "" {
		b := BaseImage{Reference: own, Canonical: own, Libc: LibcOf(own)}
		if runtimeImage == "" {
			b.Reference = Mirrored(own, registry)
		}
		if rest, mirrored := strings.CutPrefix(own, path.Join(registry, "dotnet")+"/"); mirrored {
			b.Canonical = path.Join(Canonical, "dotnet", rest)
		}
		return b, nil
	}
	version := app.FrameworkVersion()
	if several := app.Frameworks(); version == "" && len(several) > 0 {
		return BaseImage{}, fmt.Errorf("choosing the base image: %s has several target frameworks, say which with --framework: %s", app.Path, strings.Join(several, ", "))
	}
	if version == "" {
		return BaseImage{}, fmt.Errorf("choosing the base image: %s targets %s, which has no base image", app.Path, app.Properties["TargetFramework"])
	}
	tag := version
	if flavor == "" {
		flavor = app.family()
	}
	if flavor != "" {
		tag += "-" + flavor
	}
	name := runtimeRepository(app, all) + ":" + tag
	return BaseImage{Reference: path.Join(registry, name), Canonical: path.Join(Canonical, name), Libc: LibcOf(tag)}, nil
}

// family is the project's ContainerFamily as the .NET SDK's container support reads it, with ICU ("-extra") in a chiseled
// image of an app that uses it, and alpine where the project names musl identifiers alone,
// https://github.com/dotnet/sdk/blob/main/src/Containers/Microsoft.NET.Build.Containers/Tasks/ComputeDotnetBaseImageAndTag.cs
func (p Project) family() string {
	family := p.Properties["ContainerFamily"]
	switch {
	case family == "" && p.onlyMusl():
		return "alpine"
	case strings.HasSuffix(family, "-chiseled") && !p.is("InvariantGlobalization") && newer(p.FrameworkVersion(), "7.0"):
		return family + "-extra"
	}
	return family
}

// LibcOf reads the C library off an image's name: of Microsoft's flavors only Alpine's has musl.
func LibcOf(reference string) platform.Libc {
	if strings.Contains(reference, "alpine") || strings.Contains(reference, "musl") {
		return platform.Musl
	}
	return platform.Glibc
}

// runtimeRepository is the base image's, below the registry: dotnet/aspnet for web apps, dotnet/runtime for others,
// dotnet/runtime-deps where the app brings the runtime itself.
func runtimeRepository(app Project, all []Project) string {
	switch {
	case app.SelfContained():
		return "dotnet/runtime-deps"
	case app.UsesAspNetCore(all):
		return "dotnet/aspnet"
	}
	return "dotnet/runtime"
}
