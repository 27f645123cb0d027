package dotnet

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/errors/*.want anew")

// TestErrorLines holds the answer to the real output of every failure in testdata/errors: NAME.txt is what the tool printed,
// NAME.want what ErrorLines makes of it; README.md there says how each was provoked.
func TestErrorLines(t *testing.T) {
	outputs, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(outputs) == 0 {
		t.Fatalf("no outputs: %v", err)
	}
	readme, err := os.ReadFile("testdata/errors/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range outputs {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(readme), "`"+name+"`") {
				t.Error("README.md does not tell of it")
			}
			output, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, line := range ErrorLines(string(output)) {
				got += line + "\n"
			}
			golden := strings.TrimSuffix(file, ".txt") + ".want"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%swant:\n%s(go test -update writes it anew)", got, want)
			}
			if strings.Contains(got, "s3cret") {
				t.Error("it shows a password")
			}
		})
	}
}

func TestErrorLinesOfEveryForm(t *testing.T) {
	long := strings.Repeat("x", 2*maxErrorLine)
	for output, want := range map[string][]string{
		"/src/a/A.cs(5,3): error CS1031: Type expected [/src/a/A.csproj]": {"a/A.cs(5,3): error CS1031: Type expected"},
		// The inner build of several is worth telling, and one is enough.
		"/src/A.cs(5,3): error CS1: x [/src/A.csproj::TargetFramework=net8.0]\n/src/A.cs(5,3): error CS1: x [/src/A.csproj::TargetFramework=net9.0]": {"A.cs(5,3): error CS1: x [A.csproj::TargetFramework=net8.0]"},
		// The same words elsewhere are another error.
		"/src/A.cs(5,3): error CS1: x\n/src/A.cs(6,3): error CS1: x":                                       {"A.cs(5,3): error CS1: x", "A.cs(6,3): error CS1: x"},
		"MSBUILD : error MSB1009: Project file does not exist.\n  Switch: nope":                            {"MSBUILD : error MSB1009: Project file does not exist."},
		"CSC : error CS5001: Program does not contain a static 'Main' method [/src/a/A.csproj]":            {"CSC : error CS5001: Program does not contain a static 'Main' method [a/A.csproj]"},
		"error: Unable to load the service index for source https://example.com/src/.":                     {"error: Unable to load the service index for source https://example.com/src/."},
		"    0 Error(s)\nwarning CS0168: an error CS0000 in a warning's text\nA : warning B1: error C2: x": nil,
		"/src/A.csproj : warning MSB9008: The referenced project B does not exist.":                        nil, // no error beside it
		"x : error : " + long: {"x : error: " + long[:maxErrorLine*2/3-len("x : error: ")] + " … " + long[:maxErrorLine/3]},
		"error: https://me:pa/ss@h.example/v3 and http://token@h.example or http://h.example:80/@scope": {
			"error: https://***@h.example/v3 and http://***@h.example or http://h.example:80/@scope"},
	} {
		if got := ErrorLines(output); !slices.Equal(got, want) {
			t.Errorf("ErrorLines(%s):\n%s\nwant:\n%s", output, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestLastLinesShowNoLogin(t *testing.T) {
	if got := LastLines("one\n\n  GET https://me:s3cret@h.example/v3\n", 1); !slices.Equal(got, []string{"GET https://***@h.example/v3"}) {
		t.Error(got)
	}
}

func FuzzErrorLines(f *testing.F) {
	f.Add("  Determining projects to restore...\n/src/a.csproj : error NU1101: no\n", "no [/src/a.csproj]")
	f.Add("x: error : https://a:b@c/d", "   at System.X(Y)")
	f.Add("sh: 1: npm: not found\n ---> System.IO.IOException: x", "")
	f.Fuzz(func(t *testing.T, before, text string) {
		lines := ErrorLines(before + "\n/src/a.cs(1,2): error CS1: " + text)
		if len(lines) == 0 || len(lines) > 2*maxErrors+1 {
			t.Errorf("%d lines", len(lines))
		}
		for i, line := range lines {
			if line == "" || strings.Contains(line, "\n") || len([]rune(line)) > 2*maxErrorLine {
				t.Errorf("line %d is %q", i, line)
			}
		}
	})
}
