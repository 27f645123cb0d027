package bases

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func TestOnlyARegistryAnswersAsOne(t *testing.T) {
	cases := map[string]struct {
		status int
		header string
		want   bool
	}{
		"open registry":       {http.StatusOK, "registry/2.0", true},
		"wants a token":       {http.StatusUnauthorized, "registry/2.0", true},
		"captive portal":      {http.StatusOK, "", false},
		"proxy refuses":       {http.StatusForbidden, "", false},
		"registry is ailing":  {http.StatusServiceUnavailable, "registry/2.0", false},
		"login of some proxy": {http.StatusUnauthorized, "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Docker-Distribution-Api-Version", c.header)
				}
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			if got := answersAsRegistry(context.Background(), server.URL+"/v2/"); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
	server := httptest.NewServer(registry.New())
	defer server.Close()
	if !answersAsRegistry(context.Background(), server.URL+"/v2/") {
		t.Error("a real registry is not taken for one")
	}
}

func TestSilenceIsNotWaitedFor(t *testing.T) {
	quiet := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-quiet }))
	defer server.Close()
	defer close(quiet)
	began := time.Now()
	if answersAsRegistry(context.Background(), server.URL) {
		t.Error("silence is taken for a registry")
	}
	if took := time.Since(began); took >= 3*time.Second {
		t.Errorf("it took %s", took)
	}
}
