package main

import (
	"context"
	"encoding/json"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
)

// Describe says as JSON what would be built, and compiles nothing: the project and what it refers to, its packages, framework and
// publish mode, the platforms, the images to build in and to lay the app on. Of several apps it is a list: {"apps": […], "notes": […]}.
func (m *DotnetMultiarch) Describe(ctx context.Context) (string, error) {
	p, err := m.plan(ctx)
	if err != nil {
		return "", err
	}
	descriptions := make([]dotnet.Description, len(p.apps))
	for i, a := range p.apps {
		descriptions[i] = a.describe(p)
	}
	var answer any = dotnet.Descriptions{Apps: descriptions, Notes: p.notes}
	if !m.several() {
		answer = descriptions[0]
	}
	text, err := json.MarshalIndent(answer, "", "  ")
	return string(text) + "\n", err
}

func (a *app) describe(p *plan) dotnet.Description {
	description := dotnet.NewDescription(a.Project, p.projects)
	description.SDKImage, description.BaseImage, description.Notes = a.sdk.image, a.base.Canonical, a.notes
	description.SDKDigest, description.BaseDigest = a.sdk.locked, a.baseLocked
	for i, one := range a.platforms {
		description.Platforms = append(description.Platforms, dotnet.DescribedPlatform{Platform: one.String(), RuntimeIdentifier: a.identifiers[i]})
	}
	return description
}
