package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// login is what a verb's caller gives to be let into a registry.
type login struct {
	username string
	password *dagger.Secret
	aws      awsLogin
}

// client reaches registries: the target's with the verb's login, any with the logins of --docker-config.
func (m *DotnetMultiarch) client(ctx context.Context, target registry.Target, as login) (*registry.Client, error) {
	options := registry.Options{Host: target.Repository.RegistryStr(), Username: as.username, Insecure: m.Insecure}
	var err error
	if options.Password, err = registryPassword(ctx, as.username, as.password); err != nil {
		return nil, err
	}
	if options.Logins, err = m.logins(ctx); err != nil {
		return nil, err
	}
	if options.Authorities, err = m.authorities(ctx); err != nil {
		return nil, err
	}
	if m.Registry != nil {
		options.Loopback = func(ctx context.Context) (string, int, error) { return endpoint(ctx, "--registry", m.Registry) }
	}
	if target.Repository != (name.Repository{}) { // a verb without a target takes no AWS credentials either
		if err := m.reachECR(ctx, &options, target, as.aws); err != nil {
			return nil, err
		}
	}
	return registry.New(options), nil
}

// authorities are those of --ca-certificate; nil without it.
func (m *DotnetMultiarch) authorities(ctx context.Context) (*registry.Authorities, error) {
	if m.CaCertificate == nil {
		return nil, nil
	}
	pem, err := m.CaCertificate.Contents(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading --ca-certificate: %w", oneLine(err))
	}
	return registry.ParseAuthorities([]byte(pem))
}

func registryPassword(ctx context.Context, username string, password *dagger.Secret) (string, error) {
	if password == nil {
		if username != "" {
			return "", errors.New("reading the login of the registry: --username wants --password with it, such as --password env://REGISTRY_TOKEN")
		}
		return "", nil
	}
	return secretText(ctx, "--password", password)
}

// secretText is a secret's, without the line's end that a command's output has; "" where none is given.
func secretText(ctx context.Context, flag string, secret *dagger.Secret) (string, error) {
	if secret == nil {
		return "", nil
	}
	text, err := secret.Plaintext(ctx)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w%s", flag, oneLine(err), secretCure(flag, err.Error()))
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return "", fmt.Errorf("reading %s: it is empty: check the variable, file or command that it names", flag)
	}
	return text, nil
}

// secretCure says what to do where a secret's command failed: the engine tells its exit code, and not what it said.
func secretCure(flag, said string) string {
	if !strings.Contains(said, "failed to run secret command") {
		return ""
	}
	cure := ": run that command by itself to see what it says"
	if flag == "--aws-credentials" {
		cure += "; aws configure export-credentials wants the AWS CLI 2.9 or newer, and a login such as aws sso login"
	}
	return cure
}

// logins are those of --docker-config; nil without it.
func (m *DotnetMultiarch) logins(ctx context.Context) (*registry.DockerConfig, error) {
	if m.DockerConfig == nil {
		return nil, nil
	}
	text, err := m.DockerConfig.Plaintext(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading --docker-config: %w", oneLine(err))
	}
	return registry.ParseDockerConfig(text)
}

// withLogin shows the engine the login of an image that it pulls itself. Without one in --docker-config the engine asks the
// dagger command, which knows what docker login wrote on its machine, helpers included.
// images knows logins that the config does not, such as ECR's; nil for none.
func (m *DotnetMultiarch) withLogin(ctx context.Context, container *dagger.Container, reference string, images *registry.Client) (*dagger.Container, error) {
	if images == nil {
		logins, err := m.logins(ctx)
		if err != nil {
			return nil, err
		}
		images = registry.New(registry.Options{Logins: logins})
	}
	host, username, password, ok, err := images.Login(ctx, reference)
	if err != nil || !ok {
		return container, err
	}
	return container.WithRegistryAuth(host, username, dag.SetSecret("registry-"+host, password)), nil
}

// endpoint starts a service of the caller's, which one from .env is not by itself, and gives where it answers.
func endpoint(ctx context.Context, flag string, service *dagger.Service) (address string, port int, err error) {
	doing := "reaching what is given with " + flag
	if _, err := service.Start(ctx); err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	if address, err = service.Endpoint(ctx); err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", doing, err)
	}
	port, err = strconv.Atoi(text)
	return address, port, err
}
