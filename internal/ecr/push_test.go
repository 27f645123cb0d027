package ecr

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

const (
	region = "eu-west-1"
	host   = ecrtest.Account + ".dkr.ecr." + region + ".amazonaws.com"
)

// scene is an account with a registry, and the world's way there.
type scene struct {
	aws      *ecrtest.AWS
	registry *ecrtest.Registry
	api      string
	pem      []byte
	address  string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{aws: ecrtest.New()}
	s.registry = ecrtest.NewRegistry(s.aws, region, memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	api := httptest.NewServer(s.aws)
	t.Cleanup(api.Close)
	s.api = api.Listener.Addr().String()
	certificate, pem, err := ecrtest.Certificate(host, "public.ecr.aws")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.registry)
	server.TLS = tlsOf(certificate)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.pem, s.address = pem, server.Listener.Addr().String()
	return s
}

func tlsOf(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}}
}

func byRole() aws.Options {
	return aws.Options{RoleARN: ecrtest.Role, WebIdentityToken: ecrtest.WebToken, Subject: "shop/api"}
}

func byKeys() aws.Options { return aws.Options{Credentials: ecrtest.Credentials()} }

// client reaches the scene.
func (s *scene) client(t *testing.T, access aws.Options, o Options) (*registry.Client, *Registries) {
	t.Helper()
	access.Endpoint = func(context.Context) (string, error) { return s.api, nil }
	var err error
	if o.Access, err = aws.New(access); err != nil {
		t.Fatal(err)
	}
	registries, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := registry.ParseAuthorities(s.pem)
	if err != nil {
		t.Fatal(err)
	}
	return registry.New(registry.Options{
		Cloud: registries, Authorities: authorities,
		Detour: func(_ context.Context, host string) (string, bool, error) {
			_, ok := ParseHost(host)
			return s.address, ok, nil
		},
	}), registries
}

// push is what build-and-push does: the preflight, then the image.
func push(t *testing.T, client *registry.Client, index v1.ImageIndex, reference string, o registry.PushOptions) (registry.Sent, error) {
	t.Helper()
	targets, err := registry.ParseTargets(reference, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Preflight(t.Context(), targets, o); err != nil {
		return registry.Sent{}, err
	}
	_, sent, err := client.PushAll(t.Context(), index, targets, o)
	if err != nil {
		return registry.Sent{}, err
	}
	return sent[0], nil
}

func newIndex(t *testing.T) (v1.ImageIndex, string) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := random.Image(256, 2)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return index, digest.String()
}

func checkLine(t *testing.T, name string, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	line := err.Error()
	for _, s := range says {
		if !strings.Contains(line, s) {
			t.Errorf("%s: %q does not say %q", name, line, s)
		}
	}
	if strings.Contains(line, "\n") {
		t.Errorf("%s: %q has several lines", name, line)
	}
	checkSecrets(t, name, line)
}

// checkSecrets fails where a text holds a secret of the fake.
func checkSecrets(t *testing.T, name, text string) {
	t.Helper()
	for _, secret := range []string{"hunter2", base64.StdEncoding.EncodeToString([]byte("AWS:ecr-token"))[:16]} {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds a secret: %s", name, text)
		}
	}
}

func TestAPushWantsNothingButCredentials(t *testing.T) {
	for name, access := range map[string]aws.Options{"a role": byRole(), "keys": byKeys()} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			immutable := registry.PushOptions{ImmutableTags: true}
			client, registries := s.client(t, access, Options{Create: true, Immutable: true, RepositoryPolicy: `{"a": 1}`, LifecyclePolicy: `{"rules": []}`})
			index, digest := newIndex(t)
			sent, err := push(t, client, index, host+"/shop/api:1.4.2", immutable)
			if err != nil || sent.Uploaded != 6 {
				t.Fatalf("sent %+v, %v", sent, err)
			}
			made, ok := s.aws.Repository(region, "shop/api")
			if !ok || !made.ScanOnPush || made.Mutability != "IMMUTABLE" || made.RepositoryPolicy != `{"a": 1}` || made.LifecyclePolicy != `{"rules": []}` {
				t.Errorf("made %+v, %v", made, ok)
			}
			if notes := registries.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "made the repository "+host+"/shop/api: scan on push, immutable tags") {
				t.Errorf("notes %q", notes)
			}
			if name == "a role" && (!slices.Contains(s.aws.Calls(), "sts AssumeRoleWithWebIdentity shop-api") || strings.Count(strings.Join(s.aws.Calls(), "\n"), "sts ") != 1) {
				t.Errorf("calls %q", s.aws.Calls())
			}

			before := len(s.registry.Writes())
			again, _ := s.client(t, access, Options{Create: true})
			if sent, err := push(t, again, index, host+"/shop/api:1.4.2", registry.PushOptions{}); err != nil || sent.Bytes != 0 {
				t.Errorf("the same image again: %+v, %v", sent, err)
			}
			if writes := s.registry.Writes()[before:]; len(writes) > 0 {
				t.Errorf("the same image again wrote %q", writes)
			}
			other, otherDigest := newIndex(t)
			_, err = push(t, again, other, host+"/shop/api:1.4.2", registry.PushOptions{})
			checkLine(t, "another image", err, digest, otherDigest, "the repository keeps it", "choose a tag that is free")
			if writes := s.registry.Writes()[before:]; len(writes) > 0 {
				t.Errorf("a refused image wrote %q", writes)
			}
		})
	}
}

func TestATagThatAFilterExcludesMoves(t *testing.T) {
	s := newScene(t)
	s.aws.Make(region, "shop/api", ecrtest.Repository{Mutability: "IMMUTABLE_WITH_EXCLUSION", Filters: []string{"latest"}})
	client, _ := s.client(t, byKeys(), Options{Create: true})
	immutable := registry.PushOptions{ImmutableTags: true}
	for range 2 {
		index, _ := newIndex(t)
		if _, err := push(t, client, index, host+"/shop/api:latest", immutable); err != nil {
			t.Error(err)
		}
	}
	first, _ := newIndex(t)
	if _, err := push(t, client, first, host+"/shop/api:1.0", registry.PushOptions{}); err != nil {
		t.Error(err)
	}
	second, _ := newIndex(t)
	_, err := push(t, client, second, host+"/shop/api:1.0", registry.PushOptions{})
	checkLine(t, "a tag that no filter names", err, "the repository keeps it")
}

// TestATokenEndsAtEveryRequest lets the registry refuse the token from each request of a push on, once.
func TestATokenEndsAtEveryRequest(t *testing.T) {
	requests := pushWithTokenUntil(t, 1)
	if requests < 30 {
		t.Errorf("a push of %d requests proves little", requests)
	}
	for at := 2; at <= requests; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			pushWithTokenUntil(t, at)
		})
	}
}

// pushWithTokenUntil gives how many requests the push made.
func pushWithTokenUntil(t *testing.T, at int) int {
	s := newScene(t)
	var seen atomic.Int64
	s.registry.Before = func(http.ResponseWriter, *http.Request) bool {
		if seen.Add(1) == int64(at) {
			s.aws.Expire()
		}
		return false
	}
	client, _ := s.client(t, byKeys(), Options{Create: true})
	index, digest := newIndex(t)
	sent, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
	if err != nil || sent.Uploaded != 6 {
		t.Fatalf("the token ends at request %d: %+v, %v", at, sent, err)
	}
	requests := int(seen.Load())
	if got, _, err := client.Resolve(t.Context(), host+"/shop/api:1"); err != nil || got.String() != digest {
		t.Errorf("the token ends at request %d: pushed %s, %v", at, got, err)
	}
	return requests
}

func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	s := newScene(t)
	now := time.Now()
	_, registries := s.client(t, byKeys(), Options{now: func() time.Time { return now }})
	asked := func() (n int) {
		if _, _, err := registries.Login(t.Context(), host, ""); err != nil {
			t.Fatal(err)
		}
		for _, call := range s.aws.Calls() {
			if strings.HasSuffix(call, "GetAuthorizationToken") {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {5 * time.Hour, 1}, {2 * time.Hour, 2}, {0, 2}} {
		now = now.Add(c.after)
		if n := asked(); n != c.asked {
			t.Errorf("%s later: asked %d times, want %d", c.after, n, c.asked)
		}
	}
	now = now.Add(3 * time.Hour)
	s.aws.Fail("GetAuthorizationToken", "ExpiredTokenException", "The security token included in the request is expired")
	if n := asked(); n != 3 { // the old token holds for two hours more
		t.Errorf("asked %d times", n)
	}
}

func TestAClockThatIsAheadDoesNotAskForEachRequest(t *testing.T) {
	s := newScene(t)
	s.aws.TokenLife = -time.Hour
	client, _ := s.client(t, byKeys(), Options{Create: true})
	index, _ := newIndex(t)
	if _, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if calls := strings.Count(strings.Join(s.aws.Calls(), "\n"), "GetAuthorizationToken"); calls != 1 {
		t.Errorf("asked for a token %d times", calls)
	}
}

func TestThrottledCallsAreTriedAgain(t *testing.T) {
	s := newScene(t)
	s.aws.Throttle(2)
	client, _ := s.client(t, byKeys(), Options{Create: true})
	index, _ := newIndex(t)
	if _, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{}); err != nil {
		t.Error(err)
	}
}

func TestPipelinesThatMeetEndWell(t *testing.T) {
	s := newScene(t)
	s.aws.Before = func(call string) {
		if call == "CreateRepository" {
			s.aws.Make(region, "shop/api", ecrtest.Repository{Mutability: "IMMUTABLE"})
		}
	}
	var conflict, passing, lost atomic.Bool
	s.registry.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/sha256:") || passing.Load() {
			return false
		}
		switch {
		case conflict.CompareAndSwap(false, true): // the other pipeline's manifest arrived first
			passing.Store(true)
			s.registry.ServeHTTP(httptest.NewRecorder(), r)
			passing.Store(false)
			ecrtest.Refuse(w, http.StatusConflict, "DENIED", "ImageAlreadyExistsException")
			return true
		case lost.CompareAndSwap(false, true): // layers went away after they were asked for
			ecrtest.Refuse(w, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "Layers with digests '[sha256:aa]' required for pushing image into repository with name 'shop/api' do not exist")
			return true
		}
		return false
	}
	client, _ := s.client(t, byKeys(), Options{Create: true})
	index, digest := newIndex(t)
	sent, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
	if err != nil || sent.Uploaded != 6 || sent.Present != 0 {
		t.Fatalf("%+v, %v", sent, err)
	}
	if got, _, err := client.Resolve(t.Context(), host+"/shop/api:1"); err != nil || got.String() != digest {
		t.Errorf("pushed %s, %v", got, err)
	}
	if !conflict.Load() || !lost.Load() {
		t.Error("they did not meet")
	}
}

func TestARefusedMountIsAnUpload(t *testing.T) {
	s := newScene(t)
	var mounts atomic.Int64
	s.registry.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("mount") != "" {
			mounts.Add(1)
		}
		// The plain registry has one store for all repositories.
		if r.Method != http.MethodHead || !strings.Contains(r.URL.Path, "/shop/copy/blobs/") {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	}
	client, _ := s.client(t, byKeys(), Options{Create: true})
	index, digest := newIndex(t)
	targets, err := registry.ParseTargets(host+"/shop/api:1,"+host+"/shop/copy:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Preflight(t.Context(), targets, registry.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	_, sent, err := client.PushAll(t.Context(), index, targets, registry.PushOptions{})
	if err != nil || sent[1].Uploaded != 6 || sent[1].Mounted != 0 || mounts.Load() != 6 {
		t.Fatalf("%+v, %d mounts asked for, %v", sent, mounts.Load(), err)
	}
	if got, _, err := client.Resolve(t.Context(), host+"/shop/copy:1"); err != nil || got.String() != digest {
		t.Errorf("pushed %s, %v", got, err)
	}
}

func TestADryRunMakesNothing(t *testing.T) {
	s := newScene(t)
	client, registries := s.client(t, byKeys(), Options{Create: true})
	index, _ := newIndex(t)
	sent, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{DryRun: true})
	if err != nil || sent.Uploaded != 6 {
		t.Errorf("%+v, %v", sent, err)
	}
	if _, ok := s.aws.Repository(region, "shop/api"); ok || len(s.registry.Writes()) > 0 {
		t.Errorf("made %v, wrote %q", ok, s.registry.Writes())
	}
	if notes := registries.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "does not exist: a push makes it") {
		t.Errorf("notes %q", notes)
	}
}

func TestARepositoryIsMadeWholeOrNotAtAll(t *testing.T) {
	s := newScene(t)
	s.aws.Fail("PutLifecyclePolicy", "InvalidParameterException", "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: array is too short'")
	client, _ := s.client(t, byKeys(), Options{Create: true, LifecyclePolicy: `{"rules": []}`})
	index, _ := newIndex(t)
	_, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
	checkLine(t, "a bad policy", err, "setting --lifecycle-policy", "array is too short")
	if _, ok := s.aws.Repository(region, "shop/api"); ok {
		t.Error("a repository without its policy is left")
	}
	s.aws.Fail("DeleteRepository", "AccessDeniedException", "no")
	_, err = push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
	checkLine(t, "and no way back", err, "could not be deleted again", "set the policy there")
}

func TestEachRegionHasItsOwnToken(t *testing.T) {
	s := newScene(t)
	_, registries := s.client(t, byKeys(), Options{})
	var passwords []string
	for _, h := range []string{host, strings.Replace(host, region, "us-east-1", 1), strings.Replace(host, ecrtest.Account, "210987654321", 1)} {
		_, password, err := registries.Login(t.Context(), h, "")
		if err != nil {
			t.Fatal(err)
		}
		passwords = append(passwords, password)
	}
	if passwords[0] == passwords[1] || passwords[0] != passwords[2] {
		t.Errorf("passwords %q", passwords)
	}
	if calls := s.aws.Calls(); len(calls) != 2 || calls[0] != region+" GetAuthorizationToken" || calls[1] != "us-east-1 GetAuthorizationToken" {
		t.Errorf("calls %q", calls)
	}
}

// TestATokenIsExchangedAtTheBeginning: nothing is asked of ECR before a build, but the OIDC token would not outlive one.
func TestATokenIsExchangedAtTheBeginning(t *testing.T) {
	s := newScene(t)
	_, registries := s.client(t, byRole(), Options{})
	for _, h := range []string{"ghcr.io", host, host} {
		if err := registries.Begin(t.Context(), h); err != nil {
			t.Error(err)
		}
	}
	if calls := s.aws.Calls(); len(calls) != 1 || calls[0] != "sts AssumeRoleWithWebIdentity shop-api" {
		t.Errorf("calls %q", calls)
	}
	_, wrong := s.client(t, aws.Options{Credentials: ecrtest.Credentials() + "AWS_REGION=us-east-1"}, Options{})
	checkLine(t, "another region", wrong.Begin(t.Context(), host), "AWS_REGION is us-east-1")
	_, none := s.client(t, aws.Options{}, Options{})
	if err := none.Begin(t.Context(), host); err != nil {
		t.Error(err)
	}
}

func TestThePublicRegistry(t *testing.T) {
	s := newScene(t)
	client, _ := s.client(t, byKeys(), Options{Create: true})
	targets, err := registry.ParseTargets("public.ecr.aws/shop/api:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	// The data side is not of this fake: what comes after the repository is made is of no account.
	client.Preflight(t.Context(), targets, registry.PushOptions{}) //nolint:errcheck // see above
	if _, ok := s.aws.Repository("us-east-1", "api"); !ok {
		t.Errorf("no repository was made: %q", s.aws.Calls())
	}
	foreign, err := registry.ParseTargets("public.ecr.aws/other/web:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	checkLine(t, "another's alias", client.Preflight(t.Context(), foreign, registry.PushOptions{}), "other is no alias of the account", "shop")
}

func TestBadInput(t *testing.T) {
	foreign := strings.Replace(host, ecrtest.Account, "999999999999", 1)
	for name, c := range map[string]struct {
		access    aws.Options
		options   Options
		reference string
		call      string
		fault     [2]string
		says      []string
	}{
		"no credentials": {reference: host + "/shop/api:1", says: []string{"logging in to " + host, "tried --aws-role-arn with --aws-web-identity-token, --aws-credentials, --username with --password, --docker-config", "'cmd://aws configure export-credentials --format env-no-export'"}},
		"an unknown account": {access: byKeys(), options: Options{Create: true}, reference: foreign + "/shop/api:1",
			says: []string{"checking the repository " + foreign + "/shop/api", "account " + ecrtest.Account, "account 999999999999", "check the host"}},
		"another region": {access: aws.Options{Credentials: ecrtest.Credentials() + "AWS_REGION=us-east-1"}, reference: host + "/shop/api:1",
			says: []string{"AWS_REGION is us-east-1", host + " is in eu-west-1", "leave AWS_REGION out"}},
		"expired keys": {access: byKeys(), reference: host + "/shop/api:1", call: "DescribeRepositories", fault: [2]string{"ExpiredTokenException", "The security token included in the request is expired"},
			says: []string{"checking the repository", "the credentials have expired", "aws sso login", "export-credentials"}},
		"unknown keys": {access: aws.Options{Credentials: strings.Replace(ecrtest.Credentials(), "AKIA", "AKIB", 1)}, reference: host + "/shop/api:1",
			says: []string{"UnrecognizedClientException", "AWS does not know these keys in this region"}},
		"no right to look": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "DescribeRepositories", fault: [2]string{"AccessDeniedException", ""},
			says: []string{"allow ecr:DescribeRepositories", "--create-repository=false"}},
		"no right to make": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "CreateRepository",
			fault: [2]string{"AccessDeniedException", "User: arn:aws:sts::" + ecrtest.Account + ":assumed-role/ci/x is not authorized to perform: ecr:CreateRepository on resource: x because no identity-based policy allows the ecr:CreateRepository action"},
			says:  []string{"creating the repository " + host + "/shop/api", "allow ecr:CreateRepository", "--create-repository=false"}},
		"no right to a token": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "GetAuthorizationToken", fault: [2]string{"AccessDeniedException", ""},
			says: []string{"getting the token of " + host, "allow ecr:GetAuthorizationToken"}},
		"too many repositories": {access: byKeys(), options: Options{Create: true}, reference: host + "/shop/api:1", call: "CreateRepository", fault: [2]string{"LimitExceededException", "The repository limit is reached"},
			says: []string{"creating the repository", "raise the quota"}},
		"a repository that is not there": {access: byKeys(), reference: host + "/shop/api:1",
			says: []string{"it does not exist", "unless --create-repository=false", "aws ecr create-repository --region eu-west-1 --repository-name shop/api"}},
		"a role that does not trust": {access: aws.Options{RoleARN: strings.Replace(ecrtest.Role, "role/ci", "role/other", 1), WebIdentityToken: ecrtest.WebToken}, reference: host + "/shop/api:1",
			says: []string{"assuming the role arn:aws:iam::" + ecrtest.Account + ":role/other", "trust policy", "sts:AssumeRoleWithWebIdentity"}},
		"a token of nobody": {access: aws.Options{RoleARN: ecrtest.Role, WebIdentityToken: "hunter2"}, reference: host + "/shop/api:1",
			says: []string{"assuming the role " + ecrtest.Role, "InvalidIdentityToken", "IAM OIDC provider"}},
		"a token that is over": {access: byRole(), reference: host + "/shop/api:1", call: "AssumeRoleWithWebIdentity", fault: [2]string{"ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"},
			says: []string{"assuming the role", "ask the provider for it in the same job"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if c.call != "" {
				s.aws.Fail(c.call, c.fault[0], c.fault[1])
			}
			client, _ := s.client(t, c.access, c.options)
			index, _ := newIndex(t)
			_, err := push(t, client, index, c.reference, registry.PushOptions{})
			checkLine(t, name, err, c.says...)
			if writes := s.registry.Writes(); len(writes) > 0 {
				t.Errorf("it wrote %q", writes)
			}
		})
	}
	for _, o := range []Options{{RepositoryPolicy: "hunter"}, {LifecyclePolicy: `["hunter"]`}} {
		_, err := New(o)
		checkLine(t, "a policy that is none", err, "-policy: it is not a policy's JSON")
	}
}

// TestADeniedRequestNamesItsAction: a refusal that another token does not mend is one of rights.
func TestADeniedRequestNamesItsAction(t *testing.T) {
	for method, action := range map[string]string{http.MethodPost: "ecr:InitiateLayerUpload", http.MethodPatch: "ecr:UploadLayerPart", http.MethodPut: "ecr:CompleteLayerUpload"} {
		s := newScene(t)
		s.registry.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			ecrtest.Refuse(w, http.StatusForbidden, "DENIED", fmt.Sprintf("User: x is not authorized to perform: %s", action))
			return true
		}
		client, _ := s.client(t, byKeys(), Options{Create: true})
		index, _ := newIndex(t)
		_, err := push(t, client, index, host+"/shop/api:1", registry.PushOptions{})
		checkLine(t, method, err, "403", "allow "+action)
		if calls := strings.Count(strings.Join(s.aws.Calls(), "\n"), "GetAuthorizationToken"); calls > 20 {
			t.Errorf("%s: asked for a token %d times", method, calls)
		}
	}
}
