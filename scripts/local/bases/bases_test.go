package bases

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answers is a mcr.microsoft.com that counts how often it is asked.
func answers(yes bool) (ask func(context.Context) bool, asked *int) {
	asked = new(int)
	return func(context.Context) bool { *asked++; return yes }, asked
}

// madeOptions have a composed set of a bundle in cache and registry.
func madeOptions(t *testing.T) Options {
	t.Helper()
	host, _ := testRegistry(t)
	o := Options{Cache: t.TempDir(), Registry: host, Bundle: filepath.Join(t.TempDir(), "dotnet-10.0.tar.xz")}
	if err := os.WriteFile(o.Bundle, []byte("bundle"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := bundle{path: o.Bundle}
	size, modified, err := b.stat()
	if err != nil {
		t.Fatal(err)
	}
	rec := record{Recipe: recipe, DotNet: net10, Images: pushed10(t, host), Inputs: map[string]string{"bundle.size": size, "bundle.modified": modified}}
	if err := rec.write(o.recordPath(b)); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestMicrosoftsImagesComeFirst(t *testing.T) {
	microsoft, asked := answers(true)
	choice, err := ensure(context.Background(), Options{Cache: t.TempDir(), Bundle: "/no/such/bundle"}, "", microsoft)
	if err != nil || choice != microsoftChoice || *asked != 1 {
		t.Errorf("choice %+v, error %v, asked %d times", choice, err, *asked)
	}
}

func TestComposedSetIsUsedAtOnce(t *testing.T) {
	o := madeOptions(t)
	microsoft, asked := answers(true)
	choice, err := ensure(context.Background(), o, "", microsoft)
	want := Choice{Source: "the bundle dotnet-10.0.tar.xz", DotNet: "10.0.12", BaseRegistry: o.Registry}
	if err != nil || choice != want || *asked != 0 {
		t.Errorf("choice %+v, error %v, Microsoft was asked %d times", choice, err, *asked)
	}
}

func TestSetThatIsNoLongerGoodIsNotUsed(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, o *Options){
		"another registry": func(t *testing.T, o *Options) { o.Registry, _ = testRegistry(t) },
		"another bundle": func(t *testing.T, o *Options) {
			if err := os.WriteFile(o.Bundle, []byte("another bundle"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another recipe": func(t *testing.T, o *Options) {
			path := o.recordPath(bundle{})
			rec, err := readRecord(path)
			if err != nil {
				t.Fatal(err)
			}
			rec.Recipe++
			if err := rec.write(path); err != nil {
				t.Fatal(err)
			}
		},
		"half a record": func(t *testing.T, o *Options) {
			if err := os.WriteFile(o.recordPath(bundle{}), []byte(`{"recipe": 1, "im`), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := madeOptions(t)
			spoil(t, &o)
			microsoft, asked := answers(true)
			if choice, err := ensure(context.Background(), o, "", microsoft); err != nil || choice != microsoftChoice || *asked != 1 {
				t.Errorf("choice %+v, error %v, Microsoft was asked %d times", choice, err, *asked)
			}
		})
	}
}

func TestSourceCanBeFixed(t *testing.T) {
	microsoft, asked := answers(true)
	if choice, err := ensure(context.Background(), Options{}, "mcr", microsoft); err != nil || choice != microsoftChoice || *asked != 0 {
		t.Errorf("mcr: choice %+v, error %v", choice, err)
	}
	for forced, want := range map[string]string{"bundle": "set DOTNET_BUNDLE", "docker": "none of mcr, bundle, npm"} {
		if _, err := ensure(context.Background(), Options{}, forced, microsoft); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", forced, err)
		}
	}
	if src, err := (Options{Bundle: "x.tar.xz"}).source("npm"); err != nil || src.name() != "npm" {
		t.Errorf("npm beside a bundle: %v, %v", src, err)
	}
}

func TestNpmsSDKIsNamedWithWhatTheSampleNeeds(t *testing.T) {
	got := npm{}.choice("127.0.0.1:5001", record{DotNet: versions{Runtime: "3.1.2"}})
	want := Choice{
		Source: "npm's .NET SDK 3.1 and Debian 11 packages", DotNet: "3.1.2", BaseRegistry: "127.0.0.1:5001",
		SDKImage: "127.0.0.1:5001/dotnet/sdk:3.1", Property: "SampleFramework=netcoreapp3.1;UseAppHost=false",
	}
	if got != want {
		t.Errorf("the choice is %+v, want %+v", got, want)
	}
}

func TestNothingIsBegunWithoutARegistry(t *testing.T) {
	if checkDebianTools() != nil {
		t.Skip("needs mmdebstrap: apt-get install -y mmdebstrap")
	}
	o := madeOptions(t)
	o.Registry = "127.0.0.1:1"
	microsoft, _ := answers(false)
	_, err := ensure(context.Background(), o, "", microsoft)
	if err == nil || !strings.Contains(err.Error(), "no registry answers on 127.0.0.1:1") {
		t.Errorf("the error is %v", err)
	}
}
