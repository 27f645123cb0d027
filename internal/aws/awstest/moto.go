// Package awstest starts moto, which holds this project's own fakes against a model of AWS that somebody else made.
package awstest

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Moto starts a stand-in for AWS, with variables NAME=VALUE added to its environment, and gives its address. The test is skipped
// where it is not installed. stop ends it.
func Moto(t testing.TB, env ...string) (address string, stop func()) {
	t.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("moto_server is not installed: pip install 'moto[server]==5.2.1'")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = free.Addr().String()
	free.Close() // moto takes no listener, only a port
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(program, "-H", "127.0.0.1", "-p", port)
	server.Env = append(os.Environ(), env...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		server.Wait() //nolint:errcheck // the kill is how it ends
		close(ended)
	}()
	stop = func() {
		server.Process.Kill() //nolint:errcheck // it may have ended
		<-ended
	}
	late := time.After(time.Minute)
	for {
		if response, err := http.Get("http://" + address + "/moto-api/data.json"); err == nil {
			response.Body.Close()
			return address, stop
		}
		select {
		case <-ended:
			t.Fatal("moto_server ended before it answered")
		case <-late:
			stop()
			t.Fatal("moto_server does not answer")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
