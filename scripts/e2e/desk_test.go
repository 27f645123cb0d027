//go:build e2e

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheImageAndItsBuildEnvironmentAtTheDesk takes what a person looks at when a job fails.
func TestTheImageAndItsBuildEnvironmentAtTheDesk(t *testing.T) {
	t.Parallel()
	t.Run("container", func(t *testing.T) {
		for field, want := range map[string]string{"user": "1654", "entrypoint": "dotnet\n/app/SampleApp.Api.dll"} {
			if r := dagger(t, "--progress=plain", "call", "container", field); strings.TrimSpace(r.stdout) != want {
				t.Errorf("%s is %q, want %q\n%s", field, r.stdout, want, tail(r.stderr))
			}
		}
		r := dagger(t, "--progress=plain", "call", "container", "--platform", "linux/arm64", "platform")
		if strings.TrimSpace(r.stdout) != "linux/arm64" {
			t.Errorf("platform %q\n%s", r.stdout, tail(r.stderr))
		}
		r = dagger(t, "--progress=plain", "call", "container", "--platform", "linux/s390x", "user")
		if r.code == 0 || !strings.Contains(r.stderr, "built are linux/amd64, linux/arm64") {
			t.Errorf("code %d\n%s", r.code, tail(r.stderr))
		}
	})
	t.Run("sdk", func(t *testing.T) {
		// What was restored is enough to build, and the libraries of the solution are all there.
		r := dagger(t, "--progress=plain", "call", "sdk", "with-exec", "--args", "dotnet,build,src/SampleApp.Api,--no-restore", "stdout")
		if r.code != 0 || !strings.Contains(r.stdout, "SampleApp.Api.dll") {
			t.Errorf("code %d\n%s%s", r.code, r.stdout, tail(r.stderr))
		}
	})
	t.Run("serve", func(t *testing.T) {
		address := freePort(t)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		cmd := exec.CommandContext(ctx, filepath.Join(root(t), "scripts", "dagger"), "--progress=plain", "call", "serve", "up", "--ports", port+":8080")
		cmd.Dir = root(t)
		cmd.Stderr, cmd.Stdout = io.Discard, io.Discard
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			cancel()
			_ = cmd.Wait() // interrupted
		}()
		for ctx.Err() == nil {
			response, err := http.Get("http://" + address + "/healthz")
			if err != nil {
				time.Sleep(time.Second)
				continue
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK || string(body) != "Healthy" {
				t.Errorf("%s: %q, %v", response.Status, body, err)
			}
			return
		}
		t.Error("nothing answered")
	})
}
