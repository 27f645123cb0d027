package bases

import (
	"context"
	"net/http"
	"time"
)

var microsoftChoice = Choice{Source: "mcr.microsoft.com"}

// microsoftPatience is for name resolution, connection, TLS and answer
// together: a firewall that drops packets shall not cost a build more.
const microsoftPatience = 2500 * time.Millisecond

func microsoftAnswers(ctx context.Context) bool {
	return answersAsRegistry(ctx, "https://mcr.microsoft.com/v2/")
}

// answersAsRegistry tells a registry from a proxy's error page and from a
// captive portal by the header that the distribution protocol's version check
// has always carried; 401 is how one says that it wants a token.
func answersAsRegistry(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, microsoftPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return (response.StatusCode == http.StatusOK || response.StatusCode == http.StatusUnauthorized) &&
		response.Header.Get("Docker-Distribution-Api-Version") == "registry/2.0"
}
