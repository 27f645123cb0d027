package assembly

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
)

// Choices are what the caller says of the image, over what the project says, over what the base says. Each is as it was typed;
// empty means: not chosen.
type Choices struct {
	// Ports are PORT or PORT/PROTOCOL, and then the only ones.
	Ports []string
	// Env, Labels and Annotations are NAME=VALUE, each over the project's of that name.
	Env, Labels, Annotations []string
	// Entrypoint is a program and its arguments, Cmd are the arguments that a user may replace.
	Entrypoint, Cmd  []string
	User, WorkingDir string
	// What the image is made of; each becomes an annotation and a label. Created is a time in RFC 3339.
	Version, Revision, SourceURL, Created string
}

// Validate reports a choice that cannot be meant, before anything of the app is known.
func (c Choices) Validate() error {
	_, err := NewConfig(dotnet.Project{}, c)
	return err
}

// The prefixes of annotations, https://github.com/opencontainers/image-spec/blob/main/annotations.md
const (
	annotation     = "org.opencontainers.image."
	baseAnnotation = annotation + "base."
)

var (
	// The .NET SDK's rule, and that of a POSIX shell.
	validVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	validKey      = regexp.MustCompile(`^[^\s=]+$`)
	validUser     = regexp.MustCompile(`^[^\s:]+(:[^\s:]+)?$`)
	oneWord       = regexp.MustCompile(`^\S+$`)
)

// ports gives the ports besides those that the base and the environment tell of, or the only ones.
func (c Choices) ports(project dotnet.Container) (ports []string, only bool, err error) {
	texts, of := project.Ports, "ContainerPort of the project"
	if len(c.Ports) > 0 {
		texts, of = c.Ports, "--port"
	}
	for _, text := range texts {
		port, err := image.ParsePort(text)
		if err != nil {
			return nil, false, fmt.Errorf("reading %s: %w", of, err)
		}
		ports = append(ports, port)
	}
	return ports, len(c.Ports) > 0, nil
}

// environment leaves out variables of the project that have no valid name, as the SDK does, and gives those names too.
func (c Choices) environment(project dotnet.Container) (env map[string]string, left []string, err error) {
	chosen, err := pairs("--env-var", validVariable, c.Env)
	if err != nil {
		return nil, nil, err
	}
	env = merged(project.Env, chosen)
	for name := range env {
		if !validVariable.MatchString(name) {
			left = append(left, name)
			delete(env, name)
		}
	}
	return env, left, nil
}

// description gives labels and annotations.
func (c Choices) description(project dotnet.Container) (labels, annotations map[string]string, err error) {
	about, err := c.about()
	if err != nil {
		return nil, nil, err
	}
	if labels, err = pairs("--label", validKey, c.Labels); err != nil {
		return nil, nil, err
	}
	if annotations, err = pairs("--annotation", validKey, c.Annotations); err != nil {
		return nil, nil, err
	}
	for name := range annotations {
		if strings.HasPrefix(name, baseAnnotation) {
			return nil, nil, fmt.Errorf("reading --annotation: %s names the base image, which the build knows: leave it out", name)
		}
	}
	annotations = merged(project.About, about, annotations)
	maps.DeleteFunc(annotations, func(name, _ string) bool { return strings.HasPrefix(name, baseAnnotation) })
	return merged(project.About, project.Labels, about, labels), annotations, nil
}

// about is what the caller's own flags say of the image, by annotation.
func (c Choices) about() (map[string]string, error) {
	about := map[string]string{}
	for name, text := range map[string]string{"version": c.Version, "revision": c.Revision, "created": c.Created} {
		if text == "" {
			continue
		}
		if !oneWord.MatchString(text) {
			return nil, fmt.Errorf("reading --%s %q: one word is wanted", name, text)
		}
		about[annotation+name] = text
	}
	if c.SourceURL != "" {
		source := dotnet.SourceURL(c.SourceURL)
		if source == "" { // not quoted in the error: CI's own URLs may hold a token
			return nil, errors.New("reading --source-url: want a URL such as https://github.com/me/app")
		}
		about[annotation+"source"] = source
	}
	return about, nil
}

// created is zero where the caller gives no time.
func (c Choices) created() (v1.Time, error) {
	if c.Created == "" {
		return v1.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, c.Created)
	if err != nil {
		return v1.Time{}, fmt.Errorf("reading --created %q: want a time in RFC 3339, such as 2026-01-31T12:00:00Z", c.Created)
	}
	return v1.Time{Time: at.UTC()}, nil
}

// user is empty for the base's.
func (c Choices) user(project dotnet.Container) (string, error) {
	user, of := project.User, "ContainerUser of the project"
	if c.User != "" {
		user, of = c.User, "--user"
	}
	if user != "" && !validUser.MatchString(user) {
		return "", fmt.Errorf("reading %s: %q is no user: want a name or a number, with :GROUP after it where that matters", of, user)
	}
	return user, nil
}

// workingDir is where the app lies and starts.
func (c Choices) workingDir(project dotnet.Container) (string, error) {
	dir, of := project.WorkingDir, "ContainerWorkingDirectory of the project"
	if c.WorkingDir != "" {
		dir, of = c.WorkingDir, "--working-dir"
	}
	if dir == "" {
		return Dir, nil
	}
	if !path.IsAbs(dir) || path.Clean(dir) == "/" || strings.Contains(dir+"/", "/../") {
		return "", fmt.Errorf("reading %s: %q is no folder for an app: want an absolute one below /, such as %s", of, dir, Dir)
	}
	return path.Clean(dir), nil
}

// pairs reads NAME=VALUE; of equal names the last counts.
func pairs(flag string, name *regexp.Regexp, list []string) (map[string]string, error) {
	read := map[string]string{}
	for _, text := range list {
		key, value, found := strings.Cut(text, "=")
		if !found {
			return nil, fmt.Errorf(`reading %s %q: want NAME=VALUE; where the value has a comma, all of it in double quotes: %s '"NAME=one,two"'`, flag, text, flag)
		}
		if !name.MatchString(key) {
			return nil, fmt.Errorf("reading %s: %q is not a name: want NAME=VALUE", flag, key)
		}
		read[key] = value
	}
	return read, nil
}

func merged(layers ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, layer := range layers {
		maps.Copy(all, layer)
	}
	return all
}
