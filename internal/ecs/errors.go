package ecs

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/smithy-go"
)

// forbidden finds the action and the resource in AWS's own words,
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
var forbidden = regexp.MustCompile(`not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)(?: on resource: (\S+))?`)

// explain turns an answer of ECS into one line of doing, cause and cure; nil stays nil.
func (c *Client) explain(doing string, r *rollout, err error) error {
	var answer smithy.APIError
	if err == nil || !errors.As(err, &answer) {
		return err
	}
	said := sentence(answer.ErrorMessage())
	if parts := forbidden.FindStringSubmatch(said); parts != nil {
		on := ""
		if parts[2] != "" {
			on = " on " + parts[2]
		}
		return fmt.Errorf("%s: AWS does not allow these credentials to do %s%s: allow it, as in docs/iam/deploy.json", doing, parts[1], on)
	}
	switch answer.ErrorCode() {
	case "ClusterNotFoundException":
		return fmt.Errorf("%s: there is no cluster %q in %s: check --cluster and the region", doing, r.Cluster, c.region)
	case "ServiceNotFoundException", "ServiceNotActiveException":
		return fmt.Errorf("%s: the service is gone, or no longer active: check --service and --cluster, or create it with --service-definition FILE", doing)
	}
	return fmt.Errorf("%s: AWS answered %s: %s", doing, answer.ErrorCode(), said)
}
