package native

import (
	"bytes"
	"debug/elf"
	"debug/pe"
	"encoding/binary"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// elfFile makes an ELF file of headers alone: a loader where it names one, and the libraries that it needs.
func elfFile(machine elf.Machine, kind elf.Type, loader string, needed ...string) []byte {
	const header, program, section, entry = 64, 56, 64, 16
	names := []byte{0}
	var dynamic []elf.Dyn64
	for _, n := range needed {
		dynamic = append(dynamic, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(names))})
		names = append(append(names, n...), 0)
	}
	dynamic = append(dynamic, elf.Dyn64{})
	atLoader := uint64(header + program)
	atNames := atLoader + uint64(len(loader)) + 1
	atDynamic := atNames + uint64(len(names))
	atSections := atDynamic + uint64(len(dynamic)*entry)
	h := elf.Header64{
		Type: uint16(kind), Machine: uint16(machine), Version: 1, Phoff: header, Ehsize: header, Phentsize: program,
		Shoff: atSections, Shentsize: section, Shnum: 3,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	if loader != "" {
		h.Phnum = 1
	}
	var b bytes.Buffer
	for _, part := range []any{
		h, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: atLoader, Filesz: uint64(len(loader)) + 1}, []byte(loader + "\x00"), names, dynamic,
		elf.Section64{},
		elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: atNames, Size: uint64(len(names))},
		elf.Section64{Type: uint32(elf.SHT_DYNAMIC), Off: atDynamic, Size: uint64(len(dynamic) * entry), Link: 1, Entsize: entry},
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// peFile makes a PE file with a CLR header of the flags, or without one where they are 0.
func peFile(machine uint16, flags uint32) []byte {
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 0x3a))
	optional := pe.OptionalHeader64{Magic: 0x20b, NumberOfRvaAndSizes: 16}
	if flags != 0 {
		optional.DataDirectory[14] = pe.DataDirectory{VirtualAddress: 0x2008, Size: 72}
	}
	clr := make([]byte, 8+72)
	binary.LittleEndian.PutUint32(clr[8+16:], flags)
	at := uint32(0x40 + 4 + 20 + binary.Size(optional) + 40)
	for _, part := range []any{
		uint32(0x40), []byte("PE\x00\x00"),
		pe.FileHeader{Machine: machine, NumberOfSections: 1, SizeOfOptionalHeader: uint16(binary.Size(optional))}, optional,
		pe.SectionHeader32{Name: [8]uint8{'.', 't'}, VirtualSize: 0x100, VirtualAddress: 0x2000, SizeOfRawData: uint32(len(clr)), PointerToRawData: at},
		clr,
	} {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestReadTellsArchitectureAndLibc(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    File
	}{
		"a glibc library":          {elfFile(elf.EM_X86_64, elf.ET_DYN, "", "libm.so.6", "libc.so.6"), File{Library, "amd64", platform.Glibc}},
		"an Alpine library":        {elfFile(elf.EM_AARCH64, elf.ET_DYN, "", "libc.musl-aarch64.so.1"), File{Library, "arm64", platform.Musl}},
		"a musl library":           {elfFile(elf.EM_AARCH64, elf.ET_DYN, "", "libc.so"), File{Library, "arm64", platform.Musl}},
		"a library without libc":   {elfFile(elf.EM_AARCH64, elf.ET_DYN, ""), File{Library, "arm64", ""}},
		"a glibc program":          {elfFile(elf.EM_AARCH64, elf.ET_DYN, "/lib/ld-linux-aarch64.so.1", "libdl.so.2"), File{Program, "arm64", platform.Glibc}},
		"a musl program":           {elfFile(elf.EM_X86_64, elf.ET_DYN, "/lib/ld-musl-x86_64.so.1"), File{Program, "amd64", platform.Musl}},
		"a static program":         {elfFile(elf.EM_ARM, elf.ET_EXEC, ""), File{Program, "arm", ""}},
		"Android's":                {elfFile(elf.EM_AARCH64, elf.ET_DYN, "/system/bin/linker64"), File{Program, "arm64", Bionic}},
		"a machine without .NET":   {elfFile(elf.EM_SPARCV9, elf.ET_DYN, ""), File{Library, "sparcv9", ""}},
		"ReadyToRun for Linux":     {peFile(pe.IMAGE_FILE_MACHINE_ARM64^0x7b79, 1), File{Assembly, "arm64", ""}},
		"IL of PlatformTarget x64": {peFile(pe.IMAGE_FILE_MACHINE_AMD64, 1), File{Assembly, "amd64", ""}},
	} {
		if got, ok := Read(bytes.NewReader(c.content)); !ok || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, ok, c.want)
		}
	}
}

func TestReadLeavesOutWhatNoLinuxProcessLoads(t *testing.T) {
	for name, content := range map[string][]byte{
		"IL for any processor":           peFile(pe.IMAGE_FILE_MACHINE_I386, 1),
		"a library for Windows":          peFile(pe.IMAGE_FILE_MACHINE_AMD64, 0),
		"a mixed assembly for Windows":   peFile(pe.IMAGE_FILE_MACHINE_AMD64, 0x10),
		"a library for macOS":            {0xcf, 0xfa, 0xed, 0xfe, 0, 0, 0, 0},
		"an object file":                 elfFile(elf.EM_X86_64, elf.ET_REL, ""),
		"a text":                         []byte("hello"),
		"an empty file":                  {},
		"an ELF file of four bytes":      []byte(elf.ELFMAG),
		"the beginning of an ELF header": elfFile(elf.EM_X86_64, elf.ET_DYN, "")[:40],
		"an MZ that is no PE":            []byte("MZ and more of it"),
	} {
		if got, ok := Read(bytes.NewReader(content)); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestReadARealProgram: this test is one.
func TestReadARealProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ELF programs are Linux's")
	}
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, ok := Read(file); !ok || got.Kind != Program || got.Architecture != runtime.GOARCH {
		t.Errorf("%+v, %v", got, ok)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(elfFile(elf.EM_X86_64, elf.ET_DYN, "/lib/ld-musl-x86_64.so.1", "libc.so.6"))
	f.Add(peFile(pe.IMAGE_FILE_MACHINE_AMD64, 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		if file, ok := Read(bytes.NewReader(content)); ok && (file.Kind == "" || file.Architecture == "") {
			t.Errorf("%+v", file)
		}
	})
}

func TestStem(t *testing.T) {
	for _, same := range [][]string{
		{"x64/libz.so", "arm64/libz.so", "aarch64/libz.so", "x86_64/libz.so"},
		{"runtimes/linux-x64/native/libz.so", "runtimes/linux-musl-arm64/native/libz.so"},
		{"Magick-Q8-x64.dll.so", "Magick-Q8-arm64.dll.so"},
	} {
		for _, file := range same {
			if Stem(file) != Stem(same[0]) {
				t.Errorf("%s has the stem %s, and %s has %s", file, Stem(file), same[0], Stem(same[0]))
			}
		}
	}
	for _, other := range []string{"libalarm.so", "x64/liby.so", "charm/libz.so"} {
		if Stem(other) == Stem("arm64/libz.so") || Stem(other) == Stem("lib.so") {
			t.Errorf("%s has the stem %s", other, Stem(other))
		}
	}
}

func TestCheck(t *testing.T) {
	amd64, arm64 := platform.Default()[0], platform.Default()[1]
	library := func(path, architecture string, libc platform.Libc) Found {
		return Found{path, "Lib 1.0", File{Library, architecture, libc}}
	}
	of := func(on platform.Platform, files ...Found) Image { return Image{on, platform.Glibc, files} }
	for name, c := range map[string]struct {
		images  []Image
		allowed string
		want    []string
		maybe   bool
	}{
		"what fits": {images: []Image{of(amd64, library("libz.so", "amd64", platform.Glibc)), of(arm64, library("libz.so", "arm64", ""))}},
		"an x64 library for arm64": {
			images: []Image{of(amd64, library("libz.so", "amd64", "")), of(arm64, library("libz.so", "amd64", ""))},
			want:   []string{"linux/arm64: libz.so (package Lib 1.0) is for amd64"},
		},
		"one that is allowed":  {images: []Image{of(arm64, library("native/libz.so", "amd64", ""))}, allowed: "liba.so, libz*"},
		"a choice at run time": {images: []Image{of(arm64, library("x64/libz.so", "amd64", ""), library("arm64/libz.so", "arm64", ""))}},
		"no choice": {
			images: []Image{of(arm64, library("x64/libz.so", "amd64", ""), library("arm64/liba.so", "arm64", ""))},
			want:   []string{"linux/arm64: x64/libz.so (package Lib 1.0) is for amd64"},
		},
		"musl on glibc": {
			images: []Image{of(amd64, library("libz.so", "amd64", platform.Musl))},
			want:   []string{"linux/amd64: libz.so (package Lib 1.0) is linked with musl, and the base has glibc"},
		},
		"a glibc library on musl": {
			images: []Image{{amd64, platform.Musl, []Found{library("libz.so", "amd64", platform.Glibc)}}},
			want:   []string{"linux/amd64: libz.so (package Lib 1.0) is linked with glibc, and the base has musl"}, maybe: true,
		},
		"a glibc program on musl": {
			images: []Image{{amd64, platform.Musl, []Found{{"tool", "", File{Program, "amd64", platform.Glibc}}}}},
			want:   []string{"linux/amd64: tool is linked with glibc, and the base has musl"},
		},
		"a base of which nothing is known": {images: []Image{{amd64, "", []Found{library("libz.so", "amd64", platform.Musl)}}}},
		"missing on arm64": {
			images: []Image{of(amd64, library("libz.so", "amd64", "")), of(arm64)},
			want:   []string{"linux/arm64: libz.so (package Lib 1.0) is missing: the package has it for linux/amd64 and not for this platform"},
		},
		"missing on arm64, and allowed": {images: []Image{of(amd64, library("libz.so", "amd64", "")), of(arm64)}, allowed: "libz.so"},
		"a package for each architecture": {images: []Image{
			of(amd64, Found{"Magick-x64.so", "Magick-x64 1", File{Library, "amd64", ""}}), of(arm64, Found{"Magick-arm64.so", "Magick-arm64 1", File{Library, "arm64", ""}}),
		}},
		".NET's own differ": {images: []Image{of(amd64, Found{"libcoreclrtraceptprovider.so", "", File{Library, "amd64", ""}}), of(arm64)}},
	} {
		allowed, err := ParseAllowed(c.allowed)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		findings := Check(c.images, allowed)
		for _, f := range findings {
			got = append(got, f.String())
			if f.Maybe != c.maybe {
				t.Errorf("%s: %s: maybe %v", name, f, f.Maybe)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		notes, err := Report(findings)
		if wrong := len(c.want) > 0 && !c.maybe; (err != nil) != wrong || len(notes) > 0 != c.maybe {
			t.Errorf("%s: notes %q, error %v", name, notes, err)
		}
	}
}

func TestTheErrorSaysHowToMendIt(t *testing.T) {
	_, err := Report([]Finding{
		{Platform: "linux/arm64", Path: "native/libz.so", Package: "Lib 1.0", Why: "is for amd64"},
		{Platform: "linux/arm64", Path: "libz.so", Why: "is for amd64"},
	})
	for _, says := range []string{"native/libz.so (package Lib 1.0) is for amd64", "--allow-foreign 'libz.so'"} {
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q in one line", err, says)
		}
	}
}

func TestABadPatternIsRefused(t *testing.T) {
	if _, err := ParseAllowed("libz.so,[a"); err == nil || !strings.Contains(err.Error(), "[a") {
		t.Errorf("%v", err)
	}
}
