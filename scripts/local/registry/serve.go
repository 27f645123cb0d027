// Package registry is a real registry (CNCF distribution) on the loopback
// interface, with its data in the cache: what is pushed to it stays until the
// cache is cleaned.
package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	// The storage driver registers itself under the name "filesystem".
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
)

// Headers of the answer to /v2/: which cache the registry keeps its data in, and
// who to ask to stop.
const (
	headerCache = "Dotnet-Multiarch-Cache"
	headerPID   = "Dotnet-Multiarch-Pid"
)

// Serve answers on listener until ctx ends. id is the cache's.
func Serve(ctx context.Context, listener net.Listener, dir, id string) error {
	config, err := config(dir)
	if err != nil {
		return err
	}
	logrus.SetLevel(logrus.WarnLevel)
	app := handlers.NewApp(ctx, config)
	server := &http.Server{Handler: named(app, id), ReadHeaderTimeout: time.Minute}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // clients keep connections open that they may never use
		}
		stopped <- err
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the registry: %w", err)
	}
	return errors.Join(<-stopped, app.Shutdown())
}

func config(dir string) (*configuration.Configuration, error) {
	// It signs the state of uploads under way; these end with the process.
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": dir},
			"delete":     {"enabled": true},
		},
		Catalog: configuration.Catalog{MaxEntries: 1000},
	}
	config.HTTP.Secret = string(secret)
	return config, nil
}

func named(next http.Handler, id string) http.Handler {
	pid := strconv.Itoa(os.Getpid())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			w.Header().Set(headerCache, id)
			w.Header().Set(headerPID, pid)
		}
		next.ServeHTTP(w, r)
	})
}
