// Package native reads off a file which machines can run it: the architecture and the C library of an ELF file, the machine of
// a .NET assembly with native code. It says whether that fits a platform, and explains why not.
package native

import (
	"bytes"
	"debug/elf"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Kind is what a native file is.
type Kind string

// The kinds that are told apart; what is neither, such as a library for Windows or macOS, is no native file here.
const (
	Program  Kind = "program"  // an ELF file that the kernel starts by way of a loader, or by itself
	Library  Kind = "library"  // an ELF file that a process loads
	Assembly Kind = "assembly" // a .NET assembly with native code for Linux, or IL that is bound to one architecture
)

// File is what the header of a native file says.
type File struct {
	Kind Kind `json:"kind"`
	// Architecture as an OCI platform has it, such as arm64; an unknown machine is in ELF's own words.
	Architecture string `json:"architecture"`
	// Libc is the C library that the file is linked with; "" where it brings its own or needs none.
	Libc platform.Libc `json:"libc,omitempty"`
}

// Bionic is Android's C library, which no base image of .NET has.
const Bionic platform.Libc = "bionic"

// Head is how many bytes of a file say whether it is worth a closer look, and all that Read reads of an assembly.
const Head = 64 << 10

// IsELF says whether a file that begins so is an ELF file, of which Read wants the whole.
func IsELF(head []byte) bool { return bytes.HasPrefix(head, []byte(elf.ELFMAG)) }

// Read reads the header of a file that is opened at its beginning; ok is false for what is no native file. A damaged file is
// none: whether anybody needs it is not known.
func Read(file io.ReaderAt) (f File, ok bool) {
	head := make([]byte, 4)
	if n, _ := file.ReadAt(head, 0); n < len(head) {
		return File{}, false
	}
	switch {
	case IsELF(head):
		return readELF(file)
	case bytes.HasPrefix(head, []byte("MZ")):
		return readPE(file)
	}
	return File{}, false
}

func readELF(file io.ReaderAt) (File, bool) {
	e, err := elf.NewFile(file)
	if err != nil || e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return File{}, false // objects, core dumps, programs for BPF: data to a process
	}
	f := File{Kind: Library, Architecture: architecture(e)}
	loader := ""
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			content, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			if err != nil {
				return File{}, false
			}
			loader = string(bytes.TrimRight(content, "\x00"))
		}
	}
	needed, err := e.ImportedLibraries()
	if err != nil {
		needed = nil // a static one has no dynamic section
	}
	if loader != "" || e.Type == elf.ET_EXEC {
		f.Kind = Program
	}
	f.Libc = libc(loader, needed)
	if e.Section(".note.android.ident") != nil {
		f.Libc = Bionic
	}
	return f, true
}

func architecture(e *elf.File) string {
	if p, ok := platform.FromMachine(e.Machine); ok {
		return p.Architecture
	}
	return strings.ToLower(strings.TrimPrefix(e.Machine.String(), "EM_"))
}

// libc tells the C library by the loader that a program names and the libraries that a file needs: glibc's have a version of
// their own, musl is one library, which Alpine calls libc.musl-ARCH.so.1 and others libc.so.
func libc(loader string, needed []string) platform.Libc {
	for _, name := range append(slices.Clone(needed), loader[strings.LastIndex(loader, "/")+1:]) {
		switch {
		case strings.HasPrefix(name, "libc.musl-"), strings.HasPrefix(name, "ld-musl-"), name == "libc.so":
			return platform.Musl
		case name == "libc.so.6", strings.HasPrefix(name, "ld-linux"), strings.HasPrefix(name, "ld64.so"):
			return platform.Glibc
		case name == "linker", name == "linker64":
			return Bionic
		}
	}
	return ""
}

// linux is mixed into the machine of an assembly that was compiled ReadyToRun for Linux,
// https://github.com/dotnet/runtime/blob/main/docs/design/coreclr/botr/readytorun-format.md
const linux = 0x7b79

var machines = map[uint16]string{
	pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64", pe.IMAGE_FILE_MACHINE_ARMNT: "arm",
	pe.IMAGE_FILE_MACHINE_I386: "386", pe.IMAGE_FILE_MACHINE_LOONGARCH64: "loong64", pe.IMAGE_FILE_MACHINE_RISCV64: "riscv64",
}

// readPE knows assemblies that only one architecture loads: the runtime refuses others with a BadImageFormatException. Windows'
// own libraries, also those with .NET code in them, no process on Linux loads.
func readPE(file io.ReaderAt) (File, bool) {
	head := make([]byte, Head)
	n, _ := file.ReadAt(head, 0)
	head = head[:n]
	// Go's reader of PE files refuses machines that Windows does not have.
	if name, ok := machines[machine(head)^linux]; ok {
		return File{Kind: Assembly, Architecture: name}, true
	}
	p, err := pe.NewFile(bytes.NewReader(head))
	if err != nil {
		return File{}, false
	}
	// A machine of its own in an assembly of IL alone: PlatformTarget. That of AnyCPU is I386.
	if name, ok := machines[p.Machine]; ok && p.Machine != pe.IMAGE_FILE_MACHINE_I386 && onlyIL(p, head) {
		return File{Kind: Assembly, Architecture: name}, true
	}
	return File{}, false
}

// machine reads the field of the COFF header; 0 where there is none.
func machine(head []byte) uint16 {
	const addressOfHeader = 0x3c
	if len(head) < addressOfHeader+4 {
		return 0
	}
	at := int64(binary.LittleEndian.Uint32(head[addressOfHeader:]))
	if at+6 > int64(len(head)) || !bytes.Equal(head[at:at+4], []byte("PE\x00\x00")) {
		return 0
	}
	return binary.LittleEndian.Uint16(head[at+4:])
}

// onlyIL reads the flags of the CLI header (ECMA-335, II.25.3.3); false where it lies beyond the head, which compilers of IL put
// it into.
func onlyIL(p *pe.File, head []byte) bool {
	const directory, flags, ilOnly = 14, 16, 1
	header, ok := p.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || header.DataDirectory[directory].Size == 0 {
		return false
	}
	address := header.DataDirectory[directory].VirtualAddress
	for _, s := range p.Sections {
		if address < s.VirtualAddress || address >= s.VirtualAddress+s.VirtualSize {
			continue
		}
		at := int64(s.Offset) + int64(address-s.VirtualAddress) + flags
		return at+4 <= int64(len(head)) && binary.LittleEndian.Uint32(head[at:])&ilOnly != 0
	}
	return false
}

// Misfit says why a file does not run on a platform; "" where it does. maybe is true where it need not fail. An unknown C library
// of the base fits any.
func (f File) Misfit(on platform.Platform, base platform.Libc) (why string, maybe bool) {
	switch {
	case f.Architecture != on.Architecture:
		return "is for " + f.Architecture, false
	case f.Libc == "" || base == "" || f.Libc == base:
		return "", false
	}
	why = fmt.Sprintf("is linked with %s, and the base has %s", f.Libc, base)
	// musl answers for libc.so.6, so that a library which asks for nothing special works there; a program's loader is missing.
	return why, f.Libc == platform.Glibc && f.Kind == Library
}
