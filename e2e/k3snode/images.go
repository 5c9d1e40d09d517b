package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// importedFile has the names of the images that were imported, a line each.
	importedFile = home + "/imported"
	// contentFile has the digests of all that was imported, a line each.
	contentFile = home + "/content"
)

// importImages stands for `ctr image import … -`. Like the real one it knows an
// image by those names that its archive gives it, and takes none whose content
// is not there.
func importImages(args []string, archive io.Reader) error {
	if len(args) < 3 || args[0] != "image" || args[1] != "import" || args[len(args)-1] != "-" {
		return fmt.Errorf("ctr %q: only image import from standard input is known", args)
	}
	for _, flag := range args[2 : len(args)-1] {
		if !slices.Contains([]string{"--local", "--no-unpack", "--all-platforms"}, flag) {
			return fmt.Errorf("flag provided but not defined: %s", flag)
		}
	}
	before, err := readLines(contentFile)
	if err != nil {
		return err
	}
	a := imageArchive{content: map[string]bool{}, blobs: map[string]blob{}}
	for _, digest := range before {
		a.content[digest] = true
	}
	if err := a.read(archive); err != nil {
		return fmt.Errorf("reading the images: %w", err)
	}
	names, err := a.names()
	if err != nil {
		return err
	}
	var digests []string
	for digest := range a.content {
		digests = append(digests, digest)
	}
	return errors.Join(appendLines(importedFile, names), appendLines(contentFile, digests))
}

// imageArchive is what containerd keeps of an archive: blobs by what they hold.
type imageArchive struct {
	content map[string]bool
	blobs   map[string]blob
	links   []string
}

// blob is a file; data is there if it is small.
type blob struct {
	digest string
	data   []byte
}

func (a *imageArchive) read(archive io.Reader) error {
	const small = 1 << 20
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, archive) // what fills the archive up
			return err
		}
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		if header.Typeflag == tar.TypeSymlink {
			a.links = append(a.links, name, path.Join(path.Dir(name), header.Linkname))
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		sum := sha256.New()
		var b blob
		if header.Size <= small {
			if b.data, err = io.ReadAll(io.TeeReader(reader, sum)); err != nil {
				return err
			}
		} else if _, err := io.Copy(sum, reader); err != nil {
			return err
		}
		b.digest = fmt.Sprintf("sha256:%x", sum.Sum(nil))
		a.blobs[name], a.content[b.digest] = b, true
	}
}

// names are those of the images; they are complete.
func (a *imageArchive) names() ([]string, error) {
	for i := 0; i < len(a.links); i += 2 {
		a.blobs[a.links[i]] = a.blobs[a.links[i+1]]
	}
	if _, isLayout := a.blobs[v1.ImageLayoutFile]; isLayout {
		return a.layoutNames()
	}
	list, ok := a.blobs["manifest.json"]
	if !ok {
		return nil, errors.New("unrecognized image format")
	}
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(list.data, &images); err != nil {
		return nil, err
	}
	var names []string
	for _, image := range images {
		for _, file := range append(image.Layers, image.Config) {
			if _, ok := a.blobs[path.Clean(file)]; !ok {
				return nil, fmt.Errorf("layer %q not found", file)
			}
		}
		for _, tag := range image.RepoTags {
			named, err := reference.ParseDockerRef(tag)
			if err != nil {
				return nil, err
			}
			names = append(names, named.String())
		}
	}
	return names, nil
}

// layoutNames are those that the index of an OCI layout gives.
func (a *imageArchive) layoutNames() ([]string, error) {
	var index v1.Index
	if err := json.Unmarshal(a.blobs[v1.ImageIndexFile].data, &index); err != nil {
		return nil, fmt.Errorf("missing index.json in OCI layout: %w", err)
	}
	manifests := map[string][]byte{}
	for _, b := range a.blobs {
		manifests[b.digest] = b.data
	}
	var names []string
	for _, image := range index.Manifests {
		var manifest v1.Manifest
		if err := json.Unmarshal(manifests[image.Digest.String()], &manifest); err != nil {
			return nil, fmt.Errorf("content digest %s: not found", image.Digest)
		}
		for _, part := range append(manifest.Layers, manifest.Config) {
			if !a.content[part.Digest.String()] {
				return nil, fmt.Errorf("content digest %s: not found", part.Digest)
			}
		}
		if name := image.Annotations["io.containerd.image.name"]; name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// knows tells whether the node has an image that a pod names: a runtime's image
// service completes the name, drops a tag before a digest, and compares.
func knows(image string) (bool, error) {
	named, err := reference.ParseDockerRef(image)
	if err != nil {
		return false, fmt.Errorf("the image %q: %w", image, err)
	}
	names, err := readLines(importedFile)
	return slices.Contains(names, named.String()), err
}

func readLines(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(data)), err
}

func appendLines(path string, lines []string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, line := range lines {
		_, writing := fmt.Fprintln(file, line)
		err = errors.Join(err, writing)
	}
	return errors.Join(err, file.Close())
}
