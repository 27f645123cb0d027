package aws

import (
	"context"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// role is a session of a role that an OIDC token stands for. It is a credentials provider of the SDK.
type role struct {
	arn, token, session string
	now                 func() time.Time

	mu     sync.Mutex
	client *sts.Client
	keys   sdk.Credentials
}

// early is how long before its end a session is no longer used.
const early = time.Minute

// begin exchanges the token, unless there is a session. The configuration is one without credentials: STS takes none here.
func (r *role) begin(ctx context.Context, c sdk.Config) error {
	r.mu.Lock()
	if r.client == nil {
		r.client = sts.NewFromConfig(c)
	}
	r.mu.Unlock()
	_, err := r.Retrieve(ctx)
	return err
}

// Retrieve gives the session's keys. A session that ended is begun anew, which works while the token lives.
func (r *role) Retrieve(ctx context.Context) (sdk.Credentials, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys.HasKeys() && (!r.keys.CanExpire || r.now().Add(early).Before(r.keys.Expires)) {
		return r.keys, nil
	}
	out, err := r.client.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &r.arn, RoleSessionName: &r.session, WebIdentityToken: &r.token,
	})
	if err != nil {
		return sdk.Credentials{}, Explain("assuming the role "+r.arn, err)
	}
	r.keys = sdk.Credentials{
		AccessKeyID: sdk.ToString(out.Credentials.AccessKeyId), SecretAccessKey: sdk.ToString(out.Credentials.SecretAccessKey),
		SessionToken: sdk.ToString(out.Credentials.SessionToken), Source: r.arn,
	}
	// A clock that runs ahead would make every session an ended one.
	if end := out.Credentials.Expiration; end != nil && r.now().Add(early).Before(*end) {
		r.keys.CanExpire, r.keys.Expires = true, *end
	}
	return r.keys, nil
}
