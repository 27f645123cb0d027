package engine

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

func TestNetworkIsTheCachesOwnAndFree(t *testing.T) {
	first, err := chooseNetwork("00000000", nil)
	if err != nil || first != netip.MustParsePrefix("10.64.0.0/20") {
		t.Fatalf("got %s, %v", first, err)
	}
	again, err := chooseNetwork("00000000", []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")})
	if err != nil || again != first {
		t.Errorf("another machine's network changed it: %s, %v", again, err)
	}
	moved, err := chooseNetwork("00000000", []netip.Prefix{netip.MustParsePrefix("10.64.0.0/16")})
	if err != nil || moved != netip.MustParsePrefix("10.65.0.0/20") {
		t.Errorf("used network: %s, %v", moved, err)
	}
	last, err := chooseNetwork(fmt.Sprintf("%08x", networkCount-1), nil)
	if err != nil || last != netip.MustParsePrefix("10.255.240.0/20") {
		t.Errorf("last network: %s, %v", last, err)
	}
	if _, err := chooseNetwork("ffffffff", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); err == nil {
		t.Error("no error where all are used")
	}
}

func TestBridgeNameFitsAnInterface(t *testing.T) {
	const most = 15 // IFNAMSIZ with its terminating zero is 16
	if name := bridgeName("01234567"); len(name) > most {
		t.Errorf("%s is too long", name)
	}
}

func TestSocketPathIsShortEnough(t *testing.T) {
	for _, dir := range []string{"/c", "/" + strings.Repeat("long/", 40)} {
		e := Engine{Cache: cache.Cache{Dir: dir}}
		if len(e.socket()) > maxSocket {
			t.Errorf("%s has %d bytes", e.socket(), len(e.socket()))
		}
		if e.Address() != "unix://"+e.socket() {
			t.Errorf("address %s", e.Address())
		}
	}
}

func TestKeyChangesWithAllThatNeedsARestart(t *testing.T) {
	e := testEngine(t)
	keys := map[string]string{}
	note := func(what string) {
		key, err := e.key(5001)
		if err != nil {
			t.Fatal(err)
		}
		if was, seen := keys[key]; seen {
			t.Errorf("%s: the key is still that of: %s", what, was)
		}
		keys[key] = what
	}
	note("at first")
	if other, err := e.key(5002); err != nil || keys[other] != "" {
		t.Errorf("the key does not depend on the registry's port: %v", err)
	}
	writeFile(t, filepath.Join(e.Source, "daggerengine", "go.sum"), "changed")
	note("other sources")
	writeSDKRecord(t, e, "sdk-other")
	note("another SDK")
	e.Listen = "tcp://127.0.0.1:7777"
	note("another address")
}

func TestWhoAsksForNoAddressLeavesTheRunningEnginesAsItIs(t *testing.T) {
	e := testEngine(t)
	own, err := daemon.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(record{Identity: own, Listen: "tcp://127.0.0.1:7777"})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, e.recordFile(), string(data))
	same, err := e.key(5001)
	if err != nil {
		t.Fatal(err)
	}
	e.Listen = "tcp://127.0.0.1:7777"
	if asked, err := e.key(5001); err != nil || asked != same {
		t.Errorf("%s, %v: want the key that the address has, %s", asked, err, same)
	}
	e.Listen = "tcp://127.0.0.1:8888"
	if other, err := e.key(5001); err != nil || other == same {
		t.Errorf("another address has the same key (%v)", err)
	}
}

func TestTheEngineListensOnThisMachineAlone(t *testing.T) {
	for listen, ok := range map[string]bool{
		"": true, "tcp://127.0.0.1:7777": true, "tcp://[::1]:7777": true,
		"tcp://0.0.0.0:7777": false, "tcp://10.0.0.1:7777": false, "tcp://localhost:7777": false, "127.0.0.1:7777": false,
		"tcp://127.0.0.1": false, "tcp://127.0.0.1:0": false, "tcp://127.0.0.1:70000": false, "unix:///run/x": false,
	} {
		err := Engine{Listen: listen}.CheckListen()
		if (err == nil) != ok {
			t.Errorf("%q: %v", listen, err)
		}
		if err != nil && !strings.Contains(err.Error(), "tcp://127.0.0.1:PORT") {
			t.Errorf("%q: the error has no cure: %v", listen, err)
		}
	}
}

func TestMissingModuleIsAnErrorThatSaysSo(t *testing.T) {
	e := Engine{Cache: cache.Cache{Dir: t.TempDir()}, Source: t.TempDir()}
	if _, err := e.Bin(); err == nil || !strings.Contains(err.Error(), "module of Dagger's engine") {
		t.Fatalf("error %v", err)
	}
}

func TestPruneKeepsWhatIsUsedOrRecent(t *testing.T) {
	e := testEngine(t)
	bin, err := e.Bin()
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * keep)
	for name, old := range map[string]bool{
		filepath.Base(bin): true, "sdk-used": true, "state": true, "bin-recent": false, "bin-old": true, "sdk-old": true,
	} {
		dir := e.Cache.Path("engine", name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(dir, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Prune(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(e.Cache.Path("engine"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{filepath.Base(bin), "bin-recent", "sdk-used", "sdk.json", "state"}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left %v, want %v", names, want)
	}
}

func TestEngineInheritsOnlyTheWayToTheNetwork(t *testing.T) {
	got := inherited([]string{"PATH=/x", "https_proxy=a", "HTTP_PROXY=b", "SSL_CERT_FILE=c", "DAGGER_SESSION_TOKEN=secret", "TRACEPARENT=x"})
	if want := []string{"https_proxy=a", "HTTP_PROXY=b", "SSL_CERT_FILE=c"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEngineConfigNamesTheRegistry(t *testing.T) {
	config, err := engineConfig(5007)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.Fields(string(config)), ""); got != `{"gc":{"policies":[{"all":true,"maxUsedSpace":"60GB","minFreeSpace":"3GB","reservedSpace":"2GB"}]},"logLevel":"info","registries":{"127.0.0.1:5007":{"http":true}}}` {
		t.Errorf("got %s", got)
	}
}

func TestProgressCountsPackagesOnly(t *testing.T) {
	for line, want := range map[string]bool{
		"internal/cpu": true, "github.com/dagger/dagger/cmd/engine": true, "go: downloading x v1.0.0": false, "# some/package": false, "": false,
	} {
		if isPackage(line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}

func testEngine(t *testing.T) Engine {
	t.Helper()
	e := Engine{Cache: cache.Cache{Dir: t.TempDir()}, Source: t.TempDir()}
	writeFile(t, filepath.Join(e.Source, "daggerengine", "go.mod"), "module x")
	writeSDKRecord(t, e, "sdk-used")
	return e
}

func writeSDKRecord(t *testing.T, e Engine, folder string) {
	t.Helper()
	writeFile(t, e.sdkFile(), `{"folder":"`+folder+`"}`)
	if err := os.MkdirAll(e.Cache.Path("engine", folder), 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := cache.WriteFile(path, []byte(content)); err != nil {
		t.Fatal(err)
	}
}
