package main

import (
	"context"
	"encoding/json"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Describe says as JSON what would be built, and compiles nothing: the project and what it refers to, its packages, framework and
// publish mode, the platforms, the images to build in and to lay the app on.
func (m *DotnetMultiarch) Describe(ctx context.Context) (string, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return "", err
	}
	description := dotnet.NewDescription(p.app, p.projects)
	description.SDKImage, description.BaseImage, description.Notes = p.sdkImage, p.base.Canonical, p.notes
	description.SDKDigest, description.BaseDigest = p.sdkLocked, p.baseLocked
	for i, one := range p.platforms {
		description.Platforms = append(description.Platforms, dotnet.DescribedPlatform{Platform: one.String(), RuntimeIdentifier: p.identifiers[i]})
	}
	text, err := json.MarshalIndent(description, "", "  ")
	return string(text) + "\n", err
}
