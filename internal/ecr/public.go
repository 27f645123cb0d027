package ecr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	public "github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
)

// preparePublic makes sure that a repository of the public registry, ALIAS/NAME, is the caller's, and makes it where it is missing.
func (r *Registries) preparePublic(ctx context.Context, h Host, host, path string, dryRun bool) error {
	alias, repository, ok := strings.Cut(path, "/")
	if !ok {
		return fmt.Errorf("reading image reference %s/%s: want %s/ALIAS/REPOSITORY, with your registry's alias", host, path, host)
	}
	if r.options.LifecyclePolicy != "" {
		return fmt.Errorf("reading --lifecycle-policy: %s has no lifecycle policies: leave it out", host)
	}
	client, err := r.public(ctx, h)
	if err != nil {
		return err
	}
	doing := "checking the repository " + host + "/" + path
	var missing *types.RepositoryNotFoundException
	out, err := client.DescribeRepositories(ctx, &public.DescribeRepositoriesInput{RepositoryNames: []string{repository}})
	switch {
	case err == nil && len(out.Repositories) > 0:
		if uri := sdk.ToString(out.Repositories[0].RepositoryUri); !strings.HasSuffix(uri, "/"+path) {
			return fmt.Errorf("%s: the account that is logged in has it as %s: use that reference, or other credentials", doing, uri)
		}
		return nil
	case err != nil && !errors.As(err, &missing):
		return aws.Explain(doing, err)
	case !r.options.Create:
		return fmt.Errorf("%s: it does not exist: check the name; build-and-push and copy make it unless --create-repository=false, and so does aws ecr-public create-repository --region %s --repository-name %s", doing, publicRegion, repository)
	}
	if err := checkAlias(ctx, client, doing, alias); err != nil {
		return err
	}
	if dryRun {
		r.note("the repository %s/%s does not exist: a push makes it", host, path)
		return nil
	}
	return r.createPublic(ctx, client, host, path, repository)
}

// checkAlias makes sure that a repository which is made will have the name that was asked for.
func checkAlias(ctx context.Context, client *public.Client, doing, alias string) error {
	out, err := client.DescribeRegistries(ctx, &public.DescribeRegistriesInput{})
	if err != nil {
		return aws.Explain(doing, err)
	}
	var own []string
	for _, registry := range out.Registries {
		for _, a := range registry.Aliases {
			own = append(own, sdk.ToString(a.Name))
		}
	}
	if !slices.Contains(own, alias) {
		return fmt.Errorf("%s: %s is no alias of the account that is logged in, whose own are %s: use one of these, or other credentials", doing, alias, strings.Join(own, ", "))
	}
	return nil
}

func (r *Registries) createPublic(ctx context.Context, client *public.Client, host, path, repository string) error {
	doing := "creating the repository " + host + "/" + path
	var exists *types.RepositoryAlreadyExistsException
	_, err := client.CreateRepository(ctx, &public.CreateRepositoryInput{RepositoryName: &repository})
	switch {
	case errors.As(err, &exists): // somebody made it in the same moment
		return nil
	case err != nil:
		return aws.Explain(doing, err)
	}
	if policy := r.options.RepositoryPolicy; policy != "" {
		if _, err := client.SetRepositoryPolicy(ctx, &public.SetRepositoryPolicyInput{RepositoryName: &repository, PolicyText: &policy}); err != nil {
			because := aws.Explain("setting --repository-policy", err)
			if _, err := client.DeleteRepository(context.WithoutCancel(ctx), &public.DeleteRepositoryInput{RepositoryName: &repository}); err != nil {
				return fmt.Errorf("%w; the repository %s/%s was made without it and could not be deleted again: delete it, or set the policy there", because, host, path)
			}
			return because
		}
	}
	r.note("made the repository %s/%s", host, path)
	return nil
}
