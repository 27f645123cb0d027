package registry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// fakeCloud has the hosts of .cloud, with a login of the moment.
type fakeCloud struct {
	credentials bool
	mu          sync.Mutex
	password    string
	next        []string
	prepared    []string
}

func (c *fakeCloud) Serves(host string) (bool, bool) {
	its := host == "a.cloud"
	return its, its && c.credentials
}

func (c *fakeCloud) Login(_ context.Context, _, refused string) (string, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.credentials {
		return "", "", errors.New("logging in to a.cloud: no credentials: give some")
	}
	if refused == c.password && len(c.next) > 0 {
		c.password, c.next = c.next[0], c.next[1:]
	}
	return user, c.password, nil
}

func (c *fakeCloud) Prepare(_ context.Context, host, repository string, _ bool) (func(string) (bool, bool), error) {
	c.prepared = append(c.prepared, host+"/"+repository)
	return nil, nil
}

func (c *fakeCloud) Cure(int, *http.Request) string { return "ask the cloud" }
func (c *fakeCloud) Notes() []string                { return []string{"made"} }
func (c *fakeCloud) Unused() string                 { return "unused" }

func TestACloudLogsInToItsOwnRegistriesAlone(t *testing.T) {
	own, other := newGuard(false), newGuard(false)
	a, pemA := secured(t, own, lastYear, 2, "a.cloud")
	b, pemB := secured(t, other, lastYear, 2, "b.example")
	w := hosts{"a.cloud": a, "b.example": b}
	ca := authorities(t, pemA, pemB)
	stale := `{"auths": {"a.cloud": {"auth": "` + basic("AWS", "stale") + `"}, "b.example": {"auth": "` + basic("x", "y") + `"}}}`

	cloud := &fakeCloud{credentials: true, password: "over", next: []string{secret}}
	client := w.client(Options{Cloud: cloud, Authorities: ca, Logins: logins(t, stale)})
	if _, _, err := client.Push(t.Context(), index(t), target(t, "a.cloud/team/app:1")); err != nil {
		t.Error(err)
	}
	if err := client.Preflight(t.Context(), []Target{target(t, "a.cloud/team/app:1"), target(t, "a.cloud/team/app:2")}, PushOptions{}); err != nil {
		t.Error(err)
	}
	if len(cloud.prepared) != 1 || cloud.prepared[0] != "a.cloud/team/app" {
		t.Errorf("prepared %q", cloud.prepared)
	}
	if _, err := client.Bases(t.Context(), "a.cloud/team/app:1", "x", platform.Default()); err != nil {
		t.Error(err)
	}
	checkLine(t, "another host", client.Check(t.Context(), target(t, "b.example/app")), "401", "--docker-config")
	if other.wasShown("Basic "+basic(user, secret)) || other.wasShown("Basic "+basic(user, "over")) {
		t.Error("another registry was shown the cloud's login")
	}
	if own.wasShown("Basic " + basic("AWS", "stale")) {
		t.Error("the config's login was shown although there is the cloud's")
	}
	if host, name, password, ok, err := client.Login(t.Context(), "a.cloud/dotnet/sdk:10.0"); host != "a.cloud" || name != user || password != secret || !ok || err != nil {
		t.Errorf("the engine pulls with %s, %s, %v, %v", host, name, ok, err)
	}
	if host, name, _, ok, _ := client.Login(t.Context(), "b.example/dotnet/sdk:10.0"); host != "b.example" || name != "x" || !ok {
		t.Errorf("the engine pulls with %s, %s, %v", host, name, ok)
	}

	wrong := &fakeCloud{credentials: true, password: "wrong", next: []string{"wrong too"}}
	err := w.client(Options{Cloud: wrong, Authorities: ca}).Check(t.Context(), target(t, "a.cloud/app"))
	checkLine(t, "a login that is not taken", err, "401", "ask the cloud")

	none := &fakeCloud{}
	checkLine(t, "no credentials", w.client(Options{Cloud: none, Authorities: ca}).Check(t.Context(), target(t, "a.cloud/app")), "no credentials: give some")
	for name, o := range map[string]Options{
		"given":  {Host: "a.cloud", Username: user, Password: secret},
		"config": {Logins: logins(t, `{"auths": {"a.cloud": {"auth": "`+basic(user, secret)+`"}}}`)},
	} {
		o.Cloud, o.Authorities = none, ca
		if err := w.client(o).Check(t.Context(), target(t, "a.cloud/app")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(none.prepared) > 0 {
		t.Errorf("prepared without credentials: %q", none.prepared)
	}
}

func TestADetourTakesTheConnectionAndNothingElse(t *testing.T) {
	g := newGuard(false)
	server, certificate := secured(t, g, lastYear, 2, "a.cloud")
	o := Options{Host: "a.cloud", Username: user, Password: secret, Authorities: authorities(t, certificate)}
	o.Detour = func(_ context.Context, host string) (string, bool, error) {
		return server.Listener.Addr().String(), host == "a.cloud", nil
	}
	client := New(o)
	if err := client.Check(t.Context(), target(t, "a.cloud/app")); err != nil {
		t.Error(err)
	}
	o.Detour = func(context.Context, string) (string, bool, error) {
		return "", false, errors.New("no such service: start it")
	}
	checkLine(t, "no service", New(o).Check(t.Context(), target(t, "a.cloud/app")), "no such service: start it")
}

func TestWhatACloudDidIsToldAlsoWhereThePushFails(t *testing.T) {
	with, without := New(Options{Cloud: &fakeCloud{}}), New(Options{})
	if notes := with.Notes(); !slices.Equal(notes, []string{"made", "unused"}) || without.Notes() != nil {
		t.Errorf("%q, %q", notes, without.Notes())
	}
	cause := errors.New("pushing a.cloud/app: 500")
	for _, c := range []struct {
		client *Client
		err    error
		want   string
	}{
		{with, cause, "pushing a.cloud/app: 500; note: made"},
		{with, errors.New("building failed:\nerror CS1002"), "building failed:\nerror CS1002\nnote: made"},
		{without, cause, "pushing a.cloud/app: 500"},
	} {
		if got := c.client.Noted(c.err); got.Error() != c.want || !errors.Is(got, c.err) {
			t.Errorf("%q", got)
		}
	}
	if err := with.Noted(nil); err != nil {
		t.Error(err)
	}
}
