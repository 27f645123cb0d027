package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// DockerConfig holds the logins of Docker's config.json,
// https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties, and of podman's auth.json,
// whose keys may name a part of a registry: HOST/NAMESPACE.
type DockerConfig struct{ file *configfile.ConfigFile }

// ParseDockerConfig reads the JSON. The error holds nothing of the text.
func ParseDockerConfig(text string) (*DockerConfig, error) {
	const doing = "reading --docker-config"
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("%s: it is empty: give the text of ~/.docker/config.json, such as --docker-config file://$HOME/.docker/config.json", doing)
	}
	file, err := config.LoadFromReader(strings.NewReader(text))
	if err != nil && len(file.AuthConfigs) == 0 {
		return nil, fmt.Errorf("%s: it is not the JSON of a ~/.docker/config.json", doing)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: a login in it cannot be read: want auth to be USER:PASSWORD in base64; docker login writes it anew", doing)
	}
	return &DockerConfig{file}, nil
}

// Login gives a registry's user and password for a client that knows no more than these, which is what pulls the images of
// build steps. An identity token is a password without a user there. ok is false where the config has neither.
func (d *DockerConfig) Login(reference string) (host, username, password string, ok bool) {
	ref, err := parse(reference)
	if err != nil {
		return "", "", "", false
	}
	login, _ := d.find(ref.Context())
	host = ref.Context().RegistryStr()
	if login.IdentityToken != "" {
		return host, "", login.IdentityToken, true
	}
	return host, login.Username, login.Password, login.Password != ""
}

// find gives the login of the most specific key that covers the resource: a namespace before its registry, a key with a
// login before one without. known says whether there is such a key.
func (d *DockerConfig) find(r authn.Resource) (login types.AuthConfig, known bool) {
	type match struct {
		key, path string
		login     types.AuthConfig
	}
	var matches []match
	within := strings.Trim(strings.TrimPrefix(r.String(), r.RegistryStr()), "/")
	for key, login := range d.file.AuthConfigs {
		host, path := keyParts(key)
		if host == canonicalHost(r.RegistryStr()) && (path == "" || within == path || strings.HasPrefix(within, path+"/")) {
			matches = append(matches, match{key, path, login})
		}
	}
	if len(matches) == 0 {
		return types.AuthConfig{}, false
	}
	best := slices.MinFunc(matches, func(a, b match) int {
		return cmp.Or(
			len(b.path)-len(a.path),
			compareBool(hasLogin(a.login), hasLogin(b.login)),
			compareBool(a.key == r.RegistryStr(), b.key == r.RegistryStr()),
			strings.Compare(a.key, b.key))
	})
	return best.login, true
}

// compareBool puts true first.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func hasLogin(a types.AuthConfig) bool {
	return a.Username != "" || a.Password != "" || a.IdentityToken != "" || a.RegistryToken != ""
}

// helper names the program that has the login of a registry, by Docker's rules: the registry's own, else that for all. sure
// says whether it has one: docker login leaves an empty entry with the helper for all.
func (d *DockerConfig) helper(r authn.Resource) (helper string, sure bool) {
	for key, helper := range d.file.CredentialHelpers {
		if host, _ := keyParts(key); host == canonicalHost(r.RegistryStr()) {
			return helper, true
		}
	}
	_, known := d.find(r)
	return d.file.CredentialsStore, known
}

// keyParts reads a key of auths: HOST, HOST/NAMESPACE, or an address as Docker wrote it before, https://HOST/v1/.
func keyParts(key string) (host, path string) {
	host = canonicalHost(credentials.ConvertToHostname(key))
	if strings.Contains(key, "://") {
		return host, ""
	}
	_, path, _ = strings.Cut(key, "/")
	if path = strings.Trim(path, "/"); path == "v1" || path == "v2" {
		path = ""
	}
	return host, path
}

// canonicalHost makes one of the names of a registry.
func canonicalHost(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	if host == "docker.io" || host == "registry-1.docker.io" {
		return name.DefaultRegistry
	}
	return host
}

// keychain shows each registry the credentials that are for it, and no others.
type keychain struct{ c *Client }

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	o := k.c.options
	if k.c.given(r.RegistryStr()) {
		return authn.FromConfig(authn.AuthConfig{Username: o.Username, Password: o.Password}), nil
	}
	clouds, credentials := k.c.clouds(r.RegistryStr())
	if credentials {
		return visitor{o.Cloud, r.RegistryStr()}, nil
	}
	var login types.AuthConfig
	if o.Logins != nil {
		login, _ = o.Logins.find(r)
	}
	if hasLogin(login) {
		return authn.FromConfig(authn.AuthConfig{
			Username: login.Username, Password: login.Password,
			IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
		}), nil
	}
	if clouds {
		// It says what to give, or that it lets in anybody.
		if _, _, err := o.Cloud.Login(context.Background(), r.RegistryStr(), ""); err != nil {
			return nil, told{err}
		}
	}
	if o.Logins == nil {
		return authn.Anonymous, nil
	}
	if helper, sure := o.Logins.helper(r); helper != "" && sure {
		return nil, told{errors.New(k.c.helperCure(helper, r.RegistryStr()))}
	}
	return authn.Anonymous, nil
}

// given says whether --username and --password are for the registry.
func (c *Client) given(host string) bool {
	return (c.options.Username != "" || c.options.Password != "") && canonicalHost(host) == canonicalHost(c.options.Host)
}

// helperCure says what a user does about a login that only a program on the user's machine can give.
func (c *Client) helperCure(helper, host string) string {
	program := "docker-credential-" + helper
	said := fmt.Sprintf("--docker-config leaves the login of %s to %s, a program that the module cannot run: ", host, program)
	get := fmt.Sprintf(`echo %s | %s get | jq -r .Secret`, host, program)
	if host == name.DefaultRegistry {
		get = strings.Replace(get, host, "https://"+host+"/v1/", 1)
	}
	if canonicalHost(host) == canonicalHost(c.options.Host) {
		return said + fmt.Sprintf(`give --username USER --password cmd://"%s"`, get)
	}
	return said + "give a config that holds the login itself, as docs/registries.md shows"
}
