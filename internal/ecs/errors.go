package ecs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
)

// explain turns an answer of ECS into one line of doing, cause and cure; nil stays nil.
func (c *Client) explain(doing string, r *rollout, err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return aws.Explain(doing, err)
	}
	switch code := answer.ErrorCode(); {
	case code == "ClusterNotFoundException":
		return fmt.Errorf("%s: there is no cluster %q in %s: check --cluster and --region", doing, r.Cluster, c.region)
	case code == "ServiceNotFoundException", code == "ServiceNotActiveException":
		return fmt.Errorf("%s: the service is gone, or no longer active: check --service and --cluster, or create it with --service-definition FILE", doing)
	case strings.Contains(answer.ErrorMessage(), "iam:PassRole"): // a role that is not there is answered like one that may not be passed
		return fmt.Errorf("%w; docs/iam/deploy.json has it, for the roles that the task definition names", aws.Explain(doing, err))
	}
	return aws.Explain(doing, err)
}
