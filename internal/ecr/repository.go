package ecr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	private "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
)

// Prepare makes sure that a repository can be pushed to, and makes it where it is missing; a dry run makes nothing. What it
// gives says whether a tag that exists stays as it is; sure is false where the repository has no rule for it. nil is no rules.
func (r *Registries) Prepare(ctx context.Context, host, repository string, dryRun bool) (keeps func(tag string) (keeps, sure bool), err error) {
	h, _ := ParseHost(host)
	if err := r.checkRegion(host, h); err != nil {
		return nil, err
	}
	if h.Public {
		return nil, r.preparePublic(ctx, h, host, repository, dryRun)
	}
	client, err := r.private(ctx, h)
	if err != nil {
		return nil, err
	}
	p := preparation{r, client, h, host, repository}
	found, err := p.describe(ctx)
	var missing *types.RepositoryNotFoundException
	switch {
	case err == nil:
		p.noteUnused()
	case errors.As(err, &missing) && !r.options.Create:
		return nil, fmt.Errorf("checking the repository %s/%s: it does not exist: check the name; build-and-push and copy make it unless --create-repository=false, and so does aws ecr create-repository --region %s --repository-name %s", host, repository, h.Region, repository)
	case errors.As(err, &missing) && dryRun:
		r.note("the repository %s/%s does not exist: a push makes it", host, repository)
		return nil, nil
	case errors.As(err, &missing):
		if found, err = p.create(ctx); err != nil {
			return nil, err
		}
	case denied(err) && !r.options.Create: // who may push need not be let read settings
		return nil, nil
	default:
		return nil, p.explain("checking the repository "+host+"/"+repository, err)
	}
	return rule(found), nil
}

// Begin takes up the credentials for a host that will be pushed to: an OIDC token may not live until a build is done. It is
// nothing where the host is none of ECR or there are no credentials.
func (r *Registries) Begin(ctx context.Context, host string) error {
	h, its := ParseHost(host)
	if !its || !r.options.Access.Given() {
		return nil
	}
	if err := r.checkRegion(host, h); err != nil {
		return err
	}
	_, err := r.options.Access.Config(ctx, h.Region)
	return err
}

// checkRegion refuses a host of another region than the caller's credentials name.
func (r *Registries) checkRegion(host string, h Host) error {
	region, firm := r.options.Access.Region()
	if !firm || h.Public || region == h.Region {
		return nil
	}
	return fmt.Errorf("reading --aws-credentials: AWS_REGION is %s and the host %s is in %s: leave AWS_REGION out, for the host says the region, or push to a registry in %s", region, host, h.Region, region)
}

// preparation is of one repository.
type preparation struct {
	registries       *Registries
	client           *private.Client
	to               Host
	host, repository string
}

func (p preparation) describe(ctx context.Context) (*types.Repository, error) {
	out, err := p.client.DescribeRepositories(ctx, &private.DescribeRepositoriesInput{RegistryId: &p.to.Account, RepositoryNames: []string{p.repository}})
	if err != nil {
		return nil, err
	}
	if len(out.Repositories) == 0 {
		return nil, errUnlisted
	}
	return &out.Repositories[0], nil
}

// errUnlisted is an answer without the repository and without an error, which ECR itself does not give. Making the repository
// would make it where nobody looks for it.
var errUnlisted = errors.New("the answer has no repository")

// elsewhere is the error where the API's account and the host's are not the same one.
func (p preparation) elsewhere(doing, cause string) error {
	return fmt.Errorf("%s: %s: check that the credentials are of account %s, which the host names, and --aws-endpoint-url and --aws-endpoint where they are given", doing, cause, p.to.Account)
}

// create makes the repository as the options want it, or takes the one that somebody made in the same moment.
func (p preparation) create(ctx context.Context) (*types.Repository, error) {
	doing := "creating the repository " + p.host + "/" + p.repository
	in := &private.CreateRepositoryInput{
		RegistryId: &p.to.Account, RepositoryName: &p.repository,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
		ImageTagMutability:         types.ImageTagMutabilityMutable,
	}
	kind := "scan on push"
	if p.registries.options.Immutable {
		in.ImageTagMutability, kind = types.ImageTagMutabilityImmutable, "scan on push, immutable tags"
	}
	out, err := p.client.CreateRepository(ctx, in)
	var exists *types.RepositoryAlreadyExistsException
	if errors.As(err, &exists) {
		found, err := p.describe(ctx)
		var missing *types.RepositoryNotFoundException
		if errors.As(err, &missing) {
			return nil, p.elsewhere(doing, "it exists, and is not in the registry of the host")
		}
		return found, p.explain(doing, err)
	}
	if err != nil {
		return nil, p.explain(doing, err)
	}
	if out.Repository == nil {
		return nil, p.elsewhere(doing, errUnlisted.Error())
	}
	if err := p.policies(ctx); err != nil {
		return nil, p.undo(ctx, err)
	}
	p.registries.note("made the repository %s/%s: %s", p.host, p.repository, kind)
	return out.Repository, nil
}

func (p preparation) policies(ctx context.Context) error {
	o := p.registries.options
	if o.RepositoryPolicy != "" {
		_, err := p.client.SetRepositoryPolicy(ctx, &private.SetRepositoryPolicyInput{
			RegistryId: &p.to.Account, RepositoryName: &p.repository, PolicyText: &o.RepositoryPolicy,
		})
		if err != nil {
			return p.explain("setting --repository-policy", err)
		}
	}
	if o.LifecyclePolicy != "" {
		_, err := p.client.PutLifecyclePolicy(ctx, &private.PutLifecyclePolicyInput{
			RegistryId: &p.to.Account, RepositoryName: &p.repository, LifecyclePolicyText: &o.LifecyclePolicy,
		})
		return p.explain("setting --lifecycle-policy", err)
	}
	return nil
}

// undo takes back a repository that did not get its policies, so that the next run makes it whole.
func (p preparation) undo(ctx context.Context, because error) error {
	_, err := p.client.DeleteRepository(context.WithoutCancel(ctx), &private.DeleteRepositoryInput{RegistryId: &p.to.Account, RepositoryName: &p.repository})
	if err != nil {
		return fmt.Errorf("%w; the repository %s/%s was made without it and could not be deleted again: delete it, or set the policy there", because, p.host, p.repository)
	}
	return because
}

func (p preparation) noteUnused() {
	o := p.registries.options
	if o.RepositoryPolicy != "" || o.LifecyclePolicy != "" {
		p.registries.note("the repository %s/%s exists: its policies were left as they are", p.host, p.repository)
	}
}

// explain adds what is ECR's own to an error of the API.
func (p preparation) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errUnlisted) {
		return p.elsewhere(doing, err.Error())
	}
	if !denied(err) {
		return aws.Explain(doing, err)
	}
	who := regexp.MustCompile(`arn:[a-z0-9-]+:(?:sts|iam)::([0-9]{12}):`).FindStringSubmatch(err.Error())
	if who != nil && who[1] != p.to.Account {
		return fmt.Errorf("%w; the credentials are of account %s and the host names account %s: check the host", aws.Explain(doing, err), who[1], p.to.Account)
	}
	if strings.HasPrefix(doing, "setting") {
		return aws.Explain(doing, err)
	}
	return fmt.Errorf("%w; or give --create-repository=false where the repository exists", aws.Explain(doing, err))
}

func denied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

// rule says which tags a repository keeps,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
func rule(of *types.Repository) func(tag string) (keeps, sure bool) {
	excluded := func(tag string) bool {
		for _, f := range of.ImageTagMutabilityExclusionFilters {
			if matches(sdk.ToString(f.Filter), tag) {
				return true
			}
		}
		return false
	}
	switch of.ImageTagMutability {
	case types.ImageTagMutabilityImmutable:
		return func(string) (bool, bool) { return true, true }
	case types.ImageTagMutabilityImmutableWithExclusion:
		return func(tag string) (bool, bool) { return !excluded(tag), true }
	case types.ImageTagMutabilityMutableWithExclusion:
		return func(tag string) (bool, bool) { return excluded(tag), excluded(tag) }
	}
	return nil
}

// matches knows one wildcard, *, for any number of characters.
func matches(filter, tag string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(filter), `\*`, ".*")
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(tag)
}

// Cure says what to do about a registry's refusal of the credentials' token, by what was asked for.
func (r *Registries) Cure(status int, request *http.Request) string {
	if !r.options.Access.Given() {
		return "give AWS credentials, --aws-role-arn with --aws-web-identity-token or --aws-credentials, or --username with --password"
	}
	if status == http.StatusUnauthorized {
		return "it does not take the token that these AWS credentials got: check that the account in the host is right and that --ecr-endpoint leads to it"
	}
	action := "ecr:GetAuthorizationToken and the actions of a push"
	if request != nil {
		action = requestAction(request)
	}
	return "allow " + action + " on this repository to the role or user that is logged in"
}

// requestAction is the IAM action that the registry asks for, https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func requestAction(r *http.Request) string {
	manifest := strings.Contains(r.URL.Path, "/manifests/")
	switch reads := r.Method == http.MethodGet || r.Method == http.MethodHead; {
	case manifest && reads:
		return "ecr:BatchGetImage"
	case manifest:
		return "ecr:PutImage"
	case r.Method == http.MethodHead:
		return "ecr:BatchCheckLayerAvailability"
	case reads:
		return "ecr:GetDownloadUrlForLayer"
	case r.Method == http.MethodPost:
		return "ecr:InitiateLayerUpload"
	case r.Method == http.MethodPatch:
		return "ecr:UploadLayerPart"
	}
	return "ecr:CompleteLayerUpload"
}
