package images

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Archived is an image in an archive.
type Archived struct {
	// ConfigDigest is the image's ID, for engines that have no other.
	ConfigDigest string
	// Tags are its names; one that was saved by its digest has none.
	Tags []string
	// DiffIDs are the digests of its layers, uncompressed.
	DiffIDs []string

	os, architecture, variant string
	config                    []byte
	// layers are paths in the archive.
	layers []string
}

// The magic numbers of what archives and their layers are compressed with.
const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// Decompress reads an archive that may be compressed, with gzip or zstd.
func Decompress(from io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(from, 1<<20)
	start, err := buffered.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	switch {
	case bytes.HasPrefix(start, []byte(gzipMagic)):
		reader, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		return reader, nil
	case bytes.HasPrefix(start, []byte(zstdMagic)):
		reader, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		return reader.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}

// The files of an archive that are read whole: small ones that look like JSON.
const smallLimit = 4 << 20

// entry is a file of an archive, before it is read.
type entry struct {
	name string
	size int64
	// start is how it begins.
	start   []byte
	content io.Reader
}

func (p entry) isSmall() bool {
	return p.size <= smallLimit && (bytes.HasPrefix(p.start, []byte("{")) || bytes.HasPrefix(p.start, []byte("[")))
}

// contents is what an archive holds apart from its layers.
type contents struct {
	// small are its small files, links those that point to others.
	small map[string][]byte
	links map[string]string
}

// walk reads an archive, and gives every file to each that is not small.
func walk(archive io.Reader, each func(entry) error) (contents, error) {
	found := contents{map[string][]byte{}, map[string]string{}}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("reading the archive: %w", err)
		}
		name := path.Clean(header.Name)
		switch header.Typeflag {
		case tar.TypeSymlink:
			found.links[name] = path.Join(path.Dir(name), header.Linkname)
			continue
		case tar.TypeLink:
			found.links[name] = path.Clean(header.Linkname)
			continue
		case tar.TypeReg:
		default:
			continue
		}
		if err := found.take(name, header.Size, reader, each); err != nil {
			return found, err
		}
	}
}

func (c contents) take(name string, size int64, reader io.Reader, each func(entry) error) error {
	start := make([]byte, min(size, int64(len(zstdMagic))))
	if _, err := io.ReadFull(reader, start); err != nil {
		return fmt.Errorf("reading %s in the archive: %w", name, err)
	}
	p := entry{name: name, size: size, start: start, content: io.MultiReader(bytes.NewReader(start), reader)}
	if !p.isSmall() {
		return each(p)
	}
	data, err := io.ReadAll(p.content)
	if err != nil {
		return fmt.Errorf("reading %s in the archive: %w", name, err)
	}
	c.small[name] = data
	return nil
}

// resolve follows links to the file that has the content.
func (c contents) resolve(name string) string {
	name = path.Clean(name)
	for range len(c.links) {
		target, isLink := c.links[name]
		if !isLink {
			break
		}
		name = target
	}
	return name
}

// Errors of archives that Docker has not written: one in the OCI's layout, which
// containerd reads as it is, and others.
var (
	ErrOnlyOCI = errors.New("the archive is in the OCI's layout alone: it has no manifest.json, " +
		"as `docker save` writes it")
	errNoImages = errors.New("it is no archive of images: it has no manifest.json, as `docker save` writes it")
)

// images are those that manifest.json lists.
func (c contents) images() ([]Archived, error) {
	list, ok := c.small["manifest.json"]
	if _, isLayout := c.small["index.json"]; !ok && isLayout {
		return nil, ErrOnlyOCI
	}
	if !ok {
		return nil, errNoImages
	}
	var entries []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(list, &entries); err != nil {
		return nil, fmt.Errorf("reading the archive's manifest.json: %w", err)
	}
	var all []Archived
	for _, entry := range entries {
		config, ok := c.small[c.resolve(entry.Config)]
		if !ok {
			tags := strings.Join(entry.RepoTags, ", ")
			return nil, fmt.Errorf("the archive lacks %s, the configuration of %s", entry.Config, tags)
		}
		var parsed struct {
			OS, Architecture, Variant string
			RootFS                    struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		if err := json.Unmarshal(config, &parsed); err != nil {
			return nil, fmt.Errorf("reading the configuration %s in the archive: %w", entry.Config, err)
		}
		if len(parsed.RootFS.DiffIDs) != len(entry.Layers) {
			return nil, fmt.Errorf("the archive has %d layers of %s, whose configuration lists %d",
				len(entry.Layers), entry.Config, len(parsed.RootFS.DiffIDs))
		}
		image := Archived{
			ConfigDigest: digestOf(config), Tags: entry.RepoTags, DiffIDs: parsed.RootFS.DiffIDs, config: config,
			os: parsed.OS, architecture: parsed.Architecture, variant: parsed.Variant,
		}
		for _, layer := range entry.Layers {
			image.layers = append(image.layers, c.resolve(layer))
		}
		all = append(all, image)
	}
	return all, nil
}

// Listing is what an archive holds, and how large.
type Listing struct {
	Images []Archived
	sizes  map[string]int64
}

// List reads what an archive holds.
func List(archive io.Reader) (Listing, error) {
	sizes := map[string]int64{}
	found, err := walk(archive, func(p entry) error { sizes[p.name] = p.size; return nil })
	if err != nil {
		return Listing{}, err
	}
	images, err := found.images()
	return Listing{images, sizes}, err
}

// Total is how large all of the archive's larger files are.
func (l Listing) Total() (size int64) {
	for _, s := range l.sizes {
		size += s
	}
	return size
}

// Size is how large the layers of one of the images are.
func (l Listing) Size(image Archived) (size int64) {
	for _, layer := range image.layers {
		size += l.sizes[layer]
	}
	return size
}

// Needed are the files with those layers of the chosen images that nodes do not
// have.
func (l Listing) Needed(have Layers, chosen func(Archived) bool) map[string]bool {
	needed := map[string]bool{}
	for _, image := range l.Images {
		if !chosen(image) {
			continue
		}
		for i, layer := range image.layers {
			if _, there := have[image.DiffIDs[i]]; !there {
				needed[layer] = true
			}
		}
	}
	return needed
}
