package main

import (
	"context"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// BuildAndPush builds the app for every platform and pushes one multi-platform image. It gives the reference with its
// digest, what each platform weighs, what was sent, and how to run it. Of several apps each has an image of its own, and the
// tags are written when all images are there.
//
// +cache="never"
func (m *DotnetMultiarch) BuildAndPush(
	ctx context.Context,

	// Where to push: HOST/REPOSITORY, with or without a tag; several destinations comma-separated. {project} stands for the
	// app's name in lower case: registry.example.com/team/{project}.
	image string,

	// Tags besides the reference's own. Default: latest, where neither gives one.
	//
	// +optional
	tag []string,

	// Folder of the repository, with its .git: tags the image with the commit's id, -dirty behind it where files differ from the
	// commit, and with the versions that the commit's tags vX.Y.Z give it.
	//
	// +optional
	// +ignore=["**/bin", "**/obj", "**/.vs", "**/.idea", "**/node_modules", "**/TestResults", "!.git/**", ".git/lfs", ".git/modules"]
	versionFromGit *dagger.Directory,

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

	// Leave a tag that exists as it is: the same image is success, another an error before anything is sent.
	//
	// +optional
	immutableTags bool,

	// Compute the digest and say what would be sent, and send nothing.
	//
	// +optional
	dryRun bool,

	// How long the push may take in all, such as 90s or 1h.
	//
	// +optional
	// +default="30m"
	pushTimeout string,

	// Checks that have to be green before any tag is written, comma-separated: test before the push; smoke and inspect on what
	// was pushed by digest.
	//
	// +optional
	require string,

	// Where the check smoke asks each platform for its health. Default: /healthz.
	//
	// +optional
	smokePath string,

	// How long the check smoke lets each platform take to be healthy. Default: 3m.
	//
	// +optional
	smokeTimeout string,

	// The check smoke expects the app to end by itself with code 0, as a job does.
	//
	// +optional
	smokeExit bool,
) (string, error) {
	if err := publication.CheckFormat(format); err != nil {
		return "", err
	}
	options, err := registry.ParsePushOptions(pushTimeout, immutableTags, dryRun)
	if err != nil {
		return "", err
	}
	tags, notes, err := gitTags(ctx, versionFromGit)
	if err != nil {
		return "", err
	}
	naming, err := registry.ParseNaming(image, append(tag, tags...))
	if err != nil {
		return "", err
	}
	as := login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint,
		create: createRepository, immutable: immutableTags, repositoryPolicy: repositoryPolicy, lifecyclePolicy: lifecyclePolicy,
	}}
	for _, target := range naming.Any[1:] {
		as.aws.hosts = append(as.aws.hosts, target.Repository.RegistryStr())
	}
	gate, err := m.newGate(require, smokePath, smokeTimeout, smokeExit, as)
	if err != nil {
		return "", err
	}
	client, err := m.client(ctx, naming.Any[0], as)
	if err != nil {
		return "", err
	}
	published, err := m.deliver(ctx, &release{client: client, naming: &naming, options: options, gate: gate, said: notes})
	if err != nil {
		return "", err
	}
	return published.String(format)
}
