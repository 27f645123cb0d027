package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// app is a source tree that is built over and over.
type app struct {
	name, title string
	dir         string
	// project is the app's project file, program a code file of it, library one of the lowest library's or "".
	project, program, library string
	// large says that some ways to build it take minutes.
	large bool
	// entrypoint of the Dockerfile, the assembly's name.
	assembly string
	// fresh writes the tree anew, so that no cache knows any of it.
	fresh func(ctx context.Context) error
}

// salt is new each time.
func salt() string { return fmt.Sprintf("%d-%d", time.Now().UnixNano(), rand.Int64()) }

func hello(dir string) app {
	a := app{name: "hello", title: "hello API, one project", dir: dir, project: "Hello.csproj", program: "Program.cs", assembly: "Hello"}
	a.fresh = func(context.Context) error {
		mark := salt()
		return rewrite(dir, map[string]string{
			"Hello.csproj": `<Project Sdk="Microsoft.NET.Sdk.Web">
  <!-- ` + mark + ` -->
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
</Project>
`,
			"Program.cs": "// " + mark + `
var app = WebApplication.CreateBuilder(args).Build();
app.MapGet("/", () => "hello");
app.Run();
`})
	}
	return a
}

func sample(repository, dir string) app {
	a := app{
		name: "sample", title: "sample-app", dir: dir, project: "src/SampleApp.Api/SampleApp.Api.csproj",
		program: "src/SampleApp.Api/Program.cs", library: firstCode(filepath.Join(repository, "sample-app", "src", "SampleApp.Core")), assembly: "SampleApp.Api",
	}
	a.fresh = func(context.Context) error {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "sample-app"))); err != nil {
			return err
		}
		return salted(dir, ".csproj", "<!-- "+salt()+" -->")
	}
	return a
}

// solution is ten generated projects; the generator is scripts/solution.
func solution(repository, dir string) app {
	return app{
		name: "solution", title: "ten projects", dir: dir, project: "src/App/App.csproj", program: "src/App/Program.cs",
		library: "src/Primitives/Registration.cs", assembly: "Shop.App", large: true,
		fresh: func(ctx context.Context) error {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			_, err := command{dir: repository, args: []string{"go", "run", "./scripts/solution", "-salt", salt(), dir}}.run(ctx)
			return err
		},
	}
}

func rewrite(dir string, files map[string]string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// salted adds a line to every file of a kind.
func salted(dir, suffix, line string) error {
	return filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, suffix) {
			return err
		}
		return appended(file, line)
	})
}

func appended(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, line)
	return err
}

func (a app) edit(file string) func() error {
	return func() error { return appended(filepath.Join(a.dir, file), "// edited "+salt()) }
}

// addPackage refers to a package that the app had not.
func (a app) addPackage() error {
	reference := `<ItemGroup><PackageReference Include="Dapper" Version="2.1.86" /></ItemGroup>`
	if _, err := os.Stat(filepath.Join(a.dir, "Directory.Packages.props")); err == nil {
		reference = strings.Replace(reference, ` Version="2.1.86"`, "", 1)
	}
	file := filepath.Join(a.dir, a.project)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.Replace(text, []byte("</Project>"), []byte(reference+"</Project>"), 1), 0o644)
}

// built says whether a folder holds what a build made.
func built(name string) bool { return name == "bin" || name == "obj" }

// follow makes a copy the same as a tree again. What is equal is left as it is, with its time, and what a build made beside it stays.
func follow(tree, copied string) error {
	wanted := map[string]bool{}
	err := filepath.WalkDir(tree, func(file string, entry os.DirEntry, err error) error {
		relative, problem := filepath.Rel(tree, file)
		to := filepath.Join(copied, relative)
		wanted[to] = true
		switch {
		case errors.Join(err, problem) != nil:
			return errors.Join(err, problem)
		case entry.IsDir() && built(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(to, 0o755)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if there, err := os.ReadFile(to); err == nil && bytes.Equal(there, text) {
			return nil
		}
		return os.WriteFile(to, text, 0o644)
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(copied, func(file string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && built(entry.Name()):
			return filepath.SkipDir
		case !entry.IsDir() && !wanted[file]:
			return os.Remove(file)
		}
		return nil
	})
}

// dockerfile is the multi-platform one of the dotnet-docker samples: restore and publish on the build platform, once for each
// target, the project files first. https://github.com/dotnet/dotnet-docker/blob/main/samples/aspnetapp/Dockerfile
func (a app) dockerfile(bases string) (string, error) {
	var files []string
	err := filepath.WalkDir(a.dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(a.dir, file)
		switch base := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (base == "obj" || base == "bin"):
			return filepath.SkipDir
		case strings.HasSuffix(base, ".csproj"), base == "Directory.Build.props", base == "Directory.Packages.props", base == "global.json":
			files = append(files, filepath.ToSlash(relative))
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "FROM --platform=$BUILDPLATFORM %s/dotnet/sdk:10.0 AS build\nARG TARGETARCH\nWORKDIR /source\n", bases)
	for _, f := range files {
		fmt.Fprintf(&b, "COPY --link %s %s/\n", f, path.Join(".", path.Dir(f)))
	}
	fmt.Fprintf(&b, "RUN dotnet restore -a $TARGETARCH %s\nCOPY --link . .\nRUN dotnet publish -a $TARGETARCH --no-restore -o /app %s\n\n", a.project, a.project)
	fmt.Fprintf(&b, "FROM %s/dotnet/aspnet:10.0\nEXPOSE 8080\nWORKDIR /app\nCOPY --link --from=build /app .\nUSER $APP_UID\nENTRYPOINT [\"./%s\"]\n", bases, a.assembly)
	return b.String(), nil
}

// firstCode is a code file of a folder of sample-app, below it.
func firstCode(dir string) string {
	found, _ := filepath.Glob(filepath.Join(dir, "*.cs")) // the pattern is well-formed
	if len(found) == 0 {
		return ""
	}
	_, relative, _ := strings.Cut(filepath.ToSlash(found[0]), "/sample-app/")
	return relative
}
