package image

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Weight is what one platform of an index weighs, in bytes of compressed blobs.
type Weight struct {
	Digest v1.Hash
	// Total counts manifest, config and layers; App the layers on top of the base and the config.
	Total, App int64
}

// Weights gives the weight of every part, in the order of the index.
func Weights(index v1.ImageIndex, parts []Part) ([]Weight, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	weights := make([]Weight, len(parts))
	for i, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		if weights[i], err = Weigh(img, len(parts[i].Layers)); err != nil {
			return nil, err
		}
	}
	return weights, nil
}

// Weigh gives the weight of one image whose last layers are the app's.
func Weigh(img v1.Image, own int) (Weight, error) {
	m, err := img.Manifest()
	if err != nil {
		return Weight{}, err
	}
	size, err := img.Size()
	if err != nil {
		return Weight{}, err
	}
	digest, err := img.Digest()
	if err != nil {
		return Weight{}, err
	}
	weight := Weight{Digest: digest, Total: size + m.Config.Size, App: m.Config.Size}
	for i, l := range m.Layers {
		weight.Total += l.Size
		if i >= len(m.Layers)-own {
			weight.App += l.Size
		}
	}
	return weight, nil
}
