package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/smoke"
)

// Smoke starts the image of each platform as it will run, with its user, entry point and environment, and waits until it is
// healthy. It gives the time to the first answer, the architecture and the peak memory of the process; on failure the log.
// A foreign platform is emulated. Without --image it builds the app and starts that, pushing nothing.
//
// +cache="never"
func (m *DotnetMultiarch) Smoke(
	ctx context.Context,

	// A published image: HOST/REPOSITORY, with a tag or a digest. Default: the app of --source, built now.
	//
	// +optional
	image string,

	// What is asked for.
	//
	// +optional
	// +default="/healthz"
	path string,

	// Status that the answer has to have.
	//
	// +optional
	// +default=200
	expectStatus int,

	// How long each platform may take to be healthy, such as 90s or 5m.
	//
	// +optional
	// +default="3m"
	timeout string,

	// The app ends by itself with code 0 and answers nobody, as a job does.
	//
	// +optional
	expectExit bool,

	// Port that the app answers on. Default: the ports that the image exposes.
	//
	// +optional
	probePort int,

	// A static QEMU for the foreign platform, such as qemu-aarch64-static. Default: from the packages of the SDK image.
	//
	// +optional
	emulator *dagger.File,

	// What to print: text, json or markdown.
	//
	// +optional
	// +default="text"
	format string,

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
	options, err := smoke.ParseOptions(path, expectStatus, timeout, expectExit, probePort)
	if err != nil {
		return "", err
	}
	wanted, err := requestedPlatforms(m.Platforms)
	if err != nil {
		return "", err
	}
	as := login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint,
	}}
	s := &smoking{m: m, options: options, emulator: emulator, login: as}
	if image == "" {
		err = s.build(ctx)
	} else if s.client, err = m.reader(ctx, image, s.login); err == nil {
		err = s.published(ctx, image, wanted)
	}
	if err == nil {
		err = smoke.Failed(s.results)
	}
	if err != nil {
		return "", err
	}
	return smoke.NewTested(s.reference, s.results).String(format)
}

// build starts what the source gives, without a push.
func (s *smoking) build(ctx context.Context) (err error) {
	r := &release{}
	// No target: the base images' registry is all that is asked.
	if r.client, err = s.m.client(ctx, registry.Target{}, login{}); err != nil {
		return err
	}
	s.client = r.client
	return r.run(ctx, s.m, func() error { return s.assembled(ctx, r) })
}
