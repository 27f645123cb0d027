package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/ci/internal/dagger"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/comparison"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/load"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

// CompareArchitectures sends the same load to one app that runs on arm64 and on amd64, on machines of these architectures, and
// gives requests a second, latencies, errors and the cost of a million requests. An emulated run says nothing about either.
//
// +cache="never"
func (m *DotnetMultiarch) CompareArchitectures(
	ctx context.Context,

	// URL of the app on arm64, asked by GET.
	arm string,

	// URL of the app on amd64.
	amd string,

	// Takes the connections to the URL's host, for an app that only your machine reaches, such as tcp://127.0.0.1:8081.
	//
	// +optional
	armEndpoint *dagger.Service,

	// The same for the app on amd64.
	//
	// +optional
	amdEndpoint *dagger.Service,

	// Price of an hour of what runs the app on arm64, in any currency, such as 0.03238; both prices or none.
	//
	// +optional
	armPrice float64,

	// Price of an hour of what runs the app on amd64.
	//
	// +optional
	amdPrice float64,

	// Requests a second, up to 5000.
	//
	// +optional
	// +default=100
	rate int,

	// How long a round is.
	//
	// +optional
	// +default="10s"
	duration string,

	// Rounds at each, in turn, of which the medians are given.
	//
	// +optional
	// +default=5
	rounds int,

	// Load before the first round, which is not counted.
	//
	// +optional
	// +default="5s"
	warmUp string,

	// How long a request may take.
	//
	// +optional
	// +default="10s"
	requestTimeout string,

	// What to print: text, json, markdown or svg.
	//
	// +optional
	// +default="text"
	format string,
) (string, error) {
	if err := comparison.CheckFormat(format); err != nil {
		return "", err
	}
	if armPrice < 0 || amdPrice < 0 || (armPrice > 0) != (amdPrice > 0) {
		return "", errors.New("reading the prices: give --arm-price and --amd-price, the price of an hour of each, or neither")
	}
	plan, err := loadPlan(rate, rounds, duration, warmUp, requestTimeout)
	if err != nil {
		return "", err
	}
	transport, err := m.transport(ctx)
	if err != nil {
		return "", err
	}
	targets := [2]load.Target{{Name: "arm", URL: arm, Transport: transport}, {Name: "amd", URL: amd, Transport: transport}}
	for i, service := range []*dagger.Service{armEndpoint, amdEndpoint} {
		if err := m.reach(ctx, &targets[i], service); err != nil {
			return "", err
		}
	}
	if targets[0].URL == targets[1].URL && targets[0].Address == targets[1].Address {
		return "", fmt.Errorf("reading --arm and --amd: both are %s, which would be compared with itself: give the address of the app on each architecture", arm)
	}
	measured, err := load.Compare(ctx, targets, plan)
	if err != nil {
		return "", err
	}
	return comparison.Format(comparison.NewArchitectures(plan, measured[0], measured[1], armPrice, amdPrice), format)
}

func loadPlan(rate, rounds int, duration, warmUp, timeout string) (load.Plan, error) {
	plan := load.Plan{Rate: rate, Rounds: rounds}
	for _, one := range []struct {
		flag, text string
		to         *time.Duration
	}{{"duration", duration, &plan.Duration}, {"warm-up", warmUp, &plan.WarmUp}, {"request-timeout", timeout, &plan.Timeout}} {
		var err error
		if *one.to, err = time.ParseDuration(one.text); err != nil {
			return plan, fmt.Errorf("reading --%s %q: want a time such as 10s or 1m30s", one.flag, one.text)
		}
	}
	return plan, plan.Validate()
}

// reach says how the target's host is connected to.
func (m *DotnetMultiarch) reach(ctx context.Context, t *load.Target, service *dagger.Service) error {
	if err := t.Validate(); err != nil {
		return err
	}
	if service != nil {
		doing := "reaching the app given with --" + t.Name + "-endpoint"
		if _, err := service.Start(ctx); err != nil { // one from .env is not started by itself
			return fmt.Errorf("%s: %w", doing, oneLine(err))
		}
		address, err := service.Endpoint(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, oneLine(err))
		}
		t.Address = address
		return nil
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return err
	}
	if registry.IsLoopback(u.Host) {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return fmt.Errorf("reading --%s %s: the module runs in a container, to which your machine's loopback is closed: give --%s-endpoint tcp://127.0.0.1:%s too", t.Name, t.URL, t.Name, port)
	}
	return nil
}

// transport trusts what the caller says that is trusted.
func (m *DotnetMultiarch) transport(ctx context.Context) (*http.Transport, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: m.Insecure} //nolint:gosec // the caller's --insecure
	if m.CaCertificate == nil {
		return transport, nil
	}
	pem, err := m.CaCertificate.Contents(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading --ca-certificate: %w", oneLine(err))
	}
	authorities, err := registry.ParseAuthorities([]byte(pem))
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig.RootCAs = authorities.Pool()
	return transport, nil
}
