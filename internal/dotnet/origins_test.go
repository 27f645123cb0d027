package dotnet

import "testing"

func TestOrigins(t *testing.T) {
	const deps = `{
		"runtimeTarget": {"name": ".NETCoreApp,Version=v10.0/linux-arm64"},
		"targets": {".NETCoreApp,Version=v10.0/linux-arm64": {
			"App/1.0.0": {"runtime": {"App.dll": {}}},
			"Lib.Native/2.1.0": {"native": {"runtimes/linux-arm64/native/libz.so": {"fileVersion": "0.0.0.0"}}},
			"Lib/2.1.0": {"runtime": {"lib/net8.0/Lib.dll": {}}},
			"Other/3.0.0": {"runtimeTargets": {"runtimes/linux/native/libo.so": {"rid": "linux"}}, "runtime": {"lib/net8.0/Lib.dll": {}}},
			"runtimepack.Microsoft.NETCore.App.Runtime.linux-arm64/10.0.0": {"native": {"libclrjit.so": {}}}
		}},
		"libraries": {
			"App/1.0.0": {"type": "project"}, "Lib.Native/2.1.0": {"type": "package"}, "Lib/2.1.0": {"type": "package"}, "Other/3.0.0": {"type": "package"},
			"runtimepack.Microsoft.NETCore.App.Runtime.linux-arm64/10.0.0": {"type": "runtimepack"}
		}
	}`
	origins, err := NewOrigins("App", []byte(deps))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"libz.so": "Lib.Native 2.1.0", "runtimes/linux-arm64/native/libz.so": "Lib.Native 2.1.0", "runtimes/linux/native/libo.so": "Other 3.0.0",
		"Lib.dll": "Lib 2.1.0", "App.dll": "", "libclrjit.so": "", "unknown.so": "",
	} {
		if got := origins.Package(file); got != want {
			t.Errorf("%s is of %q, want %q", file, got, want)
		}
	}
	if none, err := NewOrigins("App", nil); err != nil || none.Package("libz.so") != "" {
		t.Errorf("without deps.json: %v", err)
	}
	if _, err := NewOrigins("App", []byte("{")); err == nil {
		t.Error("a deps.json that is none is taken")
	}
}
