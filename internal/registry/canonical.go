package registry

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Canonical gives a reference in full, as annotations have it: with registry and tag, and without the port of a registry on the
// caller's own machine, which is another on the next one. What is no reference stays as it is: who resolves it reports that.
// https://github.com/opencontainers/image-spec/blob/main/annotations.md (org.opencontainers.image.base.name)
func Canonical(reference string) string {
	parsed, err := name.ParseReference(reference)
	if err != nil {
		return reference
	}
	host := parsed.Context().RegistryStr()
	switch {
	case host == name.DefaultRegistry:
		host = "docker.io"
	case IsLoopback(host):
		host = "localhost"
	}
	version := ":latest"
	last := reference[strings.LastIndex(reference, "/")+1:]
	if i := strings.IndexAny(last, ":@"); i >= 0 {
		version = last[i:]
	}
	return host + "/" + parsed.Context().RepositoryStr() + version
}
