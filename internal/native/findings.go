package native

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Found is a native file of an image.
type Found struct {
	// Path below the app's folder, with forward slashes; that of a file elsewhere in an image begins with one.
	Path string `json:"path"`
	// Package that brought it, NAME VERSION; "" where none is known to have.
	Package string `json:"package,omitempty"`
	File
}

// Image is what one platform of an image has of native files.
type Image struct {
	Platform platform.Platform
	// Libc is the base's; "" where it is not known.
	Libc  platform.Libc
	Files []Found
}

// Finding is a file that does not run where it is, or one that is missing.
type Finding struct {
	Platform string `json:"platform"`
	Path     string `json:"path"`
	Package  string `json:"package,omitempty"`
	// Why goes on after the file's name: "is for amd64".
	Why string `json:"why"`
	// Maybe is true where it need not fail.
	Maybe bool `json:"maybe,omitempty"`
}

// String tells one file in one line.
func (f Finding) String() string {
	of := ""
	if f.Package != "" {
		of = " (package " + f.Package + ")"
	}
	return fmt.Sprintf("%s: %s%s %s", f.Platform, f.Path, of, f.Why)
}

// Check compares the native files of every platform with it. A foreign file beside one that fits, of the same name but for the
// architecture's, is one that the app chooses from, and is none. Missing is what a package has for one of the platforms and not
// for another.
func Check(images []Image, allowed Allowed) []Finding {
	var findings []Finding
	for _, img := range images {
		fits := img.fitting()
		for _, f := range img.Files {
			why, maybe := f.Misfit(img.Platform, img.Libc)
			if why == "" || fits[Stem(f.Path)] || allowed.Match(f.Path) {
				continue
			}
			findings = append(findings, Finding{img.Platform.String(), f.Path, f.Package, why, maybe})
		}
	}
	return append(findings, missing(images, allowed)...)
}

func (img Image) fitting() map[string]bool {
	fits := map[string]bool{}
	for _, f := range img.Files {
		if why, _ := f.Misfit(img.Platform, img.Libc); why == "" {
			fits[Stem(f.Path)] = true
		}
	}
	return fits
}

// missing compares libraries of packages by name: a package may be called after the architecture that it is for, and then
// another one has the file.
func missing(images []Image, allowed Allowed) []Finding {
	var findings []Finding
	for _, img := range images {
		has := map[string]bool{}
		for _, f := range img.Files {
			has[Name(f.Path)] = true
		}
		for _, other := range images {
			for _, f := range other.Files {
				if f.Package == "" || f.Kind != Library || has[Name(f.Path)] || allowed.Match(f.Path) {
					continue
				}
				if why, _ := f.Misfit(other.Platform, other.Libc); why != "" {
					continue
				}
				has[Name(f.Path)] = true // told once
				why := fmt.Sprintf("is missing: the package has it for %s and not for this platform", other.Platform)
				findings = append(findings, Finding{Platform: img.Platform.String(), Path: f.Path, Package: f.Package, Why: why})
			}
		}
	}
	return findings
}

// Name is a file's own, without the words that name an architecture.
func Name(file string) string {
	stem := Stem(file)
	return stem[strings.LastIndex(stem, "/")+1:]
}

// Report gives the notes of what need not fail, and the error of what does; both are nil where all is well.
func Report(findings []Finding) (notes []string, err error) {
	var wrong []string
	patterns := []string{}
	for _, f := range findings {
		if f.Maybe {
			notes = append(notes, f.String()+": it may work; run the image there before you trust it")
			continue
		}
		wrong = append(wrong, f.String())
		if pattern := f.Path[strings.LastIndex(f.Path, "/")+1:]; !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	if len(wrong) == 0 {
		return notes, nil
	}
	return notes, fmt.Errorf("checking the native files: %s: take a version of the package that has the file for every platform, leave the platform out of --platforms, or, where the app does not need the file there, give --allow-foreign '%s'",
		strings.Join(wrong, "; "), strings.Join(patterns, ","))
}
