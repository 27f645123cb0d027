package ecr

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
)

func TestRegistriesAreKnownByTheirHosts(t *testing.T) {
	const id = "123456789012"
	for host, want := range map[string]Host{
		id + ".dkr.ecr.eu-west-1.amazonaws.com":                    {Account: id, Region: "eu-west-1"},
		id + ".dkr.ecr.eu-west-1.amazonaws.com:443":                {Account: id, Region: "eu-west-1"},
		id + ".DKR.ECR.EU-WEST-1.AMAZONAWS.COM":                    {Account: id, Region: "eu-west-1"},
		id + ".dkr.ecr-fips.us-east-1.amazonaws.com":               {Account: id, Region: "us-east-1", FIPS: true},
		id + ".dkr.ecr-fips.us-gov-west-1.amazonaws.com":           {Account: id, Region: "us-gov-west-1", FIPS: true},
		id + ".dkr-ecr.eu-west-1.on.aws":                           {Account: id, Region: "eu-west-1", DualStack: true},
		id + ".dkr-ecr-fips.us-east-1.on.aws":                      {Account: id, Region: "us-east-1", DualStack: true, FIPS: true},
		id + ".dkr.ecr.cn-north-1.amazonaws.com.cn":                {Account: id, Region: "cn-north-1"},
		id + ".dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn": {Account: id, Region: "cn-northwest-1", DualStack: true},
		id + ".dkr.ecr.us-iso-east-1.c2s.ic.gov":                   {Account: id, Region: "us-iso-east-1"},
		id + ".dkr.ecr.us-isob-east-1.sc2s.sgov.gov":               {Account: id, Region: "us-isob-east-1"},
		id + ".dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk":              {Account: id, Region: "eu-isoe-west-1"},
		id + ".dkr.ecr.us-isof-south-1.csp.hci.ic.gov":             {Account: id, Region: "us-isof-south-1"},
		id + ".dkr.ecr.eusc-de-east-1.amazonaws.eu":                {Account: id, Region: "eusc-de-east-1"},
		"public.ecr.aws":     {Region: "us-east-1", Public: true},
		"ecr-public.aws.com": {Region: "us-east-1", Public: true, DualStack: true},
	} {
		if got, ok := ParseHost(host); !ok || got != want {
			t.Errorf("%s: %+v, %v", host, got, ok)
		}
	}
	for _, host := range []string{
		"", "docker.io", "ghcr.io", "ecr.aws", "evil.public.ecr.aws", "public.ecr.aws.evil.example", "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
		id + ".dkr.ecr.eu-west-1.amazonaws.com.evil.example", "evil.example/" + id + ".dkr.ecr.eu-west-1.amazonaws.com", id + ".dkr.ecr.eu-west-1.amazonaws.com:5000",
		id + ".dkr.ecr.cn-north-1.amazonaws.com", id + ".dkr.ecr.eu-west-1.amazonaws.com.cn", id + ".dkr.ecr.eu-west-1.amazonaws.eu", id + ".dkr.ecr.eu-west-1.on.aws",
		id + ".dkr-ecr.eu-west-1.amazonaws.com", id + ".dkr-ecr.us-iso-east-1.c2s.ic.gov", id + ".dkr.s3.eu-west-1.amazonaws.com", id + "xdkr.ecr.eu-west-1.amazonaws.com",
	} {
		if got, ok := ParseHost(host); ok {
			t.Errorf("%q is taken for %+v", host, got)
		}
	}
}

func TestWhichTagsARepositoryKeeps(t *testing.T) {
	filters := func(texts ...string) (list []types.ImageTagMutabilityExclusionFilter) {
		for _, f := range texts {
			list = append(list, types.ImageTagMutabilityExclusionFilter{Filter: &f, FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard})
		}
		return list
	}
	for _, c := range []struct {
		mutability  types.ImageTagMutability
		filters     []string
		tag         string
		keeps, sure bool
	}{
		{"MUTABLE", nil, "1.0", false, false},
		{"IMMUTABLE", nil, "1.0", true, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"latest"}, "latest", false, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"latest"}, "latest2", true, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"latest"}, "1.0", true, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"latest", "dev-*"}, "dev-7", false, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"dev-*"}, "my-dev-7", true, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"*-rc.*"}, "1.0-rc.2", false, true},
		{"IMMUTABLE_WITH_EXCLUSION", []string{"*-rc.*"}, "1.0-rcx2", true, true},
		{"MUTABLE_WITH_EXCLUSION", []string{"v*"}, "v1", true, true},
		{"MUTABLE_WITH_EXCLUSION", []string{"v*"}, "latest", false, false},
	} {
		keeps, sure := false, false
		if r := rule(&types.Repository{ImageTagMutability: c.mutability, ImageTagMutabilityExclusionFilters: filters(c.filters...)}); r != nil {
			keeps, sure = r(c.tag)
		}
		if keeps != c.keeps || sure != c.sure {
			t.Errorf("%s %q, tag %s: %v, %v", c.mutability, c.filters, c.tag, keeps, sure)
		}
	}
}

func TestAHostThatLooksLikeECRIsRefused(t *testing.T) {
	for _, h := range []string{
		"12345678901.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.co", "123456789012.dkr-ecr.eu-west-1.amazonaws.com",
		"123456789012.ecr.eu-west-1.amazonaws.com", "public.ecr.amazonaws.com", "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
	} {
		checkLine(t, h, CheckHost(h), "reading the host "+h, "12 digits")
	}
	for _, h := range []string{host, "public.ecr.aws", "ghcr.io", "ecr.example.com", "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com:5000", "127.0.0.1:5001"} {
		if err := CheckHost(h); err != nil {
			t.Error(err)
		}
	}
}

func TestCredentialsThatNobodyWantedAreNoted(t *testing.T) {
	for h, want := range map[string]bool{host: false, "public.ecr.aws": false, "ghcr.io": true} {
		s := newScene(t)
		_, registries := s.client(t, byKeys(), Options{})
		registries.Serves(h)
		if note := registries.Unused(); (note != "") != want {
			t.Errorf("%s: %q", h, note)
		}
	}
	s := newScene(t)
	if _, none := s.client(t, aws.Options{}, Options{}); none.Unused() != "" {
		t.Errorf("%q", none.Unused())
	}
}
