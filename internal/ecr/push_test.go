package ecr

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/aws"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/ecr/ecrtest"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/registry"
)

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
