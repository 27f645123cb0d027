package bases

import (
	"archive/tar"
	"context"
	"debug/elf"
	"encoding/binary"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// TestComposedSetIsReal composes for real, as Ensure does on a user's machine,
// and looks into the images: every native file is of the image's architecture.
func TestComposedSetIsReal(t *testing.T) {
	if os.Getenv("DOTNET_MULTIARCH_TEST_COMPOSE") == "" {
		t.Skip("needs root, mmdebstrap, a Debian mirror and about a minute: set DOTNET_MULTIARCH_TEST_COMPOSE=1, and DOTNET_BUNDLE to compose from a bundle instead of npm")
	}
	blobs := registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir()))
	server := httptest.NewServer(registry.New(blobs, registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	o := Options{Cache: t.TempDir(), Registry: strings.TrimPrefix(server.URL, "http://"), Bundle: os.Getenv("DOTNET_BUNDLE"), Progress: t.Logf}
	never, _ := answers(false)
	choice, err := ensure(context.Background(), o, "", never)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", choice)
	channel := versions{Runtime: choice.DotNet}.channel()
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		nativeFiles(t, o.Registry+"/dotnet/aspnet:"+channel, arch, machine)
	}
	src, err := o.source("")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := o.made(context.Background(), src); !ok {
		t.Error("what was composed is not found again")
	}
	left, err := os.ReadDir(o.Cache)
	if err != nil || len(left) != 2 { // the record and the logs
		t.Errorf("the cache holds %v (%v)", left, err)
	}
}

func nativeFiles(t *testing.T, reference, arch string, machine elf.Machine) {
	t.Helper()
	image, _ := pull(t, reference, arch)
	files := mutate.Extract(image)
	defer func() { _ = files.Close() }()
	native := 0
	err := eachEntry(files, func(h *tar.Header, content io.Reader) error {
		start := make([]byte, 20)
		if n, _ := io.ReadFull(content, start); n < len(start) || string(start[:4]) != elf.ELFMAG {
			return nil
		}
		native++
		if got := elf.Machine(binary.LittleEndian.Uint16(start[18:])); got != machine {
			t.Errorf("%s of the image for linux/%s is for %v", h.Name, arch, got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if native < 100 {
		t.Errorf("the image for linux/%s has %d native files only", arch, native)
	}
}
