package aws

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// reach lets a configuration's requests go where the caller says.
func (a *Access) reach(ctx context.Context, c *sdk.Config) error {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	dial := dialer.DialContext
	base := a.options.EndpointURL
	if a.options.Endpoint != nil {
		address, err := a.at(ctx)
		if err != nil {
			return err
		}
		dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		}
		if base == "" && a.settings.EndpointURL == "" {
			base = "http://" + address
		}
	}
	c.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = dial
		if a.options.Endpoint != nil {
			t.Proxy = nil // a proxy would be asked for the wrong address
		}
		if a.options.Authorities != nil {
			t.TLSClientConfig.RootCAs = a.options.Authorities
		}
	})
	if base != "" {
		c.BaseEndpoint = sdk.String(base)
	}
	c.ConfigSources = []any{sources{a.settings, base != ""}}
	return nil
}

// at asks once where the caller's own endpoint is.
func (a *Access) at(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.endpoint == "" {
		address, err := a.options.Endpoint(ctx)
		if err != nil {
			return "", err
		}
		a.endpoint = address
	}
	return a.endpoint, nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// sources answer what the SDK asks of a configuration file, from the variables in the caller's credentials.
type sources struct {
	settings settings
	// decided is true where the caller has said an endpoint for all services.
	decided bool
}

// GetServiceBaseEndpoint gives AWS_ENDPOINT_URL_ECR and its kin, else AWS_ENDPOINT_URL,
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (s sources) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	if s.decided {
		return "", false, nil
	}
	if own := s.settings.services[strings.ToUpper(strings.ReplaceAll(id, " ", "_"))]; own != "" {
		return own, true, nil
	}
	return s.settings.EndpointURL, s.settings.EndpointURL != "", nil
}

func (s sources) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	return s.settings.IgnoreEndpoints, s.settings.IgnoreEndpoints, nil
}

func (s sources) GetUseFIPSEndpoint(context.Context) (sdk.FIPSEndpointState, bool, error) {
	if s.settings.FIPS {
		return sdk.FIPSEndpointStateEnabled, true, nil
	}
	return sdk.FIPSEndpointStateUnset, false, nil
}

func (s sources) GetUseDualStackEndpoint(context.Context) (sdk.DualStackEndpointState, bool, error) {
	if s.settings.DualStack {
		return sdk.DualStackEndpointStateEnabled, true, nil
	}
	return sdk.DualStackEndpointStateUnset, false, nil
}
