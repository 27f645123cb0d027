package imagefile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// blob is a piece of an image.
type blob struct {
	size int64
	open func() (io.ReadCloser, error)
}

// blobs are an image's pieces by digest, once each, however many platforms share them.
type blobs map[v1.Hash]blob

func (b blobs) addIndex(index v1.ImageIndex) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if err := b.addManifest(index); err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return err
		}
		if err := errors.Join(b.addManifest(img), b.addImage(img)); err != nil {
			return err
		}
	}
	return nil
}

func (b blobs) addManifest(of interface {
	Digest() (v1.Hash, error)
	RawManifest() ([]byte, error)
}) error {
	digest, err := of.Digest()
	if err != nil {
		return err
	}
	raw, err := of.RawManifest()
	b[digest] = blob{int64(len(raw)), inMemory(raw)}
	return err
}

// addImage adds config and layers.
func (b blobs) addImage(img v1.Image) error {
	config, err := img.ConfigName()
	if err != nil {
		return err
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	b[config] = blob{int64(len(raw)), inMemory(raw)}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return err
		}
		size, err := l.Size()
		if err != nil {
			return err
		}
		b[digest] = blob{size, l.Compressed}
	}
	return nil
}

// tries is how often a blob is opened before its reader gives up.
const tries = 4

// steady opens a blob for a reader that outlives a broken connection and fails when the bytes are not those of the digest.
func (b blob) steady(digest v1.Hash) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		in, err := b.open()
		if err != nil {
			return nil, err
		}
		return &steadyReader{blob: b, digest: digest, in: in, hash: sha256.New(), left: tries - 1}, nil
	}
}

type steadyReader struct {
	blob
	digest v1.Hash
	in     io.ReadCloser
	hash   hash.Hash
	read   int64
	left   int
}

func (r *steadyReader) Read(p []byte) (int, error) {
	for {
		n, err := r.in.Read(p)
		r.hash.Write(p[:n])
		r.read += int64(n)
		switch {
		case errors.Is(err, io.EOF) && r.read >= r.size:
			return n, r.verify()
		case err == nil || n > 0:
			return n, nil // an error comes again with the next call
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		if err := r.again(err); err != nil {
			return 0, err
		}
	}
}

// again opens the blob anew and skips what was read: the bytes already written are the first of it, which the digest proves in
// the end.
func (r *steadyReader) again(broken error) error {
	for ; r.left > 0; r.left-- {
		r.in.Close()
		in, err := r.open()
		if err != nil {
			broken = err
			continue
		}
		r.in = in
		if _, err := io.CopyN(io.Discard, in, r.read); err != nil {
			broken = err
			continue
		}
		r.left--
		return nil
	}
	return fmt.Errorf("reading it broke off %d times, at last after %d of %d bytes: %w", tries, r.read, r.size, broken)
}

func (r *steadyReader) verify() error {
	if got := hex.EncodeToString(r.hash.Sum(nil)); got != r.digest.Hex || r.read != r.size {
		return fmt.Errorf("what came is sha256:%s of %d bytes, not %s of %d", got, r.read, r.digest, r.size)
	}
	return io.EOF
}

func (r *steadyReader) Close() error { return r.in.Close() }
