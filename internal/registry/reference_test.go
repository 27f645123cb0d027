package registry

import (
	"strings"
	"testing"
)

func TestReferencesAreReadAsDockerReadsThem(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for text, want := range map[string]string{
		"ubuntu":                                "index.docker.io/library/ubuntu:latest",
		"me/app":                                "index.docker.io/me/app:latest",
		"docker.io/me/app:1":                    "index.docker.io/me/app:1",
		"mcr.microsoft.com/dotnet/aspnet:10.0":  "mcr.microsoft.com/dotnet/aspnet:10.0",
		"ghcr.io/a/b:1@" + digest:               "ghcr.io/a/b@" + digest,
		"ghcr.io/a/b@" + digest:                 "ghcr.io/a/b@" + digest,
		"localhost/app":                         "localhost/app:latest",
		"localhost:5001/app":                    "localhost:5001/app:latest",
		"[::1]:5000/app:x":                      "[::1]:5000/app:x",
		"registry:5000/app":                     "registry:5000/app:latest",
		"10.0.0.7/team/app__x/y-z.q:V_1.2-rc.3": "10.0.0.7/team/app__x/y-z.q:V_1.2-rc.3",
		"xn--bcher-kva.example/app":             "xn--bcher-kva.example/app:latest",
		"app:1.2":                               "index.docker.io/library/app:1.2",
	} {
		ref, err := parse(text)
		if err != nil || ref.Name() != want {
			t.Errorf("%s: %v, %v, want %s", text, ref, err, want)
		}
	}
}

func TestEveryMalformedReferenceHasItsCause(t *testing.T) {
	for _, c := range []struct{ reference, says string }{
		{"", "--image"},
		{"  ", "--image"},
		{"https://ghcr.io/a", "leave out the scheme"},
		{"docker://ghcr.io/a", "leave out the scheme"},
		{"oci:https://ghcr.io/a", "leave out the scheme"},
		{"ghcr.io/a b", "space or line break"},
		{"ghcr.io/a\n", "space or line break"},
		{" ghcr.io/a", "space or line break"},
		{"ghcr.io/a:1\t", "space or line break"},
		{"ghcr.io/a\x00", "space or line break"},
		{`ghcr.io\a`, "backslash"},
		{"ghcr.io", "the repository is missing"},
		{"ghcr.io/", "the repository is missing"},
		{"localhost:5000", "the repository is missing"},
		{"registry.example.com:5000", "the repository is missing"},
		{"/a/b", "the host before the first '/' is missing"},
		{"ghcr.io//a", "a part between two '/' is empty"},
		{"ghcr.io/a//b", "a part between two '/' is empty"},
		{"ghcr.io/a/", "it ends with '/'"},
		{"ghcr.io/A/B", "lower case"},
		{"ghcr.io/Team/app:1", "lower case"},
		{"ghcr.io/-a", "single '.', '_' or '-' between"},
		{"ghcr.io/a-", "single '.', '_' or '-' between"},
		{"ghcr.io/a..b", "single '.', '_' or '-' between"},
		{"ghcr.io/a/../b", "single '.', '_' or '-' between"},
		{"ghcr.io/a___b", "single '.', '_' or '-' between"},
		{"ghcr.io/büro", "single '.', '_' or '-' between"},
		{"ghcr.io/a?b=c", "single '.', '_' or '-' between"},
		{"ghcr.io/" + strings.Repeat("a/", 150) + "b", "more than 255 characters"},
		{"ghcr.io/a:", "the tag after ':' is missing"},
		{"ghcr.io/a:!", `tag "!"`},
		{"ghcr.io/a:-1", `tag "-1"`},
		{"ghcr.io/a:1+2", `tag "1+2"`},
		{"ghcr.io/a:1:2", `tag "1:2"`},
		{"ghcr.io/a:b/c", `tag "b/c"`},
		{"ghcr.io/a:" + strings.Repeat("x", 129), "up to 128"},
		{"ghcr.io:x/a", `"x" is not a port`},
		{"ghcr.io:/a", `"" is not a port`},
		{"ghcr.io:70000/a", `"70000" is not a port`},
		{"ghcr.io:0/a", `"0" is not a port`},
		{"::1:5000/a", "stands in brackets"},
		{"ghcr.io/a@", "the digest after '@' is missing"},
		{"ghcr.io/a@latest", "the digest is not well formed"},
		{"ghcr.io/a@sha256:" + strings.Repeat("a", 64), "leave out the digest"},
		{"ghcr.io/a:1@sha256:" + strings.Repeat("a", 64), "leave out the digest"},
		{"me:hunter2@ghcr.io/a", "leave out the user and password"},
		{"me:hunter2@ghcr.io:5000/a", "leave out the user and password"},
		{"https://me:hunter2@ghcr.io/a", "leave out the scheme"},
		{"me:hunter2@ghcr.io", "the digest is not well formed"},
		{"app", "Docker's own images"},
		{"docker.io/library/app", "Docker's own images"},
		{"exa_mple.com/app", `its host "exa_mple.com" is none`},
	} {
		_, err := ParseTarget(c.reference, nil)
		checkLine(t, c.reference, err, c.says)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: a password is in the error: %v", c.reference, err)
		}
	}
	for digest, says := range map[string]string{
		"sha256:abc": "64 hexadecimal digits", "sha256:" + strings.Repeat("A", 64): "lower case", "sha512:" + strings.Repeat("a", 128): "@sha256:",
		strings.Repeat("a", 64): "@sha256:", "sha256:" + strings.Repeat("a", 64) + ":1": "64 hexadecimal digits",
	} {
		_, err := parse("ghcr.io/a@" + digest)
		checkLine(t, digest, err, says)
	}
}

// checkLine: an error is one line that says what is wanted.
func checkLine(t *testing.T, of string, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%q: no error", of)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q: %q does not say %q", of, err, s)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("%q: the error is not one line: %q", of, err)
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"ghcr.io/a/b:1", "app", "localhost:5000/a@sha256:x", "[::1]:5/a", "a:b@c/d", "https://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ParseTarget(text, nil)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%q: the error is not one line: %q", text, err)
			}
			return
		}
		again, err := ParseTarget(target.Repository.Name(), target.Tags)
		if err != nil || again.Repository.Name() != target.Repository.Name() || again.Tags[0] != target.Tags[0] {
			t.Errorf("%q gives %v, which is read as %v, %v", text, target, again, err)
		}
	})
}
