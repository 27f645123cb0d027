package main

import (
	"context"
	"errors"
	"os"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecs"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/publication"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// Deploy lets a service of Amazon ECS on Fargate run an image, by digest, and waits until it does. A deployment that fails,
// also one that ECS rolled back, is an error that says why. What runs already is left alone.
//
// +cache="never"
func (m *DotnetMultiarch) Deploy(
	ctx context.Context,

	// The image: HOST/REPOSITORY@sha256:…, or with a tag, which is read as the digest that it means.
	image string,

	// Name of the service.
	service string,

	// Name of the cluster that the service is in.
	cluster string,

	// Container of the task definition that gets the image. Default: the only one, or the only essential one.
	//
	// +optional
	container string,

	// Processor that the tasks run on: ARM64 or X86_64.
	//
	// +optional
	// +default="ARM64"
	cpuArchitecture string,

	// Task definition as JSON, as aws ecs register-task-definition takes it or describe-task-definition prints it. Default: the
	// one that the service runs.
	//
	// +optional
	taskDefinition *dagger.File,

	// Service as JSON, as aws ecs create-service takes it, to make the service where there is none: its subnets, its security
	// groups, its load balancer.
	//
	// +optional
	serviceDefinition *dagger.File,

	// Region of the cluster. Default: AWS_REGION of --aws-credentials, else that of the image's ECR host.
	//
	// +optional
	region string,

	// Wait until the deployment is complete.
	//
	// +optional
	// +default=true
	wait bool,

	// How long to wait, such as 10m or 1h.
	//
	// +optional
	// +default="30m"
	timeout string,

	// User of the image's registry, where it is not ECR.
	//
	// +optional
	username string,

	// Password or token of the image's registry, where it is not ECR.
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
	request, err := ecsRequest(ctx, service, cluster, container, cpuArchitecture, timeout, taskDefinition, serviceDefinition)
	if err != nil {
		return "", err
	}
	request.Wait = wait
	ref, err := registry.ParseDeployed(image)
	if err != nil {
		return "", err
	}
	as := login{username: username, password: password, aws: awsLogin{
		roleARN: awsRoleArn, token: awsWebIdentityToken, session: awsRoleSessionName, credentials: awsCredentials,
		endpointURL: awsEndpointUrl, endpoint: awsEndpoint, ecrEndpoint: ecrEndpoint,
	}}
	client, err := m.ecs(ctx, region, ref.Context(), &as.aws)
	if err != nil {
		return "", err
	}
	images, err := m.client(ctx, registry.Target{Repository: ref.Context()}, as)
	if err != nil {
		return "", err
	}
	digest, platforms, err := images.Resolve(ctx, ref.Name())
	if err != nil {
		return "", err
	}
	request.Image, request.Platforms = ref.Context().Digest(digest.String()).Name(), platforms
	deployed, err := client.Deploy(ctx, request)
	if err != nil {
		return "", err
	}
	return deployed.String(format)
}

// ecs is a client for the cluster's region. It is made before anything else is asked: an OIDC token lives for minutes.
func (m *DotnetMultiarch) ecs(ctx context.Context, region string, image name.Repository, as *awsLogin) (*ecs.Client, error) {
	authorities, err := m.authorities(ctx)
	if err != nil {
		return nil, err
	}
	if as.reached, err = as.access(ctx, image.RepositoryStr(), authorities); err != nil {
		return nil, err
	}
	if !as.reached.Given() {
		return nil, as.reached.Missing("deploying to ECS")
	}
	if region, err = ecsRegion(region, as.reached, image); err != nil {
		return nil, err
	}
	config, err := as.reached.Config(ctx, region)
	if err != nil {
		return nil, err
	}
	return ecs.New(config, os.Stderr), nil
}

// ecsRequest reads what the caller says of the service.
func ecsRequest(ctx context.Context, service, cluster, container, architecture, timeout string, task, definition *dagger.File) (r ecs.Request, err error) {
	r = ecs.Request{Service: service, Cluster: cluster, Container: container}
	if r.Platform, err = ecs.ParseArchitecture(architecture); err != nil {
		return r, err
	}
	if r.Timeout, err = ecs.ParseTimeout(timeout); err != nil {
		return r, err
	}
	text, err := fileText(ctx, "--task-definition", task)
	if err != nil {
		return r, err
	}
	if task != nil {
		if r.TaskDefinition, err = ecs.ParseTaskDefinition(text); err != nil {
			return r, err
		}
	}
	if text, err = fileText(ctx, "--service-definition", definition); err != nil {
		return r, err
	}
	if definition != nil {
		r.ServiceDefinition, err = ecs.ParseServiceDefinition(text)
	}
	return r, err
}

// ecsRegion is where the cluster is: as said, else as the credentials say, else where the image is.
func ecsRegion(given string, access *aws.Access, repository name.Repository) (string, error) {
	credentials, firm := access.Region()
	host, inECR := ecr.ParseHost(repository.RegistryStr())
	switch {
	case given != "":
		return given, nil
	case firm:
		return credentials, nil
	case inECR && !host.Public:
		return host.Region, nil
	case credentials != "":
		return credentials, nil
	}
	return "", errors.New("deploying: say in which region the cluster is with --region, such as --region eu-west-1")
}
