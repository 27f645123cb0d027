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
		m, err := img.Manifest()
		if err != nil {
			return nil, err
		}
		weights[i] = Weight{Digest: d.Digest, Total: d.Size + m.Config.Size, App: m.Config.Size}
		for j, l := range m.Layers {
			weights[i].Total += l.Size
			if j >= len(m.Layers)-len(parts[i].Layers) {
				weights[i].App += l.Size
			}
		}
	}
	return weights, nil
}
