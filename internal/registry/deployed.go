package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// ParseDeployed reads the image to deploy: HOST/REPOSITORY with a digest, or with a tag that is read as the digest that it means.
// Without either it is refused: nobody who deploys means whatever latest is by then.
func ParseDeployed(image string) (name.Reference, error) {
	if strings.TrimSpace(image) == "" {
		return nil, errors.New("reading image reference \"\": say what to deploy with --image, such as --image registry.example.com/team/app@sha256:…")
	}
	ref, err := parse(image)
	if err != nil {
		return nil, err
	}
	if _, _, tagged, _, digested := split(image); !tagged && !digested {
		return nil, fmt.Errorf("reading image reference %q: give the digest to deploy, HOST/REPOSITORY@sha256:…, as build-and-push printed it, or a tag", image)
	}
	return ref, nil
}
