package main

import (
	"context"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Copy promotes an image from one repository or registry to another, with all its manifests and the same digest, and
// builds nothing. It gives the reference with its digest, what it holds and what was sent.
//
// +cache="never"
func (m *DotnetMultiarch) Copy(
	ctx context.Context,

	// What to copy: HOST/REPOSITORY@sha256:… or HOST/REPOSITORY:TAG.
	from string,

	// Where to: HOST/REPOSITORY, with or without a tag.
	to string,

	// Tags besides that of --to. Default: the tag of --from, where neither gives one, or latest.
	//
	// +optional
	tag []string,

	// User of the registry of --to. For that of --from there is --docker-config.
	//
	// +optional
	username string,

	// Password or token of the registry of --to, such as env://REGISTRY_TOKEN or cmd://"gh auth token".
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

	// ECR: make the repository where it is missing, with scan on push; immutable with --immutable-tags.
	//
	// +optional
	// +default=true
	createRepository bool,

	// ECR: access policy, JSON, of a repository that is made.
	//
	// +optional
	repositoryPolicy *dagger.File,

	// ECR: lifecycle policy, JSON, of a repository that is made. Default: none; docs/ecr.md says what one must spare.
	//
	// +optional
	lifecyclePolicy *dagger.File,

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	promotion, err := registry.ParsePromotion(from, to, tag)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, promotion.To, login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint, hosts: []string{promotion.From.Context().RegistryStr()},
		create: createRepository, repositoryPolicy: repositoryPolicy, lifecyclePolicy: lifecyclePolicy,
	}})
	if err != nil {
		return "", err
	}
	start := time.Now()
	promoted, err := client.Copy(ctx, promotion)
	if err != nil {
		return "", client.Noted(err)
	}
	answer := promotionOf(promoted, promotion.To)
	answer.Notes = client.Notes()
	answer.From = promotion.From.Context().Digest(promoted.Digest.String()).Name()
	answer.Seconds = map[string]float64{"copy": time.Since(start).Seconds()}
	return answer.String(format)
}

func promotionOf(p registry.Promoted, to registry.Target) publication.Promotion {
	answer := publication.Promotion{
		Reference: to.Repository.Digest(p.Digest.String()).Name(), Digest: p.Digest.String(), Tags: to.Tags, Manifests: p.Manifests, Platforms: []publication.PromotedPlatform{},
		Blobs: publication.Blobs{Sent: p.Sent.Uploaded, Mounted: p.Sent.Mounted, Present: p.Sent.Present}, BytesSent: p.Sent.Bytes,
	}
	for _, c := range p.Contents {
		answer.Platforms = append(answer.Platforms, publication.PromotedPlatform{Platform: c.Platform, Digest: c.Digest.String(), Size: c.Size})
	}
	return answer
}
