package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// awsLogin is how a verb's caller reaches AWS, and what a repository is to be that is made there.
type awsLogin struct {
	roleARN, session, endpointURL     string
	token, credentials                *dagger.Secret
	endpoint, ecrEndpoint             *dagger.Service
	create, immutable                 bool
	repositoryPolicy, lifecyclePolicy *dagger.File
	// hosts are of images besides the target.
	hosts []string
	// reached is what a verb reaches other services with already, so that a token is exchanged once; nil for nothing.
	reached *aws.Access
}

// access reads the credentials; subject is what a session is for. It connects to nothing yet.
func (a awsLogin) access(ctx context.Context, subject string, authorities *registry.Authorities) (*aws.Access, error) {
	if a.reached != nil {
		return a.reached, nil
	}
	o := aws.Options{RoleARN: a.roleARN, SessionName: a.session, Subject: subject, EndpointURL: a.endpointURL, Authorities: authorities.Pool()}
	var err error
	if o.WebIdentityToken, err = secretText(ctx, "--aws-web-identity-token", a.token); err != nil {
		return nil, err
	}
	if o.Credentials, err = secretText(ctx, "--aws-credentials", a.credentials); err != nil {
		return nil, err
	}
	if a.endpoint != nil {
		o.Endpoint = func(ctx context.Context) (string, error) {
			address, _, err := endpoint(ctx, "--aws-endpoint", a.endpoint)
			return address, err
		}
	}
	return aws.New(o)
}

// reachECR lets a client reach registries of ECR.
func (m *DotnetMultiarch) reachECR(ctx context.Context, o *registry.Options, target registry.Target, as awsLogin) error {
	access, err := as.access(ctx, target.Repository.RepositoryStr(), o.Authorities)
	if err != nil {
		return err
	}
	options := ecr.Options{Access: access, Create: as.create, Immutable: as.immutable}
	if options.RepositoryPolicy, err = fileText(ctx, "--repository-policy", as.repositoryPolicy); err != nil {
		return err
	}
	if options.LifecyclePolicy, err = fileText(ctx, "--lifecycle-policy", as.lifecyclePolicy); err != nil {
		return err
	}
	registries, err := ecr.New(options)
	if err != nil {
		return err
	}
	o.Cloud = registries
	if access.Given() {
		base, _, _ := strings.Cut(m.BaseRegistry, "/")
		for _, host := range append([]string{target.Repository.RegistryStr(), base}, as.hosts...) {
			if err := ecr.CheckHost(host); err != nil && (o.Username == "" || host != o.Host) {
				return err
			}
		}
	}
	if o.Username == "" {
		if err := registries.Begin(ctx, target.Repository.RegistryStr()); err != nil {
			return err
		}
	}
	if as.ecrEndpoint == nil {
		return nil
	}
	at := sync.OnceValues(func() (string, error) {
		address, _, err := endpoint(ctx, "--ecr-endpoint", as.ecrEndpoint)
		return address, err
	})
	o.Detour = func(_ context.Context, host string) (string, bool, error) {
		if _, ok := ecr.ParseHost(host); !ok {
			return "", false, nil
		}
		address, err := at()
		return address, true, err
	}
	return nil
}

// fileText is a file's; "" where none is given.
func fileText(ctx context.Context, flag string, file *dagger.File) (string, error) {
	if file == nil {
		return "", nil
	}
	text, err := file.Contents(ctx)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", flag, oneLine(err))
	}
	return text, nil
}
