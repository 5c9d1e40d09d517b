package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// annotationName is where an archive says what containerd is to call an image.
const annotationName = "io.containerd.image.name"

// Layers are those that nodes have already: descriptors by the digest of their
// uncompressed content.
type Layers map[string]v1.Descriptor

// Conversion is what is made of an archive.
type Conversion struct {
	// Names says what nodes are to call an image; one without names is left out.
	Names func(Archived) []string
	// Skip tells whether a file of the archive is not needed; nil needs all.
	Skip func(file string) bool
	// Have are layers that nodes have. Those of this archive are added.
	Have Layers
	// Prefix keeps the names of files apart from those of other archives that
	// are read at the same time.
	Prefix string
}

// Convert reads an archive as `docker save` writes it, of any version, and
// writes one in the OCI's layout, in one pass: layers go through as they come. In
// it images have all their names, also those with a digest, which Docker leaves
// out, and manifests name nothing that is missing. It returns the images with
// names, in the archive's order.
func (c Conversion) Convert(to io.Writer, from io.Reader) ([]Archived, error) {
	w := &layout{archive: tar.NewWriter(to), prefix: c.Prefix, passed: map[string]v1.Descriptor{}}
	found, err := walk(from, func(p entry) error {
		if c.Skip != nil && c.Skip(p.name) || path.Base(p.name) == "VERSION" {
			return nil
		}
		return w.pass(p)
	})
	if err != nil {
		return nil, err
	}
	archived, err := found.images()
	if err != nil {
		return nil, err
	}
	var kept []Archived
	index := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, image := range archived {
		names := c.Names(image)
		if len(names) == 0 {
			continue
		}
		descriptor, err := c.addManifest(w, image)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			named := descriptor
			named.Annotations = map[string]string{annotationName: name}
			index.Manifests = append(index.Manifests, named)
		}
		kept = append(kept, image)
	}
	return kept, w.finish(index)
}

// addManifest writes an image's manifest and configuration.
func (c Conversion) addManifest(w *layout, image Archived) (v1.Descriptor, error) {
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	var err error
	if manifest.Config, err = w.blob(v1.MediaTypeImageConfig, image.config); err != nil {
		return v1.Descriptor{}, err
	}
	for i, file := range image.layers {
		layer, ok := c.Have[image.DiffIDs[i]]
		if !ok {
			if layer, ok = w.passed[file]; !ok {
				return v1.Descriptor{}, fmt.Errorf("the archive lacks %s, a layer of the image %s", file, image.ConfigDigest)
			}
			if layer.Digest == "" {
				layer.Digest = digest.Digest(image.DiffIDs[i])
			}
			c.Have[image.DiffIDs[i]] = layer
		}
		manifest.Layers = append(manifest.Layers, layer)
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("encoding a manifest: %w", err)
	}
	descriptor, err := w.blob(v1.MediaTypeImageManifest, data)
	descriptor.Platform = &v1.Platform{OS: image.os, Architecture: image.architecture, Variant: image.variant}
	return descriptor, err
}

// layout is an archive that is written.
type layout struct {
	archive *tar.Writer
	prefix  string
	files   int
	// passed are the layers, by their path in the archive that is read. That of
	// one that is not compressed has no digest: its image's configuration says.
	passed map[string]v1.Descriptor
}

// pass writes a layer as it is read.
func (w *layout) pass(p entry) error {
	descriptor := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Size: p.size}
	switch {
	case bytes.HasPrefix(p.start, []byte(gzipMagic)):
		descriptor.MediaType = v1.MediaTypeImageLayerGzip
	case bytes.HasPrefix(p.start, []byte(zstdMagic)):
		descriptor.MediaType = v1.MediaTypeImageLayerZstd
	}
	sum := sha256.New()
	content := p.content
	if descriptor.MediaType != v1.MediaTypeImageLayer {
		content = io.TeeReader(content, sum)
	}
	if err := w.file(p.size, content); err != nil {
		return err
	}
	if descriptor.MediaType != v1.MediaTypeImageLayer {
		descriptor.Digest = digest.NewDigest(digest.SHA256, sum)
	}
	w.passed[p.name] = descriptor
	return nil
}

// file writes a file under a name of its own: containerd finds blobs by what
// they hold.
func (w *layout) file(size int64, content io.Reader) error {
	w.files++
	return w.named(fmt.Sprintf("%s-%d", w.prefix, w.files), size, content)
}

func (w *layout) named(name string, size int64, content io.Reader) error {
	if err := w.archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	if _, err := io.CopyBuffer(w.archive, onlyReader{content}, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// onlyReader hides what else a reader could do: io.CopyBuffer is to use the
// buffer, for each piece of it goes a long way.
type onlyReader struct{ io.Reader }

func (w *layout) blob(mediaType string, data []byte) (v1.Descriptor, error) {
	descriptor := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return descriptor, w.file(descriptor.Size, bytes.NewReader(data))
}

func (w *layout) finish(index v1.Index) error {
	for _, file := range []struct {
		name  string
		value any
	}{{v1.ImageIndexFile, index}, {v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}}} {
		data, err := json.Marshal(file.value)
		if err != nil {
			return fmt.Errorf("encoding %s: %w", file.name, err)
		}
		if err := w.named(file.name, int64(len(data)), bytes.NewReader(data)); err != nil {
			return err
		}
	}
	if err := w.archive.Close(); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
