package registry

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// withAttestation is an index as BuildKit makes it: two platforms and, for one, an attestation without a platform. It is
// Docker-typed and has an annotation, which a copy may not touch.
func withAttestation(t *testing.T) v1.ImageIndex {
	t.Helper()
	idx := indexOf(t, "linux/amd64", "linux/arm64")
	idx = mutate.AppendManifests(idx, mutate.IndexAddendum{
		Add: of(t, "unknown", "unknown"),
		Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
		},
	})
	return mutate.IndexMediaType(mutate.Annotations(idx, map[string]string{"a": "b"}).(v1.ImageIndex), types.DockerManifestList)
}

func promotion(t *testing.T, from, to string, tags ...string) Promotion {
	t.Helper()
	p, err := ParsePromotion(from, to, tags)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func raw(t *testing.T, reference string) []byte {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	d, err := remote.Get(ref)
	if err != nil {
		t.Fatal(err)
	}
	return d.Manifest
}

func TestACopyIsTheSameToTheLastByte(t *testing.T) {
	const foreign = "production.example.com"
	nested := mutate.AppendManifests(withAttestation(t), mutate.IndexAddendum{Add: indexOf(t, "linux/s390x")})
	for _, c := range []struct {
		name      string
		what      remote.Taggable
		manifests int
		platforms string
	}{
		{"an index", withAttestation(t), 3, "linux/amd64 linux/arm64"},
		{"an index in an index", nested, 5, "linux/amd64 linux/arm64 linux/s390x"},
		{"one image", of(t, "linux", "arm64"), 1, "linux/arm64"},
	} {
		for _, to := range []string{"same registry", foreign} {
			t.Run(c.name+" to "+to, func(t *testing.T) {
				s := serve(t)
				from := base(t, s, "1", c.what)
				g := newGuard(true)
				server, certificate := secured(t, g, lastYear, 2, foreign)
				client := hosts{foreign: server}.client(Options{
					Loopback: served(s.host, 0), Authorities: authorities(t, certificate), Host: foreign, Username: user, Password: secret,
				})
				if to == "same registry" {
					to = s.host
				}
				promoted, err := client.Copy(context.Background(), promotion(t, from, to+"/team/app:1.0", "stable"))
				if err != nil {
					t.Fatal(err)
				}
				original := raw(t, from)
				copied, err := client.get(context.Background(), "reading", target(t, to+"/team/app").Repository.Tag("stable"), client.remoteOptions(context.Background())...)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(copied.Manifest, original) || copied.Digest != promoted.Digest {
					t.Errorf("copied %s\noriginal %s", copied.Manifest, original)
				}
				if copied.MediaType.IsIndex() {
					index, err := copied.ImageIndex()
					if err != nil {
						t.Fatal(err)
					}
					if err := validate.Index(index); err != nil {
						t.Error(err)
					}
				} else if img, err := copied.Image(); err != nil || validate.Image(img) != nil {
					t.Errorf("the copied image is not whole: %v", err)
				}
				var platforms []string
				for _, content := range promoted.Contents {
					platforms = append(platforms, content.Platform)
					if content.Size < 64 {
						t.Errorf("%s weighs %d bytes", content.Platform, content.Size)
					}
				}
				if got := strings.Join(platforms, " "); promoted.Manifests != c.manifests || got != c.platforms {
					t.Errorf("%d manifests, platforms %s; want %d, %s", promoted.Manifests, got, c.manifests, c.platforms)
				}
				if to == foreign && (promoted.Sent.Uploaded == 0 || promoted.Sent.Bytes == 0) {
					t.Errorf("sent %+v", promoted.Sent)
				}
				again, err := client.Copy(context.Background(), promotion(t, from, to+"/team/app:1.0", "stable"))
				if err != nil || again.Sent.Bytes != 0 || again.Digest != promoted.Digest {
					t.Errorf("a second copy: %+v, %v", again, err)
				}
			})
		}
	}
}

func TestACopyWithinARegistryAsksForMounts(t *testing.T) {
	s := serve(t)
	from := base(t, s, "1", withAttestation(t))
	// The in-process registry keeps one store for all repositories; a real one does not.
	s.refusing(func(r *http.Request) int {
		if r.Method == http.MethodHead && strings.HasPrefix(r.URL.Path, "/v2/team/app/blobs/") {
			return http.StatusNotFound
		}
		return 0
	})
	if _, err := s.client().Copy(context.Background(), promotion(t, from, s.host+"/team/app")); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, r := range s.requests("POST") {
		if strings.HasSuffix(r, " from base") {
			asked++
		}
	}
	if asked < 3 { // a layer of each image, configs where the registry is asked for them too
		t.Errorf("of 3 layers %d were asked to be mounted: %q", asked, s.requests("POST"))
	}
}

func TestACopyWritesItsTagsLastAndNoneWhenItFails(t *testing.T) {
	s := serve(t)
	from := base(t, s, "1", withAttestation(t))
	if _, err := s.client().Copy(context.Background(), promotion(t, from, s.host+"/team/app:1.0", "stable")); err != nil {
		t.Fatal(err)
	}
	puts := s.requests("PUT")
	if got := strings.Join(puts[len(puts)-2:], " "); got != "PUT /v2/team/app/manifests/1.0 PUT /v2/team/app/manifests/stable" {
		t.Errorf("the last writes are %s", got)
	}
	other := base(t, s, "2", withAttestation(t))
	before := raw(t, s.host+"/team/app:1.0")
	for position := range 8 {
		n := 0
		s.refusing(func(r *http.Request) int {
			if r.Method != http.MethodPut && r.Method != http.MethodPatch && r.Method != http.MethodPost {
				return 0
			}
			if n++; n > position {
				return http.StatusForbidden
			}
			return 0
		})
		_, err := s.client().Copy(context.Background(), promotion(t, other, s.host+"/team/app:1.0"))
		s.refusing(nil)
		if err == nil { // what the failed ones wrote stays there
			break
		}
		checkLine(t, fmt.Sprint(position), err, "403 Forbidden", "team/app")
		if !bytes.Equal(raw(t, s.host+"/team/app:1.0"), before) {
			t.Errorf("refused from write %d on, and yet the tag moved", position)
		}
	}
}

func TestWhatCannotBeCopied(t *testing.T) {
	s := serve(t)
	digest := "sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		name, from, to string
		tags           []string
		says           []string
	}{
		{"no source", "", s.host + "/b", nil, []string{"--from"}},
		{"no target", s.host + "/a", " ", nil, []string{"--to"}},
		{"a malformed source", "ghcr.io/A", s.host + "/b", nil, []string{`"ghcr.io/A"`, "lower case"}},
		{"a malformed target", s.host + "/a", "https://ghcr.io/b", nil, []string{"leave out the scheme"}},
		{"a bad tag", s.host + "/a", s.host + "/b", []string{"-"}, []string{`tag "-"`}},
		{"a target by digest", s.host + "/a", s.host + "/b@" + digest, nil, []string{"leave out the digest"}},
		{"a digest that is not there", s.host + "/a@" + digest, s.host + "/b", nil, []string{"reading " + s.host + "/a@sha256:", "does not hold that digest"}},
		{"a host that is not known", "registry.invalid/a", s.host + "/b", nil, []string{"reading registry.invalid/a", "the host registry.invalid is not known"}},
	} {
		p, err := ParsePromotion(c.from, c.to, c.tags)
		if err == nil {
			_, err = hosts{}.client(Options{Loopback: served(s.host, 0)}).Copy(context.Background(), p)
		}
		checkLine(t, c.name, err, c.says...)
	}
	if written := s.requests("PUT"); len(written) > 0 {
		t.Errorf("something was written: %q", written)
	}
	from := base(t, s, "half", withAttestation(t))
	gone := ""
	s.refusing(func(r *http.Request) int {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v2/base/manifests/sha256:") {
			gone = r.URL.Path[len("/v2/base/manifests/"):]
			return http.StatusNotFound
		}
		return 0
	})
	_, err := s.client().Copy(context.Background(), promotion(t, from, s.host+"/team/app"))
	checkLine(t, "an index whose manifests are gone", err, s.host+"/base lacks a part of it, "+gone, "cannot be copied whole")
}

func TestTagsOfACopy(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		from, to string
		tags     []string
		want     string
	}{
		{"a.example/x:1.2", "b.example/y", nil, "1.2"},
		{"a.example/x:1.2", "b.example/y:3", nil, "3"},
		{"a.example/x:1.2", "b.example/y", []string{"4", "5"}, "4 5"},
		{"a.example/x:1.2", "b.example/y:3", []string{"4"}, "3 4"},
		{"a.example/x" + digest, "b.example/y", nil, "latest"},
		{"a.example/x:1.2" + digest, "b.example/y", nil, "latest"},
		{"a.example/x", "b.example/y", nil, "latest"},
	} {
		if got := strings.Join(promotion(t, c.from, c.to, c.tags...).To.Tags, " "); got != c.want {
			t.Errorf("%s to %s %q: %s, want %s", c.from, c.to, c.tags, got, c.want)
		}
	}
}

func TestTaggingNeedsADigestThatIsThere(t *testing.T) {
	s := serve(t)
	from := base(t, s, "1", withAttestation(t))
	ref, err := name.ParseReference(from)
	if err != nil {
		t.Fatal(err)
	}
	head, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	tagging, err := ParseTagging(s.host+"/base:1@"+head.Digest.String(), []string{"a", "b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	s.refusing(nil)
	promoted, err := s.client().Tag(context.Background(), tagging)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.requests("PUT"), " "); got != "PUT /v2/base/manifests/a PUT /v2/base/manifests/b" || promoted.Digest != head.Digest || promoted.Manifests != 3 {
		t.Errorf("%s, %+v", got, promoted)
	}
	for _, tag := range []string{"a", "b"} {
		if !bytes.Equal(raw(t, s.host+"/base:"+tag), raw(t, from)) {
			t.Errorf("tag %s means something else", tag)
		}
	}
	s.refusing(nil)
	if again, err := s.client().Tag(context.Background(), tagging); err != nil || again.Sent.Bytes != 0 || len(s.requests("PUT")) > 0 {
		t.Errorf("tags that are there were written again: %+v, %v", again, err)
	}

	absent := "sha256:" + strings.Repeat("a", 64)
	for _, c := range []struct {
		name, image string
		tags        []string
		says        []string
	}{
		{"no image", "", []string{"a"}, []string{"--image"}},
		{"no digest", s.host + "/base:1", []string{"a"}, []string{"give the digest", "@sha256:"}},
		{"no tag", s.host + "/base@" + absent, nil, []string{"--tag"}},
		{"a bad tag", s.host + "/base@" + absent, []string{"a/b"}, []string{`tag "a/b"`}},
		{"a digest that is not there", s.host + "/base@" + absent, []string{"c"}, []string{"tagging " + s.host + "/base@sha256:", "it is not there", "copy"}},
		{"a repository that is not there", s.host + "/nowhere@" + head.Digest.String(), []string{"c"}, []string{"it is not there"}},
	} {
		tagging, err := ParseTagging(c.image, c.tags)
		if err == nil {
			_, err = s.client().Tag(context.Background(), tagging)
		}
		checkLine(t, c.name, err, c.says...)
	}
}
