package ecr

import (
	"fmt"
	"regexp"
	"strings"
)

// Host is a registry of ECR, as its name says it.
type Host struct {
	// Account has 12 digits; "" for the public registry.
	Account string
	// Region of the registry; that of its API for the public one.
	Region string
	// FIPS and DualStack hosts are served by endpoints of the API of their own.
	FIPS, DualStack bool
	Public          bool
}

// privateHost, https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html#registry-dual-stack-endpoints and
// https://docs.aws.amazon.com/general/latest/gr/ecr.html
var privateHost = regexp.MustCompile(`^([0-9]{12})\.dkr(\.ecr|-ecr)(-fips)?\.([a-z0-9-]+)\.([a-z0-9.-]+)$`)

// suffixes are those of the partitions, by how a region of theirs starts; the first of a partition is that of IPv4 alone, the
// second that of the dual stack, where it has one. The commercial partition and GovCloud are all other regions.
var suffixes = map[string][]string{
	"cn-":      {"amazonaws.com.cn", "on.amazonwebservices.com.cn"},
	"us-iso-":  {"c2s.ic.gov"},
	"us-isob-": {"sc2s.sgov.gov"},
	"eu-isoe-": {"cloud.adc-e.uk"},
	"us-isof-": {"csp.hci.ic.gov"},
	"eu-isof-": {"csp.hci.ic.gov"},
	"eusc-":    {"amazonaws.eu"},
	"":         {"amazonaws.com", "on.aws"},
}

// publicHosts are the names of Amazon's public registry, whose API is in one region,
// https://docs.aws.amazon.com/AmazonECR/latest/public/public-registries.html
var publicHosts = []string{"public.ecr.aws", "ecr-public.aws.com"}

// likeness is what a host has in it that was meant for one of ECR.
var likeness = regexp.MustCompile(`dkr[.-]ecr|(^|\.)ecr\.[a-z0-9-]+\.amazonaws\.|^public[.-]ecr\.|^ecr-public\.`)

// CheckHost refuses a host that looks like one of ECR and is none: it would be spoken to without AWS's credentials.
func CheckHost(host string) error {
	if _, its := ParseHost(host); its || !likeness.MatchString(strings.ToLower(host)) {
		return nil
	}
	return fmt.Errorf("reading the host %s: it looks like one of Amazon ECR and is none, so that the AWS credentials are not for it: want ACCOUNT.dkr.ecr.REGION.amazonaws.com, or the suffix of the region's partition, with an ACCOUNT of 12 digits, or public.ecr.aws", host)
}

const publicRegion = "us-east-1"

// ParseHost reads the name of a registry; ok is false where it is none of ECR.
func ParseHost(host string) (h Host, ok bool) {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	for _, public := range publicHosts {
		if host == public {
			return Host{Region: publicRegion, Public: true, DualStack: host != publicHosts[0]}, true
		}
	}
	match := privateHost.FindStringSubmatch(host)
	if match == nil {
		return Host{}, false
	}
	h = Host{Account: match[1], Region: match[4], FIPS: match[3] != "", DualStack: match[2] == "-ecr"}
	of := partition(h.Region)
	index := 0
	if h.DualStack {
		index = 1
	}
	return h, index < len(of) && of[index] == match[5]
}

// partition gives the suffixes of a region's partition.
func partition(region string) []string {
	longest := ""
	for prefix := range suffixes {
		if strings.HasPrefix(region, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	return suffixes[longest]
}
