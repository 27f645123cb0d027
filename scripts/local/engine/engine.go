// Package engine is a real Dagger engine without Docker: built from Go modules,
// served its Go SDK from a folder, and run in mount and process namespaces of its
// own so that nothing of it is installed on the machine. Its bridge and the
// firewall rules for it go with Stop.
package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/cache"
	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/daemon"
)

// Version is that of the engine and the CLI which daggerengine/go.mod pins.
const Version = "v0.19.10"

// RunDir is where the engine sees its folder of the cache; it is compiled into
// the engine (daggerengine/distconsts).
const RunDir = "/run/dotnet-multiarch"

// ListenVariable names an address that the engine answers at besides its socket.
const ListenVariable = "DOTNET_MULTIARCH_ENGINE_LISTEN"

// recipe is raised when the way of starting the engine changes, so that one which
// an earlier version of this program started is not taken for this one's.
const recipe = 2

// Engine is the engine of one cache, built from the daggerengine module in Source.
type Engine struct {
	Cache cache.Cache
	// Listen is where the engine answers besides its socket, such as tcp://127.0.0.1:7777; empty leaves that as it runs.
	Listen string
	Source string // scripts/local
	Say    func(format string, args ...any)
}

func (e Engine) root() string       { return e.Cache.Path("engine", "root") }
func (e Engine) state() string      { return e.Cache.Path("engine", "state") }
func (e Engine) recordFile() string { return e.Cache.Path("engine", "record.json") }

// Bin is the folder of the built programs, dagger among them.
func (e Engine) Bin() (string, error) {
	key, err := e.sourceKey()
	if err != nil {
		return "", err
	}
	return e.Cache.Path("engine", "bin-"+key), nil
}

// sourceKey names the content of the daggerengine module and how it is built.
func (e Engine) sourceKey() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n", buildFlags)
	module := os.DirFS(filepath.Join(e.Source, "daggerengine"))
	err := fs.WalkDir(module, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(module, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the module of Dagger's engine: %w; is this checkout whole?", err)
	}
	return short(sum.Sum(nil)), nil
}

func short(sum []byte) string { return hex.EncodeToString(sum[:6]) }

// record says what runs. The engine's process writes it before it becomes the
// engine, so that a starter which is killed loses nothing.
type record struct {
	daemon.Identity
	Key    string `json:"key"`              // what it was started from: see key
	Listen string `json:"listen,omitempty"` // see Engine
}

func (e Engine) record() (record, error) {
	var r record
	data, err := os.ReadFile(e.recordFile())
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	return r, err
}

// PID is the engine's process number, 0 when it does not run.
func (e Engine) PID() int {
	r, err := e.record()
	if err != nil || !r.Alive() {
		return 0
	}
	return r.PID
}

// key names all that an engine is started from; another key needs a restart.
func (e Engine) key(port int) (string, error) {
	bin, err := e.Bin()
	if err != nil {
		return "", err
	}
	sdk, err := e.sdk()
	if err != nil {
		return "", err
	}
	named := []any{recipe, filepath.Base(bin), sdk.Folder, port}
	if listen := e.listen(); listen != "" {
		named = append(named, listen)
	}
	sum := sha256.Sum256(fmt.Appendln(nil, named...))
	return short(sum[:]), nil
}

// listen is what was asked for, else what the running engine was asked for: a
// call that asks for nothing does not take an address away from other callers.
func (e Engine) listen() string {
	if e.Listen != "" {
		return e.Listen
	}
	r, err := e.record()
	if err != nil || !r.Alive() {
		return ""
	}
	return r.Listen
}

// CheckListen refuses an address that leads out of this machine: whoever reaches
// an engine is root on it, and it asks nobody who they are.
func (e Engine) CheckListen() error {
	if e.Listen == "" {
		return nil
	}
	address, tcp := strings.CutPrefix(e.Listen, "tcp://")
	host, port, err := net.SplitHostPort(address)
	number, bad := strconv.Atoi(port)
	if ip := net.ParseIP(host); !tcp || err != nil || bad != nil || number < 1 || number > 65535 || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("reading %s %q: want tcp://127.0.0.1:PORT: whoever reaches the engine is root on this machine", ListenVariable, e.Listen)
	}
	return nil
}

// Ready says whether the engine that port and sources ask for runs and answers.
func (e Engine) Ready(port int) bool {
	r, err := e.record()
	if err != nil || !r.Alive() || !e.Built() || !e.hasSDK() {
		return false
	}
	key, err := e.key(port)
	return err == nil && key == r.Key && e.answers()
}

func (e Engine) answers() bool {
	conn, err := net.DialTimeout("unix", e.socket(), time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// maxSocket is the room for a path in a Unix socket's address (unix(7): 108 with
// the terminating zero).
const maxSocket = 107

// socket is the engine's, as seen from outside. Where the cache's path is too
// long, a link in /run (made at start) leads there.
func (e Engine) socket() string {
	path := filepath.Join(e.root(), "engine.sock")
	if len(path) > maxSocket {
		return filepath.Join(e.shortcut(), "engine.sock")
	}
	return path
}

func (e Engine) shortcut() string { return RunDir + "-" + e.Cache.ID }

// Address is what a client connects to.
func (e Engine) Address() string { return "unix://" + e.socket() }
