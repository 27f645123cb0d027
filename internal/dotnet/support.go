package dotnet

import (
	"fmt"
	"time"
)

// SupportPolicy is where the dates of endOfSupport come from.
const SupportPolicy = "https://dotnet.microsoft.com/platform/support/policy/dotnet-core"

// endOfSupport by version, from release-notes/releases-index.json of github.com/dotnet/core.
var endOfSupport = map[string]string{
	"1.0": "2019-06-27", "1.1": "2019-06-27", "2.0": "2018-10-01", "2.1": "2021-08-21", "2.2": "2019-12-23",
	"3.0": "2020-03-03", "3.1": "2022-12-13", "5.0": "2022-05-10", "6.0": "2024-11-12", "7.0": "2024-05-14",
	"8.0": "2026-11-10", "9.0": "2026-11-10", "10.0": "2028-11-14",
}

// SupportWarning says that the app's framework gets no more security fixes at that time; "" when it does or when that is not
// known. The build goes on, and nothing of the warning reaches the image.
func SupportWarning(app Project, now time.Time) string {
	version := app.FrameworkVersion()
	end, err := time.Parse(time.DateOnly, endOfSupport[version])
	if err != nil || now.Before(end) {
		return ""
	}
	return fmt.Sprintf("%s targets .NET %s, out of support since %s (%s)", app.Path, version, endOfSupport[version], SupportPolicy)
}
