package smoke

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/native"
)

// measure reads from /proc what the app's processes are and had, https://man7.org/linux/man-pages/man5/proc.5.html
func (r *Report) measure(pid int, emulator string) {
	r.Files = map[string]int{}
	seen := map[string]bool{emulator: true}
	for _, p := range descendants(pid) {
		r.Peak += peak(p)
		own, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p))
		if f, ok := header(own); err == nil && ok && r.Emulated && sameMachine(f) {
			seen[own] = true // the emulator
		}
		for _, file := range mapped(p) {
			if seen[file] {
				continue
			}
			seen[file] = true
			if f, ok := header(file); ok && f.Kind != native.Assembly {
				r.Files[f.Architecture]++
			}
		}
	}
}

// sameMachine says whether a file is for the machine that this runs on.
func sameMachine(f native.File) bool {
	own, ok := header("/proc/self/exe")
	return ok && own.Architecture == f.Architecture
}

// descendants are a process and all below it.
func descendants(pid int) []int {
	children := map[int][]int{}
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return []int{pid}
	}
	for _, entry := range entries {
		text, err := os.ReadFile(entry)
		if err != nil {
			continue // it is gone
		}
		// PID (NAME) STATE PARENT …, and a name may have spaces and brackets in it.
		fields := strings.Fields(string(text[strings.LastIndex(string(text), ")")+1:]))
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for n := 0; n < len(all); n++ {
		all = append(all, children[all[n]]...)
	}
	return all
}

// peak is the most that a process had in memory, in bytes.
func peak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return n * 1024
			}
		}
	}
	return 0
}

// mapped are the files that a process has in memory.
func mapped(pid int) []string {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil
	}
	defer maps.Close()
	var files []string
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		// ADDRESSES PERMISSIONS OFFSET DEVICE INODE PATH
		if at := strings.Index(lines.Text(), " /"); at > 0 {
			files = append(files, lines.Text()[at+1:])
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}
