//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// export calls image with arguments of the constructor and its own, and gives the file.
func export(t *testing.T, constructor []string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.tar")
	if r := dagger(t, append(append(append([]string{"call", "--output", file}, constructor...), "image"), args...)...); r.code != 0 {
		t.Fatalf("image %q: code %d\n%s", args, r.code, tail(r.stderr))
	}
	return file
}

// inside gives a small file of an archive.
func inside(t *testing.T, archive, name string) []byte {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s in %s: %v", name, archive, err)
		}
		if h.Name != name {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
}

func sum(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("sha256:%x", hash.Sum(nil))
}

// others is a Debian program that shares no code with the module; it is installed when it is missing.
func others(t *testing.T, program, debian string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		t.Skipf("needs %s, and can install it only as root on Debian and its kin: apt-get install -y %s", program, debian)
	}
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", debian}} {
		cmd := exec.Command("apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("needs %s, and apt-get %s fails: %v\n%s", program, strings.Join(args, " "), err, tail(string(out)))
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("package %s has no %s", debian, program)
	}
	return path
}

// must runs a program and gives what it prints on standard output.
func must(t *testing.T, program string, args ...string) string {
	t.Helper()
	r := run(t, nil, program, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: code %d\n%s%s", program, strings.Join(args, " "), r.code, r.stdout, tail(r.stderr))
	}
	return r.stdout
}

// podman keeps its images in a folder that goes with the test.
func podman(t *testing.T) func(args ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run scripts/test as root")
	}
	program := others(t, "podman", "podman")
	store, err := os.MkdirTemp("", "podman") // it refuses a long path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("umount", "-l", filepath.Join(store, "root", "overlay")).Run()
		_ = os.RemoveAll(store)
	})
	return func(args ...string) string {
		t.Helper()
		return must(t, program, append([]string{"--root", filepath.Join(store, "root"), "--runroot", filepath.Join(store, "run"), "--storage-driver", "overlay"}, args...)...)
	}
}

// config is the digest of a platform's config, which is what Docker and Podman call the image.
func config(t *testing.T, reference, architecture string) string {
	t.Helper()
	ref, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: architecture}))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return digest.Hex
}

var zstdFlag = []string{"--compression", "zstd"}

func TestTheArchiveIsWhatIsPushed(t *testing.T) {
	t.Parallel()
	p, _ := push(t, nil, []string{"--image", repository(t)})
	file := export(t, nil)
	var top v1.IndexManifest
	if err := json.Unmarshal(inside(t, file, "index.json"), &top); err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Digest.String() != p.Digest {
		t.Errorf("the archive holds %v, pushed is %s", top.Manifests, p.Digest)
	}
	if again := export(t, nil); sum(t, again) != sum(t, file) {
		t.Error("the same image, another file")
	}
	zstd, _ := push(t, zstdFlag, []string{"--image", repository(t)})
	if err := json.Unmarshal(inside(t, export(t, zstdFlag, "--name", "team/other:2"), "index.json"), &top); err != nil {
		t.Fatal(err)
	}
	if got := top.Manifests[0]; got.Digest.String() != zstd.Digest || zstd.Digest == p.Digest || got.Annotations["io.containerd.image.name"] != "docker.io/team/other:2" {
		t.Errorf("zstd: the archive holds %v, pushed is %s", got, zstd.Digest)
	}
}

func TestOthersReadTheArchive(t *testing.T) {
	p, _ := push(t, nil, []string{"--image", repository(t)})
	oci := export(t, nil)

	t.Run("skopeo", func(t *testing.T) {
		skopeo := others(t, "skopeo", "skopeo")
		if got := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(must(t, skopeo, "inspect", "--raw", "oci-archive:"+oci)))); got != p.Digest {
			t.Errorf("skopeo sees %s, pushed is %s", got, p.Digest)
		}
		to := "docker://" + repository(t) + ":copied"
		must(t, skopeo, "copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false", "oci-archive:"+oci, to)
		if got := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(must(t, skopeo, "inspect", "--raw", "--tls-verify=false", to)))); got != p.Digest {
			t.Errorf("a copy by skopeo has %s, pushed is %s", got, p.Digest)
		}
	})
	t.Run("podman", func(t *testing.T) {
		podman := podman(t)
		for file, want := range map[string]struct{ name, config string }{
			oci: {"docker.io/library/sampleapp.api:latest", config(t, p.Reference, "amd64")},
			export(t, nil, "--format", "docker", "--platform", "linux/arm64", "--name", "team/app:arm"): {"localhost/team/app:arm", config(t, p.Reference, "arm64")},
			export(t, zstdFlag, "--format", "docker"):                                                   {"localhost/sampleapp.api:latest", ""},
		} {
			if said := podman("load", "--input", file); !strings.Contains(said, "Loaded image: "+want.name) {
				t.Errorf("podman says %s, want %s", said, want.name)
			}
			id := strings.TrimSpace(podman("image", "inspect", "--format", "{{.Id}}", want.name))
			if want.config != "" && id != want.config {
				t.Errorf("podman has %s as %s, want %s", want.name, id, want.config)
			}
		}
	})
	t.Run("containerd", func(t *testing.T) {
		ctr := containerd(t)
		ctr("images", "import", "--all-platforms", "--no-unpack", oci)
		if listed := ctr("images", "ls"); !strings.Contains(listed, "docker.io/library/sampleapp.api:latest") || !strings.Contains(listed, p.Digest) || !strings.Contains(listed, "linux/amd64,linux/arm64") {
			t.Errorf("containerd lists\n%s", listed)
		}
		if checked := ctr("images", "check"); !strings.Contains(checked, "complete") {
			t.Errorf("containerd checks\n%s", checked)
		}
	})
}

// containerd starts one of its own and gives its client.
func containerd(t *testing.T) func(args ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run scripts/test as root")
	}
	daemon := others(t, "containerd", "containerd")
	dir, err := os.MkdirTemp("", "ctd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket, settings := filepath.Join(dir, "s"), filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n", dir+"/root", dir+"/state", socket)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(daemon, "--config", settings)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) })
	for deadline := time.Now().Add(time.Minute); exec.Command("ctr", "--address", socket, "version").Run() != nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("containerd does not answer\n%s", tail(log.String()))
		}
	}
	return func(args ...string) string {
		t.Helper()
		return must(t, "ctr", append([]string{"--address", socket}, args...)...)
	}
}

func TestOthersReadWhatIsPushed(t *testing.T) {
	p, _ := push(t, nil, []string{"--image", repository(t)})
	ref, err := name.NewDigest(p.Reference)
	if err != nil {
		t.Fatal(err)
	}

	// What `crane validate --remote` does.
	t.Run("go-containerregistry", func(t *testing.T) {
		index, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
	})
	t.Run("skopeo", func(t *testing.T) {
		raw := must(t, others(t, "skopeo", "skopeo"), "inspect", "--raw", "--tls-verify=false", "docker://"+p.Reference)
		if got := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(raw))); got != p.Digest {
			t.Errorf("skopeo sees %s, pushed is %s", got, p.Digest)
		}
	})
	t.Run("podman", func(t *testing.T) {
		podman := podman(t)
		if id := strings.TrimSpace(podman("pull", "--quiet", "--tls-verify=false", p.Reference)); id != config(t, p.Reference, "amd64") {
			t.Errorf("podman pulled %s", id)
		}
		// Its own user, entry point and working folder. Limits are named where a sandbox forbids to raise them.
		container := strings.TrimSpace(podman("create", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", p.Reference))
		defer podman("rm", "--force", "--time", "1", container)
		podman("start", container)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
			if strings.Contains(podman("logs", container), "Application started") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the app does not start:\n%s", podman("logs", container))
			}
		}
	})
}

func TestZstdImagesRun(t *testing.T) {
	p, _ := push(t, zstdFlag, []string{"--image", repository(t)})
	ref, err := name.NewDigest(p.Reference)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if top := manifest.Layers[len(manifest.Layers)-1]; top.MediaType != types.OCILayerZStd {
		t.Errorf("the app's layer is %s", top.MediaType)
	}
	u := pull(t, p.Reference, "linux/amd64")
	if answer := get(t, "http://"+u.start(t)+"/"); answer["architecture"] != "X64" {
		t.Errorf("the app says %v", answer)
	}
	podman := podman(t)
	if id := strings.TrimSpace(podman("pull", "--quiet", "--tls-verify=false", p.Reference)); id != config(t, p.Reference, "amd64") {
		t.Errorf("podman pulled %s", id)
	}
}

func TestWhatImageRefuses(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`format "tar" does not exist: use one of oci, docker`:                                               {"--format", "tar"},
		`reading image name "Team/App": want NAME[:TAG]`:                                                    {"--name", "Team/App"},
		"--platform linux/arm64: an OCI archive holds every platform":                                       {"--platform", "linux/arm64"},
		"taking the image of linux/arm/v7: built are linux/amd64, linux/arm64: give --platform one of them": {"--format", "docker", "--platform", "linux/arm/v7"},
	} {
		r := dagger(t, append([]string{"--silent", "call", "--output", filepath.Join(t.TempDir(), "x.tar"), "image"}, args...)...)
		if r.code == 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: code %d, want %q in\n%s", args, r.code, want, tail(r.stderr))
		}
	}
	r := dagger(t, "--silent", "call", "--compression", "xz", "image")
	if want := `compression "xz" does not exist: use one of gzip, zstd`; r.code == 0 || !strings.Contains(r.stderr, want) {
		t.Errorf("code %d, want %q in\n%s", r.code, want, tail(r.stderr))
	}
}
