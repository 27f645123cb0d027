package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// login is what a verb's caller gives to be let into a registry.
type login struct {
	username string
	password *dagger.Secret
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
	if m.CaCertificate != nil {
		pem, err := m.CaCertificate.Contents(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading --ca-certificate: %w", oneLine(err))
		}
		if options.Authorities, err = registry.ParseAuthorities([]byte(pem)); err != nil {
			return nil, err
		}
	}
	if m.Registry != nil {
		options.Loopback = func(ctx context.Context) (string, int, error) { return endpoint(ctx, m.Registry) }
	}
	return registry.New(options), nil
}

func registryPassword(ctx context.Context, username string, password *dagger.Secret) (string, error) {
	if password == nil {
		if username != "" {
			return "", errors.New("reading the login of the registry: --username wants --password with it, such as --password env://REGISTRY_TOKEN")
		}
		return "", nil
	}
	text, err := password.Plaintext(ctx)
	if err != nil {
		return "", fmt.Errorf("reading --password: %w", oneLine(err))
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" { // a command's output ends with a line's
		return "", errors.New("reading --password: it is empty")
	}
	return text, nil
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
func (m *DotnetMultiarch) withLogin(ctx context.Context, container *dagger.Container, reference string) (*dagger.Container, error) {
	logins, err := m.logins(ctx)
	if err != nil || logins == nil {
		return container, err
	}
	host, username, password, ok := logins.Login(reference)
	if !ok {
		return container, nil
	}
	return container.WithRegistryAuth(host, username, dag.SetSecret("registry-"+host, password)), nil
}

// endpoint starts the caller's registry service, which one from .env is not by itself, and gives where it answers.
func endpoint(ctx context.Context, service *dagger.Service) (address string, port int, err error) {
	const doing = "reaching the registry given with --registry"
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
