// Solution writes a .NET 10 solution for benchmarks and tests: by default ten projects of fifty C# files, about 35,000 lines.
// The same arguments give the same bytes. Its packages are few and common; whoever has no network needs them in a folder.
//
//	go run ./scripts/solution [-projects 10] [-files 50] [-salt TEXT] DIR
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	projects := flag.Int("projects", 10, "projects: the web app src/App and its libraries")
	files := flag.Int("files", 50, "C# files a project, in fives; a few more wire them together")
	salt := flag.String("salt", "", "a comment for every file, so that no cache knows any of them")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./scripts/solution [-projects 10] [-files 50] [-salt TEXT] DIR")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *projects, *files, *salt); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(dir string, projects, files int, salt string) error {
	solution, err := Generate(projects, files, salt)
	if err != nil {
		return fmt.Errorf("generating the solution: %w", err)
	}
	for name, content := range solution {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
