// Package measure says what a command in a container took: time, processors, memory. It runs nothing itself. It gives the
// command that measures another one, for a container with a shell, and reads what that wrote.
//
// Everything is read from /proc, which every container has and which counts an emulator's own work as well; the files of
// control groups are not to be seen in every engine.
package measure

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed measure.sh
var script string

// Command gives the command that runs another for the limit at most, rounded up to seconds, and measures it.
func Command(limit time.Duration, command []string) []string {
	return append([]string{"sh", "-c", script, "measure", strconv.Itoa(int(math.Ceil(limit.Seconds())))}, command...)
}

// Measurement is what one command took.
type Measurement struct {
	// Wall is from start to end, CPU the work of all its processes on all processors, in seconds.
	Wall float64 `json:"wallSeconds"`
	CPU  float64 `json:"cpuSeconds"`
	// Peak of its processes' memory in bytes, what several use counted once (PSS), looked at five times a second; 0 where the kernel
	// does not say.
	Peak int64 `json:"peakBytes"`
	// Code is the command's exit code.
	Code int `json:"-"`
}

// Add gives what two commands took one after the other.
func (m Measurement) Add(next Measurement) Measurement {
	return Measurement{Wall: m.Wall + next.Wall, CPU: m.CPU + next.CPU, Peak: max(m.Peak, next.Peak), Code: next.Code}
}

// ticks a second of the times in /proc, on every Linux.
const ticks = 100

var (
	line     = regexp.MustCompile(`(?m)^@measured begin=(\S+) end=(\S+) code=(\d+) peak=(\d+) left=(\d+) user=(\S+) system=(\S+)$`)
	clocking = regexp.MustCompile(`^(\d+)m([\d.]+)s$`)
)

// Parse takes the closing line out of what a measured command printed to its standard output. Without one the shell itself did
// not get to its end.
func Parse(stdout string) (m Measurement, said string, err error) {
	found := line.FindAllStringSubmatchIndex(stdout, -1)
	if len(found) == 0 {
		return m, stdout, fmt.Errorf("measuring a command: it printed no figures")
	}
	last := found[len(found)-1]
	field := func(i int) string { return stdout[last[2*i]:last[2*i+1]] }
	said = strings.TrimRight(stdout[:last[0]], "\n")
	var figures [5]float64
	for i := range figures {
		if figures[i], err = strconv.ParseFloat(field(i+1), 64); err != nil {
			return m, said, fmt.Errorf("measuring a command: %w", err)
		}
	}
	user, err := clock(field(6))
	if err != nil {
		return m, said, err
	}
	system, err := clock(field(7))
	if err != nil {
		return m, said, err
	}
	return Measurement{
		Wall: figures[1] - figures[0], CPU: user + system + figures[4]/ticks, Peak: int64(figures[3]) << 10, Code: int(figures[2]),
	}, said, nil
}

// clock reads a time as the shell's `times` writes it, 1m2.34s.
func clock(text string) (seconds float64, err error) {
	parts := clocking.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("measuring a command: %q is no time", text)
	}
	minutes, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, fmt.Errorf("measuring a command: %w", err)
	}
	seconds, err = strconv.ParseFloat(parts[2], 64)
	return float64(60*minutes) + seconds, err
}
