//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// unpacked is the file system of one platform of a pushed image.
type unpacked struct {
	platform platform.Platform
	root     string
	config   v1.Config
}

// pull fetches one platform by the index's digest, as a machine of that platform would, and unpacks it.
func pull(t *testing.T, reference, of string) unpacked {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("unpacking an image with its owners needs root: run scripts/test as root")
	}
	p, err := platform.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(reference)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	u := unpacked{platform: p, root: t.TempDir(), config: config.Config}
	content := mutate.Extract(img)
	defer content.Close()
	tar := exec.Command("tar", "-x", "--same-owner", "--numeric-owner", "-C", u.root)
	tar.Stdin = content
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("unpacking %s for %s: %v\n%s", reference, of, err, out)
	}
	return u
}

// checkMachines fails for every native file of the app that another architecture made, and when there is none.
func (u unpacked) checkMachines(t *testing.T, wantNative bool) {
	t.Helper()
	native := 0
	err := filepath.WalkDir(filepath.Join(u.root, "app"), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := elf.Open(file)
		if err != nil {
			return nil // not an ELF file
		}
		defer f.Close()
		native++
		if f.Machine != u.platform.Machine() {
			t.Errorf("%s is for %s in the image for %s", strings.TrimPrefix(file, u.root), f.Machine, u.platform)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if wantNative && native == 0 {
		t.Errorf("the image for %s has no native file in /app", u.platform)
	}
}

// command runs the image as it will run: its user, folder and environment, its entry point and arguments, under qemu-user where
// the platform is not this machine's.
func (u unpacked) command(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	command := slices.Concat(u.config.Entrypoint, u.config.Cmd)
	if !strings.HasPrefix(command[0], "/") {
		command = append([]string{u.lookPath(t, command[0])}, command[1:]...)
	}
	emulator := u.emulator(t)
	if len(emulator) > 0 {
		// Heavier apps crash in emulated code without these.
		env = append(env, "DOTNET_EnableWriteXorExecute=0", "DOTNET_TieredCompilation=0", "DOTNET_gcServer=0", "DOTNET_PROCESSOR_COUNT=1")
	}
	command = append(emulator, command...)
	user := strings.Replace(cmp.Or(u.config.User, "0"), "root", "0", 1)
	const script = `mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && shift && exec unshare "$@"`
	args := []string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", u.root,
		"--root", u.root, "--wd", u.config.WorkingDir, "--setgid", user, "--setuid", user}
	cmd := exec.Command("unshare", append(args, command...)...)
	cmd.Env = append(append(append([]string{}, u.config.Env...), "HOME=/tmp"), env...)
	return cmd
}

// run gives the one line of JSON that a console app prints.
func (u unpacked) run(t *testing.T) map[string]any {
	t.Helper()
	cmd := u.command(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("the app for %s: %v\n%s%s", u.platform, err, stdout.String(), stderr.String())
	}
	var answer map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		t.Fatalf("the app for %s: %v in %s", u.platform, err, stdout.String())
	}
	return answer
}

// start gives the address that a web app listens on, once it answers.
func (u unpacked) start(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := u.command(t, "ASPNETCORE_HTTP_PORTS="+port, "ASPNETCORE_URLS=http://127.0.0.1:"+port)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended error
	exited := make(chan struct{})
	go func() { ended = cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
	})
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		select {
		case <-exited:
			t.Fatalf("the app for %s ended: %v\n%s", u.platform, ended, log.String())
		default:
		}
		if r, err := http.Get("http://" + address + "/healthz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return address
			}
		}
	}
	t.Fatalf("the app for %s does not answer on /healthz\n%s", u.platform, log.String())
	return ""
}

// emulator is empty on the platform of this machine.
func (u unpacked) emulator(t *testing.T) []string {
	t.Helper()
	if u.platform.Architecture == "amd64" {
		return nil
	}
	qemu, err := exec.LookPath(map[string]string{"arm64": "qemu-aarch64-static", "arm": "qemu-arm-static"}[u.platform.Architecture])
	if err != nil {
		t.Skipf("running the image for %s needs qemu-user: apt-get install -y qemu-user-static", u.platform)
	}
	program, err := os.ReadFile(qemu)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(u.root, "qemu"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"/qemu"}
}

func (u unpacked) lookPath(t *testing.T, program string) string {
	t.Helper()
	for dir := range strings.SplitSeq(u.env("PATH"), ":") {
		if _, err := os.Lstat(filepath.Join(u.root, dir, program)); err == nil {
			return filepath.Join(dir, program)
		}
	}
	t.Fatalf("the image for %s has no %s in its PATH", u.platform, program)
	return ""
}

// env is a variable of the image; "" when it is not set.
func (u unpacked) env(name string) string {
	for _, e := range u.config.Env {
		if value, found := strings.CutPrefix(e, name+"="); found {
			return value
		}
	}
	return ""
}

// get asks the running app and gives its answer as JSON.
func get(t *testing.T, url string) map[string]any {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(fmt.Errorf("%s: %w in %s", url, err, body))
	}
	return answer
}
