package ecr

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

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
