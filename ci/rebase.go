package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/rebase"
)

// Rebase moves a published image to the newest base without a build, and pushes it: the base's layers are swapped, the app's
// stay as they are, and what the app set stays set. It gives what build-and-push gives.
//
// +cache="never"
func (m *DotnetMultiarch) Rebase(
	ctx context.Context,

	// The image to move: HOST/REPOSITORY, with a tag or a digest.
	image string,

	// Tags of the moved image. Default: the image's own tag.
	//
	// +optional
	tag []string,

	// Base to move to. Default: the tag that the image was built on, as it is now.
	//
	// +optional
	base string,

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

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	request, err := rebase.Parse(image, tag)
	if err != nil {
		return "", err
	}
	request.Base = dotnet.CanonicalName(base, m.BaseRegistry)
	request.Pulled = func(canonical string) string { return dotnet.Mirrored(canonical, m.BaseRegistry) }
	client, err := m.client(ctx, request.Target, login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint,
	}})
	if err != nil {
		return "", err
	}
	published, err := rebase.Run(ctx, client, request)
	if err != nil {
		return "", err
	}
	published.Notes = append(client.Notes(), published.Notes...)
	return published.String(format)
}
