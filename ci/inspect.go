package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/inspection"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Inspect says what a published image is, whoever built it: platforms, digests, sizes, the base and whether a newer one exists,
// how it runs, what is in its layers, and whether each native file fits its platform. With --platforms it looks at those alone.
//
// +cache="never"
func (m *DotnetMultiarch) Inspect(
	ctx context.Context,

	// The image: HOST/REPOSITORY, with a tag or a digest.
	image string,

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,

	// Fail where a native file does not fit its platform.
	//
	// +optional
	check bool,

	// Read the layers of the base too, which are else counted where one of Microsoft's images is the base.
	//
	// +optional
	baseLayers bool,

	// User of the registry.
	//
	// +optional
	username string,

	// Password or token of the registry, such as env://REGISTRY_TOKEN or cmd://"gh auth token".
	//
	// +optional
	password *dagger.Secret,

	// AWS: role to assume with --aws-web-identity-token, such as arn:aws:iam::123456789012:role/ci.
	//
	// +optional
	awsRoleArn string,

	// AWS: OIDC token of the CI provider, such as env://AWS_ID_TOKEN.
	//
	// +optional
	awsWebIdentityToken *dagger.Secret,

	// AWS: name of the role's session. Default: made of the repository's name.
	//
	// +optional
	awsRoleSessionName string,

	// AWS: what aws configure export-credentials prints, such as
	// 'cmd://aws configure export-credentials --format env-no-export'.
	//
	// +optional
	awsCredentials *dagger.Secret,

	// AWS: address in place of the services' own, such as https://vpce-1.ecr.eu-west-1.vpce.amazonaws.com.
	//
	// +optional
	awsEndpointUrl string,

	// AWS: endpoint that only your machine reaches, such as tcp://127.0.0.1:5555; plain http without --aws-endpoint-url.
	//
	// +optional
	awsEndpoint *dagger.Service,

	// AWS: where connections to ECR hosts go; their names stay. Such as tcp://127.0.0.1:5443.
	//
	// +optional
	ecrEndpoint *dagger.Service,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	client, err := m.reader(ctx, image, login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint,
	}})
	if err != nil {
		return "", err
	}
	wanted, err := requestedPlatforms(m.Platforms)
	if err != nil {
		return "", err
	}
	made, err := m.inspected(ctx, client, image, wanted, baseLayers)
	if err != nil {
		return "", err
	}
	if check {
		if _, err := native.Report(made.Findings); err != nil {
			return "", err
		}
	}
	return made.String(format)
}

// reader is a client with a login for the registry of an image.
func (m *DotnetMultiarch) reader(ctx context.Context, image string, as login) (*registry.Client, error) {
	repository, err := registry.ParseImage(image)
	if err != nil {
		return nil, err
	}
	return m.client(ctx, registry.Target{Repository: repository}, as)
}

// inspected looks at the platforms of an image; nil are all.
func (m *DotnetMultiarch) inspected(ctx context.Context, client *registry.Client, image string, platforms []platform.Platform, baseLayers bool) (*inspection.Inspection, error) {
	allowed, err := native.ParseAllowed(m.AllowForeign)
	if err != nil {
		return nil, err
	}
	return inspection.Run(ctx, client, inspection.Request{
		Image: image, Platforms: platforms, BaseLayers: baseLayers, Allowed: allowed,
		Pulled: func(canonical string) string { return dotnet.Mirrored(canonical, m.BaseRegistry) },
	})
}
