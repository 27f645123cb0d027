package registry

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/name"
)

// parse reads HOST/REPOSITORY[:TAG][@DIGEST] by the grammar that Docker and the distribution specification share
// (github.com/distribution/reference). A digest beats a tag, and without either the tag is latest. The error is the cause and
// its cure, in one line and without what may be a password in it.
func parse(text string) (name.Reference, error) { return parseTyped(text, text) }

// parseTyped is parse of a reference whose errors quote what was typed, from which it was made.
func parseTyped(typed, text string) (name.Reference, error) {
	doing := fmt.Sprintf("reading image reference %q", shown(typed))
	if cause := malformed(text); cause != "" {
		return nil, fmt.Errorf("%s: %s", doing, cause)
	}
	named, err := reference.ParseDockerRef(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", doing, grammar(err))
	}
	var options []name.Option
	host := reference.Domain(named)
	if IsLoopback(host) {
		options = append(options, name.Insecure) // allows plain http, and still asks for https first
	}
	registry, err := name.NewRegistry(host, options...)
	if err != nil || host == "" { // Docker's grammar takes what cannot be a host for a part of the repository
		return nil, fmt.Errorf("%s: its host %q is none; %s", doing, strings.SplitN(text, "/", 2)[0], want)
	}
	repository := registry.Repo(reference.Path(named))
	if digested, ok := named.(reference.Digested); ok {
		return repository.Digest(digested.Digest().String()), nil
	}
	return repository.Tag(named.(reference.Tagged).Tag()), nil
}

const want = "want HOST/REPOSITORY[:TAG]"

// malformed finds the slips that the grammar would only call an invalid format.
func malformed(text string) string {
	host, path, slash := strings.Cut(text, "/")
	_, port, hasPort := strings.Cut(host[strings.LastIndex(host, "]")+1:], ":")
	switch {
	case strings.TrimSpace(text) == "":
		return want
	case strings.Contains(text, "://"):
		return "leave out the scheme; a reference is HOST/REPOSITORY[:TAG]"
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "there is a space or line break in it; " + want
	case slash && strings.Contains(host, "@"):
		return "leave out the user and password before the host; give them with --username and --password"
	case strings.Contains(text, "\\"):
		return "there is a backslash in it; " + want
	case host == "" && slash:
		return "the host before the first '/' is missing; " + want
	case slash && path == "" || !slash && looksLikeHost(text):
		return "the repository is missing; " + want
	case strings.Contains(text, "//"):
		return "a part between two '/' is empty; " + want
	case strings.HasSuffix(text, "/"):
		return "it ends with '/'; " + want
	case slash && strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "["):
		return "an IPv6 address stands in brackets: [::1]:5000/REPOSITORY"
	case slash && hasPort && !isPort(port):
		return fmt.Sprintf("%q is not a port; want a number from 1 to 65535", port)
	}
	repository, tag, tagged, digest, digested := split(text)
	switch {
	case digested && digest == "":
		return "the digest after '@' is missing; want @sha256: and 64 hexadecimal digits"
	case digested && !sha256Digest.MatchString(digest):
		return "the digest is not well formed; want @sha256: and 64 hexadecimal digits in lower case"
	case tagged && tag == "":
		return "the tag after ':' is missing; want HOST/REPOSITORY:TAG, or leave the ':' out"
	case tagged && !validTag.MatchString(tag):
		return fmt.Sprintf("tag %q: %s", tag, wantTag)
	case strings.ToLower(repository) != repository:
		return "want the repository in lower case; " + want
	}
	return ""
}

// split gives the parts of a reference after its host.
func split(text string) (repository, tag string, tagged bool, digest string, digested bool) {
	rest, digest, digested := strings.Cut(text, "@")
	if _, after, slash := strings.Cut(rest, "/"); slash {
		rest = after
	}
	repository, tag, tagged = strings.Cut(rest, ":")
	return repository, tag, tagged, digest, digested
}

// looksLikeHost says whether a text without '/' is a host rather than a repository of Docker Hub.
func looksLikeHost(text string) bool {
	host, port, hasPort := strings.Cut(text, ":")
	return host == "localhost" || strings.HasPrefix(text, "[") || hasPort && strings.Contains(host, ".") && isPort(port) ||
		!hasPort && strings.Contains(host, ".") && !strings.Contains(text, "@")
}

// namesHost says whether a reference that can be read begins with a host, by Docker's rule; without one it is of Docker Hub.
func namesHost(text string) bool {
	first, _, slash := strings.Cut(text, "/")
	return slash && (first == "localhost" || strings.ContainsAny(first, ".:") || strings.ToLower(first) != first)
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}

// shown is the reference as an error may show it: without what may be a user and password before the host.
func shown(text string) string {
	if at := strings.LastIndex(text, "@"); at > 0 && (strings.Contains(text[at:], "/") || !strings.Contains(text[:at], "/")) {
		return "…" + text[at:]
	}
	return text
}

func grammar(err error) string {
	if errors.Is(err, reference.ErrNameTooLong) {
		return fmt.Sprintf("the repository has more than %d characters", reference.RepositoryNameTotalLengthMax)
	}
	return want + ", the repository in lower case letters and digits, with single '.', '_' or '-' between them"
}
