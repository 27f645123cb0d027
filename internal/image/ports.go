package image

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ports infers what to expose from the variables that tell ASP.NET Core where to listen, as the .NET SDK's container
// support does: https://learn.microsoft.com/dotnet/core/containers/publish-configuration#containerport. URLs beat ports.
// Microsoft's bases expose nothing themselves.
func ports(env []string) []string {
	var found []string
	for _, prefix := range []string{"ASPNETCORE_", "DOTNET_"} {
		for address := range strings.SplitSeq(getEnv(env, prefix+"URLS"), ";") {
			if p := urlPort(address); p != "" {
				found = append(found, p)
			}
		}
	}
	if len(found) == 0 {
		for _, name := range []string{"ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS", "DOTNET_HTTP_PORTS", "DOTNET_HTTPS_PORTS"} {
			for p := range strings.SplitSeq(getEnv(env, name), ";") {
				if isPort(strings.TrimSpace(p)) {
					found = append(found, strings.TrimSpace(p))
				}
			}
		}
	}
	for i := range found {
		found[i] += "/tcp"
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// urlPort gives the port of http://+:8080 and its kin; hosts such as + and * are not URLs to net/url.
func urlPort(address string) string {
	scheme, rest, found := strings.Cut(strings.TrimSpace(address), "://")
	if !found {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	if strings.HasPrefix(host, "unix:") || strings.HasPrefix(host, "pipe:") {
		return ""
	}
	if u, err := url.Parse("//" + strings.Replace(strings.Replace(host, "+", "any", 1), "*", "any", 1)); err == nil && isPort(u.Port()) {
		return u.Port()
	}
	if _, p, err := net.SplitHostPort(host); err == nil && isPort(p) {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(scheme)]
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 1<<16
}
