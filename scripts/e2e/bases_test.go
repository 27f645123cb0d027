//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// mirror is a base registry of a test's own, whose tags it moves.
type mirror struct {
	t *testing.T
	// registry is what --base-registry takes.
	registry string
	// sdk and base are the images' canonical names.
	sdk, base string
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	r := dagger(t, "call", "describe")
	var d struct{ SDKImage, BaseImage string }
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || r.code != 0 {
		t.Fatalf("describe: code %d, %v\n%s%s", r.code, err, r.stdout, tail(r.stderr))
	}
	_, sdkTag, _ := strings.Cut(d.SDKImage, "dotnet/sdk:")
	return &mirror{t: t, registry: repository(t), sdk: "mcr.microsoft.com/dotnet/sdk:" + sdkTag, base: d.BaseImage}
}

// at is where an image lies in the mirror.
func (m *mirror) at(canonical string) string {
	return strings.Replace(canonical, "mcr.microsoft.com", m.registry, 1)
}

// constructor has the arguments that take the bases from the mirror.
func (m *mirror) constructor(source string) []string {
	return []string{"--source", source, "--base-registry", m.registry, "--sdk-image", m.at(m.sdk)}
}

// move gives both images a new version: the real ones with a variable more, and the base with a small layer.
func (m *mirror) move(version string) {
	m.t.Helper()
	from := local(m.t, "BASE_REGISTRY")
	if from == "" {
		from = "mcr.microsoft.com"
	}
	for _, canonical := range []string{m.sdk, m.base} {
		real, err := name.ParseReference(strings.Replace(canonical, "mcr.microsoft.com", from, 1))
		if err != nil {
			m.t.Fatal(err)
		}
		index, err := remote.Index(real)
		if err != nil {
			m.t.Fatal(err)
		}
		to, err := name.ParseReference(m.at(canonical))
		if err != nil {
			m.t.Fatal(err)
		}
		if err := remote.WriteIndex(to, m.versioned(index, version, canonical == m.base), remote.WithContext(m.t.Context())); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *mirror) versioned(index v1.ImageIndex, version string, layered bool) v1.ImageIndex {
	m.t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		m.t.Fatal(err)
	}
	changed := v1.ImageIndex(empty.Index)
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			m.t.Fatal(err)
		}
		if layered {
			// The least tar there is: two empty blocks and what makes it another one.
			layer := static.NewLayer([]byte(strings.Repeat("\x00", 1024)+version), types.OCIUncompressedLayer)
			if img, err = mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: types.OCIUncompressedLayer, History: v1.History{CreatedBy: "version " + version}}); err != nil {
				m.t.Fatal(err)
			}
		}
		config, err := img.ConfigFile()
		if err != nil {
			m.t.Fatal(err)
		}
		config = config.DeepCopy()
		config.Config.Env = append(config.Config.Env, "BASE_VERSION="+version)
		if img, err = mutate.ConfigFile(img, config); err != nil {
			m.t.Fatal(err)
		}
		changed = mutate.AppendManifests(changed, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: d.Platform}})
	}
	return changed
}

// digest is what an image's tag means in the mirror now.
func (m *mirror) digest(canonical string) string {
	m.t.Helper()
	ref, err := name.ParseReference(m.at(canonical))
	if err != nil {
		m.t.Fatal(err)
	}
	descriptor, err := remote.Head(ref)
	if err != nil {
		m.t.Fatal(err)
	}
	return descriptor.Digest.String()
}

func (m *mirror) call(source string, args ...string) result {
	m.t.Helper()
	return dagger(m.t, append(append([]string{"--progress=plain", "call"}, m.constructor(source)...), args...)...)
}

// lock writes the lock into the source.
func (m *mirror) lock(source string) string {
	m.t.Helper()
	file := filepath.Join(source, "dagger.lock")
	if r := m.call(source, "lock", "-o", file); r.code != 0 {
		m.t.Fatalf("lock: code %d\n%s", r.code, tail(r.stderr))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// TestALockedBuildStaysUntilItIsMoved follows an app through a base's update: locked it stays, the check tells, and the rebase
// gives what a build on the new base gives.
func TestALockedBuildStaysUntilItIsMoved(t *testing.T) {
	t.Parallel()
	m, source, to := newMirror(t), sample(t, "locked"), repository(t)+"/app"
	m.move("1")
	sdk, base := m.digest(m.sdk), m.digest(m.base)
	entry := `["","git.ref",["https://github.com/dagger/go-sdk","HEAD"],{"sha":"9b6c556101f8fdace897aa3ed1ff9e3efb344e34"}]`
	if err := os.WriteFile(filepath.Join(source, "dagger.lock"), []byte(`[["version","2"]]`+"\n"+entry), 0o644); err != nil {
		t.Fatal(err)
	}
	text := m.lock(source)
	for _, line := range []string{
		`["","container.from",["` + m.base + `","linux/amd64"],"` + base + `"]`, `["","container.from",["` + m.base + `","linux/arm64"],"` + base + `"]`,
		`["","container.from",["` + m.sdk + `","linux/amd64"],"` + sdk + `"]`, entry,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the lock lacks %s:\n%s", line, text)
		}
	}
	first, _ := push(t, m.constructor(source), []string{"--image", to})
	if first.BaseDigest != base || first.SDK != m.sdk+"@"+sdk {
		t.Errorf("built on %s in %s", first.BaseDigest, first.SDK)
	}
	if r := m.call(source, "lock", "--check"); r.code != 0 || !strings.Contains(r.stdout, m.base+"@"+base+" is locked and the newest") {
		t.Errorf("nothing moved, and the check says: code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}

	m.move("2")
	locked, _ := push(t, m.constructor(source), []string{"--image", to})
	if locked.Digest != first.Digest || locked.SDK != first.SDK || locked.BaseDigest != base {
		t.Errorf("the tags moved, and the locked build with them: %+v, was %+v", locked, first)
	}
	r := m.call(source, "lock", "--check")
	for canonical, was := range map[string]string{m.base: base, m.sdk: sdk} {
		if line := canonical + ": locked " + was + ", newest " + m.digest(canonical) + ": renew it at the root of the source with `dagger call lock -o dagger.lock`"; r.code == 0 || !strings.Contains(r.stderr, line) {
			t.Errorf("the check does not fail with %q: code %d\n%s", line, r.code, tail(r.stderr))
		}
	}
	if r := m.call(source, "describe"); !strings.Contains(r.stdout, `"baseDigest": "`+base+`"`) || !strings.Contains(r.stdout, `"sdkDigest": "`+sdk+`"`) {
		t.Errorf("describe does not show what is locked:\n%s", r.stdout)
	}

	m.lock(source)
	renewed, _ := push(t, m.constructor(source), []string{"--image", to + ":fresh"})
	if renewed.Digest == first.Digest || renewed.BaseDigest != m.digest(m.base) || renewed.SDK != m.sdk+"@"+m.digest(m.sdk) {
		t.Errorf("the lock was renewed, and the build is on %s in %s", renewed.BaseDigest, renewed.SDK)
	}
	var moved publication
	if r := m.call(source, "rebase", "--image", to, "--format", "json"); r.code != 0 {
		t.Fatalf("rebase: code %d\n%s", r.code, tail(r.stderr))
	} else if err := json.Unmarshal([]byte(r.stdout), &moved); err != nil {
		t.Fatal(err)
	}
	if moved.Digest != renewed.Digest || moved.RebasedFrom != to+"@"+first.Digest || moved.Base != m.base || moved.BaseDigest != renewed.BaseDigest {
		t.Errorf("rebased: %+v, a build on the new base has %s", moved, renewed.Digest)
	}
	if r := m.call(source, "rebase", "--image", to); r.code != 0 || !strings.Contains(r.stdout, "nothing was written") {
		t.Errorf("rebased twice: code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
	}
}

// TestALockedDigestThatIsGone: one line each, which says how to renew the lock.
func TestALockedDigestThatIsGone(t *testing.T) {
	t.Parallel()
	m, to := newMirror(t), repository(t)+"/app"
	m.move("1")
	for _, canonical := range []string{m.base, m.sdk} {
		source := sample(t, "gone")
		text := strings.ReplaceAll(m.lock(source), m.digest(canonical), "sha256:"+strings.Repeat("0", 64))
		if err := os.WriteFile(filepath.Join(source, "dagger.lock"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		r := m.call(source, "build-and-push", "--image", to)
		said := ""
		for line := range strings.SplitSeq(r.stderr, "\n") {
			if strings.Contains(line, "renew it at the root of the source with `dagger call lock -o dagger.lock`") && strings.Contains(line, strings.Repeat("0", 64)) {
				said = line
			}
		}
		if r.code == 0 || said == "" {
			t.Errorf("%s: code %d\n%s", canonical, r.code, tail(r.stderr))
		}
		t.Log(said)
		if again := m.lock(source); strings.Contains(again, strings.Repeat("0", 64)) {
			t.Errorf("the cure does not help:\n%s", again)
		}
	}
}
