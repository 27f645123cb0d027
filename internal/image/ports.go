package image

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ParsePort reads PORT or PORT/PROTOCOL, the protocol tcp or udp, and gives it as a config has it: "8080/tcp".
func ParsePort(text string) (string, error) {
	number, protocol, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "/")
	protocol = cmp.Or(protocol, "tcp")
	if !isPort(number) || protocol != "tcp" && protocol != "udp" {
		return "", fmt.Errorf("port %q: want a number from 1 to 65535, with /tcp or /udp after it where that matters", text)
	}
	return strings.TrimLeft(number, "0") + "/" + protocol, nil
}

// Ports gives the exposed ports of an index, sorted, as its first manifest has them.
func Ports(index v1.ImageIndex) ([]string, error) {
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) == 0 {
		return nil, err
	}
	img, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(config.Config.ExposedPorts)), nil
}

// ports infers what to expose from the variables that tell ASP.NET Core where to listen, as the .NET SDK's container
// support does: https://learn.microsoft.com/dotnet/core/containers/publish-configuration#containerport. As in the server,
// URLs beat ports, and of each the variable with the prefix ASPNETCORE_ beats the other,
// https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints. Microsoft's bases expose nothing themselves.
func ports(env []string) []string {
	of := func(name string) string { return cmp.Or(getEnv(env, "ASPNETCORE_"+name), getEnv(env, "DOTNET_"+name)) }
	var found []string
	if urls := of("URLS"); urls != "" {
		for address := range strings.SplitSeq(urls, ";") {
			found = append(found, urlPort(address))
		}
	} else {
		for port := range strings.SplitSeq(of("HTTP_PORTS")+";"+of("HTTPS_PORTS"), ";") {
			found = append(found, strings.TrimSpace(port))
		}
	}
	var exposed []string
	for _, port := range found {
		if isPort(port) {
			exposed = append(exposed, strings.TrimLeft(port, "0")+"/tcp")
		}
	}
	slices.Sort(exposed)
	return slices.Compact(exposed)
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
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
