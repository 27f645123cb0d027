package lock

import (
	"strings"
	"testing"
)

const (
	aspnet = "mcr.microsoft.com/dotnet/aspnet:10.0"
	sdk    = "mcr.microsoft.com/dotnet/sdk:10.0"
)

var a, b = "sha256:" + strings.Repeat("a", 64), "sha256:" + strings.Repeat("b", 64)

// others is what Dagger's engine wrote: lines of its own repository's lock, https://github.com/dagger/dagger/blob/v1.0.0-beta.10/dagger.lock
const others = `[["version","2"]]
["","container.from",["docker.io/library/busybox:latest","linux/amd64"],"sha256:dc2d74b28e4cf8984fa52af1f39bc7c3d9c73760b41a74d629f5d11b1ab28616"]
["","git.ref",["https://github.com/dagger/go-sdk","HEAD"],{"ref":"refs/heads/main","sha":"9b6c556101f8fdace897aa3ed1ff9e3efb344e34"}]`

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func digest(t *testing.T, f *File, reference string, platforms ...string) string {
	t.Helper()
	d, err := f.Digest(reference, platforms)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEntriesOfOthersAreKeptAndOursAreSorted(t *testing.T) {
	f := parse(t, others)
	if f.String() != others {
		t.Errorf("what Dagger wrote comes back as\n%s", f)
	}
	f.Set(Pin{sdk, a, []string{"linux/arm64", "linux/amd64"}})
	f.Set(Pin{aspnet, b, []string{"linux/amd64"}})
	lines := strings.Split(others, "\n")
	want := strings.Join([]string{
		lines[0], lines[1],
		`["","container.from",["mcr.microsoft.com/dotnet/aspnet:10.0","linux/amd64"],"` + b + `"]`,
		`["","container.from",["mcr.microsoft.com/dotnet/sdk:10.0","linux/amd64"],"` + a + `"]`,
		`["","container.from",["mcr.microsoft.com/dotnet/sdk:10.0","linux/arm64"],"` + a + `"]`,
		lines[2],
	}, "\n")
	if f.String() != want {
		t.Errorf("got\n%s\nwant\n%s", f, want)
	}
	if again := parse(t, f.String()); again.String() != want {
		t.Errorf("read and written again it is\n%s", again)
	}
	f.Set(Pin{aspnet, a, []string{"linux/amd64"}})
	if got := f.String(); got != strings.Replace(want, b, a, 1) {
		t.Errorf("an entry is not updated in place:\n%s", got)
	}
}

func TestAFileOfVersion1StaysOne(t *testing.T) {
	text := `[["version","1"]]
["","container.from",["` + aspnet + `","linux/amd64"],"` + a + `","pin"]
["","container.from",["` + sdk + `","linux/amd64"],"` + a + `","float"]`
	f := parse(t, text)
	if f.String() != text {
		t.Errorf("got\n%s", f)
	}
	if digest(t, f, aspnet, "linux/amd64") != a || digest(t, f, sdk, "linux/amd64") != "" {
		t.Error("a floating entry pins, or a pinned one does not")
	}
	if line := f.Behind(Pin{sdk, a, []string{"linux/amd64"}}); !strings.Contains(line, "not locked") {
		t.Errorf("a floating entry counts as locked: %q", line)
	}
	f.Set(Pin{sdk, b, []string{"linux/amd64"}})
	if want := strings.Replace(text, a+`","float"`, b+`","pin"`, 1); f.String() != want {
		t.Errorf("got\n%s\nwant\n%s", f, want)
	}
}

func TestDigest(t *testing.T) {
	f := &File{}
	if f.String() != "" || digest(t, f, aspnet, "linux/amd64") != "" {
		t.Error("an empty lock is not empty")
	}
	f.Set(Pin{aspnet, a, []string{"linux/amd64"}})
	for reference, want := range map[string]string{aspnet: a, sdk: "", "mcr.microsoft.com/dotnet/aspnet:9.0": "", "127.0.0.1:5001/dotnet/aspnet:10.0": ""} {
		if got := digest(t, f, reference, "linux/amd64"); got != want {
			t.Errorf("%s is locked to %q, want %q", reference, got, want)
		}
	}
	if got := digest(t, f, aspnet, "linux/arm64"); got != a {
		t.Errorf("a platform that was locked later than another is %q", got)
	}
	f.Set(Pin{aspnet, b, []string{"linux/arm64"}})
	if got := digest(t, f, aspnet, "linux/arm64"); got != b {
		t.Errorf("of two digests the platform's own is not taken: %q", got)
	}
	if _, err := f.Digest(aspnet, []string{"linux/amd64", "linux/arm64"}); err == nil || !strings.Contains(err.Error(), Renew) {
		t.Errorf("two digests for one image: %v", err)
	}
}

func TestBehind(t *testing.T) {
	both := []string{"linux/amd64", "linux/arm64"}
	f := &File{}
	f.Set(Pin{aspnet, a, both})
	for _, c := range []struct {
		newest Pin
		want   string
	}{
		{Pin{aspnet, a, both}, ""},
		{Pin{aspnet, a, both[:1]}, ""},
		{Pin{aspnet, b, both}, aspnet + ": locked " + a + ", newest " + b + ": " + Renew},
		{Pin{aspnet, a, append(both, "linux/s390x")}, aspnet + ": not locked for linux/s390x, newest " + a + ": " + Renew},
		{Pin{sdk, a, both}, sdk + ": not locked for linux/amd64, linux/arm64, newest " + a + ": " + Renew},
	} {
		if got := f.Behind(c.newest); got != c.want {
			t.Errorf("%v: got %q, want %q", c.newest, got, c.want)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	header := `[["version","2"]]` + "\n"
	for text, says := range map[string]string{
		`{}`:                         `line 1: it has to be [["version","2"]]`,
		`[["version","3"]]`:          `line 1: version "3" is not known`,
		"\n\n" + `["","x",[],""]`:    "line 3: it has to be",
		header + "<<<<<<< HEAD":      "line 2: it is not a JSON list",
		header + `["","x",[]]`:       "line 2: it has 3 members, not 4",
		header + `["","x",{},""]`:    "line 2: it is not [namespace",
		header + `["","x",[],""] []`: "line 2: it is not a JSON list: there is more",
		`[["version","1"]]` + "\n" + `["","x",[],"",1]`: "line 2: its policy",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "reading dagger.lock: "+says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
	f := parse(t, header+`["","container.from",["`+aspnet+`","linux/amd64"],"latest"]`)
	if _, err := f.Digest(aspnet, []string{"linux/amd64"}); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("a value that is no digest: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for reference, want := range map[string]string{
		aspnet: aspnet, "mcr.microsoft.com/dotnet/sdk": "mcr.microsoft.com/dotnet/sdk:latest", "alpine": "docker.io/library/alpine:latest",
		"docker.io/me/app:1": "docker.io/me/app:1", "localhost:5000/a:1": "localhost:5000/a:1",
		"mcr.microsoft.com/dotnet/aspnet@" + a: "", aspnet + "@" + a: "",
	} {
		if got, err := Canonical(reference); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", reference, got, err, want)
		}
	}
	if _, err := Canonical("A b"); err == nil || !strings.Contains(err.Error(), `"A b"`) {
		t.Errorf("a malformed reference: %v", err)
	}
}

// FuzzParse: what can be read is written and read again as the same, and an image that is locked is found.
func FuzzParse(f *testing.F) {
	f.Add(others)
	f.Add(`[["version","1"]]` + "\n" + `["","container.from",["x",1.0e5],{"b":[],"a":null},"pin"]`)
	f.Add(`[["version","2"]]` + "\n" + `["n","o",["<&>","\u2028"],"é"]` + "\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		lock, err := Parse(text)
		if err != nil {
			return
		}
		once := lock.String()
		again, err := Parse(once)
		if err != nil || again.String() != once {
			t.Errorf("%q is written as %q and read as %v, %v", text, once, again, err)
		}
		lock.Set(Pin{aspnet, a, []string{"linux/amd64"}})
		if got, err := lock.Digest(aspnet, []string{"linux/amd64"}); err != nil || got != a {
			t.Errorf("locked and found as %q, %v", got, err)
		}
	})
}
