//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestTheMainJob is the README: one command with no flag, and an image that runs on both architectures.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	r := dagger(t, "call", "build-and-push")
	if r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	reference, _, _ := strings.Cut(r.stdout, "\n")
	for _, says := range []string{"linux/amd64  sha256:", "linux/arm64  sha256:", "tags         latest", "base         mcr.microsoft.com/dotnet/aspnet:", "seconds      preflight", "docker pull " + reference} {
		if !strings.Contains(r.stdout, says) {
			t.Errorf("the output does not say %q:\n%s", says, r.stdout)
		}
	}
	if !strings.HasPrefix(reference, host(t)+"/sample-app@sha256:") {
		t.Fatalf("the first line is %q", reference)
	}
	digest, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	for of, architecture := range map[string]string{"linux/amd64": "X64", "linux/arm64": "Arm64"} {
		t.Run(architecture, func(t *testing.T) {
			u := pull(t, reference, of)
			// The SDK for machines that reach npm alone publishes without apphost: all is IL then.
			_, err := os.Stat(filepath.Join(u.root, "app", "SampleApp.Api"))
			u.checkMachines(t, err == nil)
			// Images of .NET 8 and later name a user that is not root; older ones have none.
			if uid := u.env("APP_UID"); u.config.User != uid {
				t.Errorf("the image runs as %q, not as its base's APP_UID %q", u.config.User, uid)
			}
			answer := get(t, "http://"+u.start(t)+"/")
			if answer["architecture"] != architecture {
				t.Errorf("the app says %v", answer)
			}
		})
	}
}

func TestAnEditSendsOneSmallLayerAndRestoresNothing(t *testing.T) {
	t.Parallel()
	source, to := sample(t, "edited"), repository(t)
	before, _ := push(t, []string{"--source", source}, []string{"--image", to})
	edit(t, filepath.Join(source, "src", "SampleApp.Api", "Program.cs"), "namespace", "// "+time.Now().String()+"\nnamespace")
	edit(t, filepath.Join(source, "src", "SampleApp.Api", "appsettings.json"), "{", `{"Edited": "`+time.Now().String()+`",`)
	after, r := push(t, []string{"--source", source}, []string{"--image", to})
	if r.restored() {
		t.Error("an edit of code restored again")
	}
	if !r.published() {
		t.Error("the edit was not published: the comparison proves nothing")
	}
	if before.Digest == after.Digest {
		t.Error("an edit does not change the image")
	}
	// One app layer, shared by the platforms, and a config for each.
	if after.Blobs.Sent != 3 || after.Blobs.Mounted != 0 || after.BytesSent > 100_000 {
		t.Errorf("an edit sent %d blobs, %d bytes", after.Blobs.Sent, after.BytesSent)
	}
	again, r := push(t, []string{"--source", source}, []string{"--image", to})
	if again.BytesSent != 0 || again.Digest != after.Digest || r.published() {
		t.Errorf("no change, and yet %d bytes were sent, digest %s, published %v", again.BytesSent, again.Digest, r.published())
	}
	edit(t, filepath.Join(source, "tests", "SampleApp.Tests", "ApiTests.cs"), "namespace", "// edited\nnamespace")
	if tested, r := push(t, []string{"--source", source}, []string{"--image", to}); tested.Digest != after.Digest || r.published() {
		t.Errorf("an edit of a test: digest %s, published %v", tested.Digest, r.published())
	}
}

func TestSeveralTagsAndMarkdown(t *testing.T) {
	t.Parallel()
	to := repository(t)
	r := dagger(t, "call", "build-and-push", "--image", to+":one", "--tag", "two", "--tag", "three", "--format", "markdown")
	if r.code != 0 || !strings.Contains(r.stdout, "| linux/arm64 | `sha256:") {
		t.Errorf("code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
	for _, tag := range []string{"one", "two", "three"} {
		if !tagged(t, to+":"+tag) {
			t.Errorf("tag %s is not there", tag)
		}
	}
	if tagged(t, to+":latest") {
		t.Error("latest was written though tags were given")
	}
}

func TestBuildGivesAFolderForEachPlatform(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	if r := dagger(t, "call", "--platforms", "linux/arm64", "build", "export", "--path", out); r.code != 0 {
		t.Fatalf("code %d\n%s", r.code, tail(r.stderr))
	}
	if _, err := os.Stat(filepath.Join(out, "linux", "arm64", "SampleApp.Api.dll")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(out, "linux", "amd64")); err == nil {
		t.Error("a platform that was not asked for is there")
	}
}

// A dry run says what the push then does, and leaves no trace.
func TestSeveralDestinationsAfterADryRun(t *testing.T) {
	t.Parallel()
	one, two := repository(t), repository(t)+"-copy"
	to := one + ":a," + two
	planned, _ := push(t, nil, []string{"--image", to, "--tag", "b", "--dry-run"})
	if tagged(t, one+":a") || tagged(t, two+":b") {
		t.Error("a dry run tagged")
	}
	sent, _ := push(t, nil, []string{"--image", to, "--tag", "b"})
	if planned.Digest != sent.Digest || planned.BytesSent == 0 {
		t.Errorf("planned %+v, sent %+v", planned, sent)
	}
	for _, reference := range []string{one + ":a", one + ":b", two + ":b"} {
		ref, err := name.ParseReference(reference)
		if err != nil {
			t.Fatal(err)
		}
		index, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}
		if digest, err := index.Digest(); err != nil || digest.String() != sent.Digest {
			t.Errorf("%s is %s, %v", reference, digest, err)
		}
		if err := validate.Index(index, validate.Fast); err != nil {
			t.Error(err)
		}
	}
	again, _ := push(t, nil, []string{"--image", to, "--tag", "b", "--immutable-tags"})
	if again.BytesSent != 0 || again.Digest != sent.Digest {
		t.Errorf("the same image under immutable tags: %+v", again)
	}
	r := dagger(t, "call", "--platforms", "linux/arm64", "build-and-push", "--image", to, "--immutable-tags")
	if r.code == 0 || !strings.Contains(r.stderr, sent.Digest) || !strings.Contains(r.stderr, "choose a tag that is free") {
		t.Errorf("another image under immutable tags: code %d\n%s", r.code, tail(r.stderr))
	}
}
