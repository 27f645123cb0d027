package inspection

import (
	"context"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dotnet-multiarch/dotnet-multiarch/internal/dotnet"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/image"
	"github.com/dotnet-multiarch/dotnet-multiarch/internal/platform"
)

// Base is what an image says of its base, and what became of that.
type Base struct {
	// Name is canonical, also where a mirror serves it.
	Name   string `json:"name"`
	Digest string `json:"digest"`
	// Newest is the digest that the name stands for now; "" where its registry does not say.
	Newest string `json:"newest,omitempty"`
	// Newer says that the base has moved on.
	Newer bool `json:"newer"`
}

// base reads the annotations of the manifest, else of the index that it is in, and asks the base's registry for the newest.
func (i *inspector) base(ctx context.Context, img v1.Image, on platform.Platform, index map[string]string) (*Base, error) {
	name, digest, err := image.BaseOf(img)
	said := digest.String()
	if errors.Is(err, image.ErrNoBase) {
		if name, said = image.BaseIn(index); name == "" {
			return nil, nil
		}
		err = nil
	}
	if err != nil {
		return nil, err
	}
	b := &Base{Name: name, Digest: said}
	if strings.Contains(name, "@") { // a digest never moves
		return b, nil
	}
	bases, err := i.client.Bases(ctx, i.Pulled(name), name, []platform.Platform{on})
	if err != nil {
		i.note(fmt.Sprintf("whether a base newer than %s exists is not known: %v", name, err))
		return b, nil
	}
	b.Newest = bases[0].Digest.String()
	if said == bases[0].Resolved.String() {
		b.Newest = said // this one names the index
	}
	b.Newer = b.Newest != said
	return b, nil
}

// below counts the layers that an image has from its base: those before the ones that this module wrote; else the base's own,
// which its registry is asked for. 0 where neither tells.
func (i *inspector) below(ctx context.Context, img v1.Image, on platform.Platform, base *Base) (int, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return 0, err
	}
	if own := image.OwnLayers(file.History); own > 0 && own <= len(layers) {
		return len(layers) - own, nil
	}
	if base == nil || base.Digest == "" {
		return 0, nil
	}
	bases, err := i.client.Bases(ctx, withDigest(i.Pulled(base.Name), base.Digest), base.Name, []platform.Platform{on})
	if err != nil {
		i.note(fmt.Sprintf("which layers are the base's is not known: %v", err))
		return 0, nil
	}
	below, err := bases[0].Image.Layers()
	if err != nil || len(below) > len(layers) {
		return 0, err
	}
	for n := range below {
		if same, err := sameDigest(below[n], layers[n]); err != nil || !same {
			return 0, err
		}
	}
	return len(below), nil
}

func sameDigest(a, b v1.Layer) (bool, error) {
	first, err := a.Digest()
	if err != nil {
		return false, err
	}
	second, err := b.Digest()
	return first == second, err
}

// withDigest takes the tag off a reference and puts the digest there.
func withDigest(reference, digest string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndex(reference, ":"); colon > strings.LastIndex(reference, "/") {
		reference = reference[:colon]
	}
	return reference + "@" + digest
}

// note adds a line once.
func (i *inspector) note(text string) {
	for _, n := range i.made.Notes {
		if n == text {
			return
		}
	}
	i.made.Notes = append(i.made.Notes, text)
}

// libcOf tells the C library of one of Microsoft's bases by its name; "" for any other, whose layers tell.
func libcOf(base *Base) platform.Libc {
	if base == nil || !strings.HasPrefix(base.Name, dotnet.Canonical+"/") {
		return ""
	}
	return dotnet.LibcOf(base.Name)
}
