package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sparse is a layer of zeros in a file that takes no space.
type sparse struct {
	file   string
	size   int64
	digest v1.Hash
}

func newSparse(t *testing.T, size int64) sparse {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	s := sparse{file: file, size: size}
	rc, err := s.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	h := sha256.New()
	if _, err := io.Copy(h, rc); err != nil {
		t.Fatal(err)
	}
	s.digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	return s
}

func (s sparse) Digest() (v1.Hash, error)             { return s.digest, nil }
func (s sparse) DiffID() (v1.Hash, error)             { return s.digest, nil }
func (s sparse) Size() (int64, error)                 { return s.size, nil }
func (s sparse) MediaType() (types.MediaType, error)  { return types.OCILayer, nil }
func (s sparse) Compressed() (io.ReadCloser, error)   { return os.Open(s.file) }
func (s sparse) Uncompressed() (io.ReadCloser, error) { return os.Open(s.file) }

// The bytes of an app go from file or registry to registry, never through memory as a whole.
func TestAPushHoldsNoBlobInMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a push of 500 MB takes a second or two; without -short it is measured")
	}
	const size, limit = 250_000_000, 256 << 20
	w := newWorld(t)
	mine, base := newSparse(t, size), newSparse(t, size+1)
	var sent, read atomic.Int64
	from := w.host("base.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return
		}
		file, err := os.Open(base.file)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		rw.Header().Set("Content-Length", fmt.Sprint(base.size))
		n, _ := io.Copy(rw, file)
		read.Add(n)
	}))
	s := newStore(false)
	to := w.host("memory.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch kindOf(r) {
		case "send blob":
			// go-containerregistry's registry would hold it in memory.
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Error(err)
			}
			sent.Add(n)
			rw.Header().Set("Location", r.URL.Path)
			rw.WriteHeader(http.StatusAccepted)
		case "commit blob":
			rw.WriteHeader(http.StatusCreated)
		default:
			s.ServeHTTP(rw, r)
		}
	}))
	client := w.pusher(t)
	at, err := name.NewDigest(from + "/base@" + base.digest.String())
	if err != nil {
		t.Fatal(err)
	}
	streamed := &remote.MountableLayer{Reference: at, Layer: elsewhere{base, func() (io.ReadCloser, error) {
		l, err := remote.Layer(at, client.remoteOptions(context.Background())...)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}}}
	image, err := mutate.AppendLayers(empty.Image, streamed, mine)
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image})

	if _, _, err := client.Push(context.Background(), index, target(t, to+"/team/app")); err != nil {
		t.Fatal(err)
	}
	if sent.Load() < 2*size || read.Load() != size+1 {
		t.Fatalf("%d bytes were sent and %d read: the test proves nothing", sent.Load(), read.Load())
	}
	// Of what the runtime ever took from the system it gives no address space back: Sys is a peak.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	if stats.Sys > limit {
		t.Errorf("the push took %d MB of memory, want below %d", stats.Sys>>20, limit>>20)
	}
	t.Logf("%d MB pushed, half of them from another registry; memory at most %d MB, both registries' included", sent.Load()/1e6, stats.Sys>>20)
}
