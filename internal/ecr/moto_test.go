package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws/awstest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

func TestAgainstMoto(t *testing.T) {
	policy, err := os.ReadFile("../../docs/ecr/lifecycle-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t)
	api, stop := awstest.Moto(t)
	t.Cleanup(stop)
	s.api = api
	// Moto's token is no registry's, and the same each time.
	guard := httptest.NewUnstartedServer(nil)
	plain := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	var mu sync.Mutex
	var let []string
	guard.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != ecrtest.Account+"-auth-token" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x",service="ecr.amazonaws.com"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		let = append(let, r.Method)
		mu.Unlock()
		plain.ServeHTTP(w, r)
	})
	certificate, pem, err := ecrtest.Certificate(host)
	if err != nil {
		t.Fatal(err)
	}
	guard.TLS = tlsOf(certificate)
	guard.StartTLS()
	t.Cleanup(guard.Close)
	s.pem, s.address = pem, guard.Listener.Addr().String()

	for name, access := range map[string]aws.Options{"role": byRole(), "keys": byKeys()} {
		client, registries := s.client(t, access, Options{Create: true, Immutable: true, LifecyclePolicy: string(policy)})
		index, _ := newIndex(t)
		repository := "shop/" + name
		if _, err := push(t, client, index, host+"/"+repository+":1", registry.PushOptions{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if notes := registries.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "immutable tags") {
			t.Errorf("%s: notes %q", name, notes)
		}
		again, registries := s.client(t, access, Options{Create: true})
		let = nil
		if sent, err := push(t, again, index, host+"/"+repository+":1", registry.PushOptions{}); err != nil || sent.Bytes != 0 || len(registries.Notes()) > 0 {
			t.Errorf("%s again: %+v, %q, %v", name, sent, registries.Notes(), err)
		}
		if slices.ContainsFunc(let, func(method string) bool { return method != http.MethodGet && method != http.MethodHead }) {
			t.Errorf("%s again: requests %q", name, let)
		}
		client, _ = s.client(t, access, Options{Create: true, LifecyclePolicy: `{"rules": [{}]}`})
		_, err := push(t, client, index, host+"/"+repository+"-policy:1", registry.PushOptions{})
		checkLine(t, name+": a bad policy", err, "setting --lifecycle-policy", "InvalidParameterException")
		client, _ = s.client(t, access, Options{})
		_, err = push(t, client, index, host+"/"+repository+"-policy:1", registry.PushOptions{})
		checkLine(t, name+": what got no policy is not left", err, "it does not exist")
	}
}

// TestTheExamplePolicySparesWhatHasNoTag: the children of a live index have none, and neither has an index that runs by digest
// once its tag has moved on.
func TestTheExamplePolicySparesWhatHasNoTag(t *testing.T) {
	text, err := os.ReadFile("../../docs/ecr/lifecycle-policy.json")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Rules []struct {
			Selection struct {
				TagStatus      string
				TagPatternList []string
			}
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil || len(policy.Rules) == 0 {
		t.Fatalf("%+v, %v", policy, err)
	}
	for _, rule := range policy.Rules {
		if rule.Selection.TagStatus != "tagged" || len(rule.Selection.TagPatternList) == 0 || slices.Contains(rule.Selection.TagPatternList, "*") {
			t.Errorf("rule %+v", rule)
		}
	}
}

func TestTheCallersEndpointIsAskedForOnce(t *testing.T) {
	s := newScene(t)
	asked := 0
	access, err := aws.New(aws.Options{Credentials: ecrtest.Credentials(), EndpointURL: "http://api.ecr.internal", Endpoint: func(context.Context) (string, error) {
		asked++
		return s.api, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	registries, err := New(Options{Access: access})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{host, strings.Replace(host, region, "us-east-1", 1)} {
		if _, _, err := registries.Login(t.Context(), h, ""); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	failing, err := aws.New(aws.Options{Credentials: ecrtest.Credentials(), Endpoint: func(context.Context) (string, error) {
		return "", errors.New("reaching what is given with --aws-endpoint: no such service")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if registries, err = New(Options{Access: failing}); err != nil {
		t.Fatal(err)
	}
	_, _, err = registries.Login(t.Context(), host, "")
	checkLine(t, "no service", err, "--aws-endpoint", "no such service")

	// Dagger's tunnel takes a connection before it knows whether anybody is at its other end.
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	go func() {
		for {
			connection, err := dead.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
	}()
	s.api = dead.Addr().String()
	_, nobody := s.client(t, byRole(), Options{})
	_, _, err = nobody.Login(t.Context(), host, "")
	checkLine(t, "nobody there", err, "assuming the role "+ecrtest.Role+": nothing answers at the endpoint", "--aws-endpoint-url")
}
