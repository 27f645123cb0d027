// Package house holds no code: its tests keep the rules of the house, which are in docs/design.md.
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dotnet-multiarch/dotnet-multiarch/"

// rooms says which rooms a room may use. A new room gets a line, a new use is a decision.
var rooms = map[string][]string{
	"platform":    {},
	"aws":         {},
	"publication": {},
	"archive":     {},
	"source":      {"archive"},
	"nuget":       {},
	"lock":        {},
	"gitversion":  {},
	"cifile":      {"aws"},
	"ecs":         {"aws", "aws/awstest", "ecs/ecstest", "platform", "publication"},
	"rebase":      {"image", "platform", "publication", "registry"},
	"dotnet":      {"platform"},
	"image":       {"archive", "platform"},
	"registry":    {"image", "platform"},
	"ecr":         {"aws", "aws/awstest", "registry"},
	"imagefile":   {"archive"},
	"testresults": {},
	"native":      {"platform"},
	"smoke":       {"native", "platform"},
	"inspection":  {"dotnet", "image", "native", "platform", "registry"},
	"assembly":    {"archive", "dotnet", "image", "native", "platform"},
	"load":        {},
	"measure":     {},
	"plot":        {},
	"comparison":  {"load", "measure", "plot"},
	"house":       {},
}

func TestRoomsUseOnlyWhatTheyMay(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		room := strings.Split(filepath.ToSlash(name), "/")[1]
		seen[room] = true
		may, known := rooms[room]
		if !known {
			t.Errorf("room %s is not in the table of rooms", room)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if strings.Contains(path, "dagger") {
				t.Errorf("%s imports %s: a room never imports Dagger", name, path)
			}
			used, ours := strings.CutPrefix(path, module)
			if strings.HasPrefix(used, "internal/"+room+"/") { // a closet of its own
				continue
			}
			if ours && !slices.Contains(may, strings.TrimPrefix(used, "internal/")) {
				t.Errorf("%s imports %s: room %s may use only %q", name, path, room, may)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("room %s of the table does not exist", room)
		}
	}
}
