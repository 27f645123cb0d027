package aws

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// explained is an error that already says all, cure included. It unwraps to what AWS said, for callers that branch on it.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// Explain turns what the SDK said into one line of doing, cause and cure; nil stays nil, and what is explained already is left as
// it is.
func Explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var complete explained
	if errors.As(err, &complete) { // the SDK wraps what a credentials provider gave back
		return complete
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, oneLine(err))
	}
	var api smithy.APIError
	if errors.As(err, &api) && !foreign(err, api) {
		return explained{fmt.Sprintf("%s: AWS answered %s%s", doing, api.ErrorCode(), said(api)+cure(err, api)), err}
	}
	return explained{fmt.Sprintf("%s: %s", doing, network(err)), err}
}

// foreign says of an error that no service of AWS gave it. They all name a code; UnknownError is the SDK's where there is none.
func foreign(err error, api smithy.APIError) bool {
	return unread(err) || api.ErrorCode() == "UnknownError"
}

// unread says whether an answer could not be read as one of AWS.
func unread(err error) bool {
	var garbage *smithy.DeserializationError
	return errors.As(err, &garbage)
}

// said is the service's own sentence, in one line.
func said(api smithy.APIError) string {
	text := strings.Join(strings.Fields(api.ErrorMessage()), " ")
	if text == "" {
		return ""
	}
	return " (" + strings.TrimSuffix(text, ".") + ")"
}

// cure says what to do, by the code that all services share,
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html; a service's own codes are for its room.
func cure(err error, api smithy.APIError) string {
	service, operation := called(err)
	exchange := operation == "AssumeRoleWithWebIdentity"
	switch code := api.ErrorCode(); code {
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired", "CredentialsExpired":
		if exchange {
			return ": the OIDC token lives for minutes: ask the provider for it in the same job, right before this command"
		}
		return ": the credentials have expired: " + renewKeys + "; in CI run the job again"
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "UnauthorizedException", "NotAuthorized":
		if exchange {
			return ": the role's trust policy must name the OIDC provider and this token's audience and subject (sts:AssumeRoleWithWebIdentity); check the ARN and that policy"
		}
		return ": allow " + Action(err, service, operation) + " to the role or user that is logged in"
	case "InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim", "IDPCommunicationError":
		return ": check that the account has an IAM OIDC provider for the token's issuer and that the token is the provider's, whole and for the audience that the role trusts"
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "IncompleteSignature", "MissingAuthenticationToken":
		return ": AWS does not know these keys in this region: check that the text in --aws-credentials is whole, that the keys are not deleted, and that the region is enabled in the account"
	case "SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed":
		return ": check that AWS_SECRET_ACCESS_KEY is whole and that the clock of this machine is right"
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown":
		return fmt.Sprintf(": AWS limits how often %s is called, also after %d tries: wait and run the command again", operation, attempts)
	case "OptInRequired", "SubscriptionRequiredException":
		return ": the account has no access to this service in this region: enable it there, or use another region"
	case "LimitExceededException", "ServiceQuotaExceededException":
		return ": raise the quota in the account, or delete what is not used"
	}
	if strings.HasPrefix(api.ErrorCode(), "Internal") || strings.HasPrefix(api.ErrorCode(), "ServiceUnavailable") || api.ErrorCode() == "ServerException" {
		return ": AWS itself failed; run the command again"
	}
	return ""
}

// called gives the operation that failed; the last one where a client called another service for it.
func called(err error) (service, operation string) {
	for ; err != nil; err = errors.Unwrap(err) {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			break
		}
		service, operation, err = op.ServiceID, op.OperationName, op
	}
	return service, operation
}

var deniedAction = regexp.MustCompile(`(?i)not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)`)

// Action names the IAM action that was denied: AWS's message has it, else it is the operation's.
func Action(err error, service, operation string) string {
	if match := deniedAction.FindStringSubmatch(err.Error()); match != nil {
		return match[1]
	}
	prefix := strings.ToLower(strings.ReplaceAll(service, " ", "-"))
	switch service {
	case "ECR PUBLIC":
		prefix = "ecr-public"
	case "CloudWatch Logs":
		prefix = "logs"
	}
	return prefix + ":" + operation
}

const checkEndpoints = "check --aws-endpoint-url and --aws-endpoint, and whether a proxy on the way answers itself"

// network is the cause and cure where AWS gave no answer.
func network(err error) string {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var operation *net.OpError
	var certificate *tls.CertificateVerificationError
	var unsent *smithyhttp.RequestSendError
	var answer *smithyhttp.ResponseError
	var spent *retry.MaxAttemptsError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %s is not known: check the region's spelling, --aws-endpoint-url and the network", dns.Name)
	case errors.As(err, &authority):
		return "the certificate of the endpoint is signed by an authority that is not known here: give that authority's certificate with --ca-certificate FILE"
	case errors.As(err, &certificate):
		return fmt.Sprintf("the certificate of the endpoint is not trusted (%s): check --aws-endpoint-url", oneLine(certificate.Err))
	case errors.As(err, &operation) && operation.Op == "dial", errors.As(err, &unsent):
		// Through Dagger's tunnel to the caller's machine a refused connection looks like one that ends before the answer.
		return "nothing answers at the endpoint: check --aws-endpoint, --aws-endpoint-url and what a firewall lets through"
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= 500:
		return fmt.Sprintf("what answered, with status %d, is no API of AWS, or one that failed: run the command again; %s", answer.HTTPStatusCode(), checkEndpoints)
	case errors.As(err, &answer):
		return fmt.Sprintf("what answered, with status %d, is no API of AWS: %s", answer.HTTPStatusCode(), checkEndpoints)
	case unread(err):
		return "what answered is no API of AWS: " + checkEndpoints
	case errors.As(err, &spent):
		return fmt.Sprintf("it failed %d times, at last with: %s: %s", spent.Attempt, oneLine(spent.Err), checkEndpoints)
	}
	return oneLine(err).Error()
}

func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
