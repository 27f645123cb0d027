package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Identity tells a process from a later one that got the same number.
type Identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // boot and ticks since then: proc_pid_stat(5), field 22
}

var errEnded = errors.New("the process has ended, and its parent has not asked how")

// Identify reads a process's identity; Linux only.
func Identify(pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, err
	}
	ticks, state, err := parseStat(stat)
	if err != nil {
		return Identity{}, err
	}
	if state == "Z" {
		return Identity{}, errEnded
	}
	return Identity{PID: pid, Started: strings.TrimSpace(string(boot)) + "/" + ticks}, nil
}

// parseStat takes start time and state from a /proc/PID/stat. The second field,
// the program's name, is in parentheses and may hold anything, also parentheses.
func parseStat(stat []byte) (ticks, state string, err error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 20 {
		return "", "", fmt.Errorf("reading a process's start time: %q has too few fields", stat)
	}
	return fields[19], fields[0], nil
}

// Alive says whether that very process runs.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	is, err := Identify(i.PID)
	return err == nil && is == i
}
