package assembly

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/archive"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
)

// Dir is the app's folder in the image, where neither caller nor project names another.
const Dir = "/app"

// Config is what an image says of the app: the caller's choices over what the project says. It is known before anything is
// compiled; only the entry point waits for the base and the published files.
type Config struct {
	// Notes are for the user: what the project says and the image does not.
	Notes    []string
	settings image.Settings
	command  dotnet.Command
	// entrypoint and cmd are the caller's.
	entrypoint, cmd []string
}

// NewConfig fails on what caller or project cannot mean.
func NewConfig(app dotnet.Project, c Choices) (config Config, err error) {
	project := app.Container()
	config = Config{command: project.Command, entrypoint: c.Entrypoint, cmd: c.Cmd}
	s := &config.settings
	var left []string
	if s.Ports, s.OnlyPorts, err = c.ports(project); err != nil {
		return Config{}, err
	}
	if s.Env, left, err = c.environment(project); err != nil {
		return Config{}, err
	}
	if s.Labels, s.Annotations, err = c.description(project); err != nil {
		return Config{}, err
	}
	if s.Created, err = c.created(); err != nil {
		return Config{}, err
	}
	if s.User, err = c.user(project); err != nil {
		return Config{}, err
	}
	if s.WorkingDir, err = c.workingDir(project); err != nil {
		return Config{}, err
	}
	if len(c.Entrypoint) > 0 && strings.TrimSpace(c.Entrypoint[0]) == "" {
		return Config{}, errors.New("reading --entrypoint: its first part is empty: give a program and its arguments, such as --entrypoint dotnet,/app/App.dll")
	}
	if _, _, err = config.run(app, nil, nil); err != nil {
		return Config{}, err
	}
	slices.Sort(left)
	for _, name := range left {
		config.Notes = append(config.Notes, fmt.Sprintf("%s sets the environment variable %q, which is no name for one: it is left out", app.Path, name))
	}
	return config, nil
}

// settingsFor gives the settings of the image of one platform.
func (c Config) settingsFor(app dotnet.Project, base image.Base, files []archive.File) (image.Settings, error) {
	config, err := base.Image.ConfigFile()
	if err != nil {
		return image.Settings{}, fmt.Errorf("reading the config of base image %s: %w", base.Name, err)
	}
	s := c.settings
	s.Entrypoint, s.Cmd, err = c.run(app, files, config.Config.Entrypoint)
	return s, err
}

// run gives entry point and default arguments.
func (c Config) run(app dotnet.Project, files []archive.File, base []string) (entrypoint, cmd []string, err error) {
	entrypoint, cmd, err = c.command.Resolve(c.appCommand(app, files), base)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the container properties of %s: %w", app.Path, err)
	}
	if len(c.entrypoint) > 0 {
		entrypoint = c.entrypoint
	}
	if len(c.cmd) > 0 {
		cmd = c.cmd
	}
	return entrypoint, cmd, nil
}

// appCommand is the apphost of an app that carries its runtime or needs none, else `dotnet App.dll`.
func (c Config) appCommand(app dotnet.Project, files []archive.File) []string {
	assembly := path.Join(c.settings.WorkingDir, app.AssemblyName())
	dll := slices.ContainsFunc(files, func(f archive.File) bool { return f.Path == app.AssemblyName()+".dll" })
	if app.SelfContained() || !dll {
		return []string{assembly}
	}
	return []string{"dotnet", assembly + ".dll"}
}
