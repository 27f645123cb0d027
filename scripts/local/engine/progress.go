package engine

import (
	"bufio"
	"io"
	"strings"
	"sync/atomic"
	"time"
)

// progress counts lines of a program's output and says now and then how far it is.
type progress struct {
	writer *io.PipeWriter
	done   chan struct{}
	count  atomic.Int64
}

// interval is often enough to see that it goes on, and few enough lines for a log.
const interval = 15 * time.Second

func startCounter(counts func(line string) bool, report func(count int64, started time.Time)) *progress {
	reader, writer := io.Pipe()
	p := &progress{writer: writer, done: make(chan struct{})}
	started := time.Now()
	go func() {
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if counts(lines.Text()) {
				p.count.Add(1)
			}
		}
		_, _ = io.Copy(io.Discard, reader) // after a line too long for the scanner
		close(p.done)
	}()
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				report(p.count.Load(), started)
			case <-p.done:
				return
			}
		}
	}()
	return p
}

func (p *progress) Write(data []byte) (int, error) { return p.writer.Write(data) }

func (p *progress) stop() {
	_ = p.writer.Close()
	<-p.done
}

// isPackage tells the package paths that `go build -v` prints from the rest.
func isPackage(line string) bool {
	return line != "" && !strings.ContainsAny(line, " :#")
}

func isDownload(line string) bool { return strings.HasPrefix(line, "go: downloading ") }

func startProgress(say func(string, ...any), total int) *progress {
	return startCounter(isPackage, func(count int64, started time.Time) {
		say("building Dagger's engine: %d of %d packages, %s", count, total, elapsed(started))
	})
}

func startDownloads(say func(string, ...any)) *progress {
	return startCounter(isDownload, func(count int64, started time.Time) {
		say("fetching the engine's modules: %d so far, %s", count, elapsed(started))
	})
}

func elapsed(since time.Time) time.Duration { return time.Since(since).Round(time.Second) }
