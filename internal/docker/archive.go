package docker

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"
)

// Variant is one image of an archive: all have the same files, and differ in
// what they run.
type Variant struct {
	// Tag is the image's whole name, such as diorama:v1.
	Tag string
	// Entrypoint and Cmd are as in a Dockerfile.
	Entrypoint, Cmd []string
	// Env are variables of its environment, as NAME=VALUE.
	Env []string
	// Ports are those that it listens on; for people to see.
	Ports []int
	// Description says what the image is.
	Description string
}

// nobody is the user that runs in the images: one without a name or rights.
const nobody = 65532

// processors are Go's names of the processors that binaries are built for.
var processors = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// WriteArchive writes images that hold one static Linux binary as /diorama,
// and an empty /tmp and /data, as a tarball that `docker load` takes. The same
// binary gives the same images.
func WriteArchive(to io.Writer, binary string, variants []Variant) error {
	architecture, err := staticBinary(binary)
	if err != nil {
		return err
	}
	file, err := os.Open(binary)
	if err != nil {
		return fmt.Errorf("opening the binary: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the binary: %w", err)
	}
	archive := tar.NewWriter(to)
	size := layerSize(info.Size())
	if err := archive.WriteHeader(&tar.Header{Name: "layer.tar", Mode: 0o644, Size: size}); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	sum := sha256.New()
	if err := writeLayer(io.MultiWriter(archive, sum), file, info.Size()); err != nil {
		return fmt.Errorf("writing the image's layer: %w", err)
	}
	if err := writeConfigs(archive, sum, architecture, variants); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// staticBinary checks that a binary runs in an image that has nothing else,
// and returns its processor's name.
func staticBinary(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s is no Linux binary (`make cross` builds them): %w", path, err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s needs shared libraries, which an empty image does not have: build it with CGO_ENABLED=0",
				path)
		}
	}
	architecture, known := processors[file.Machine]
	if !known {
		return "", fmt.Errorf("%s is for the processor %s; images are made for amd64 and arm64", path, file.Machine)
	}
	return architecture, nil
}

// CollectorName is what the collector's program is called in the image of the
// contrib distribution; Helm charts call it so. The images made here have the
// name too.
const CollectorName = "otelcol-contrib"

// layerHeaders are the entries of the layer. Folders end in a slash.
func layerHeaders(binary int64) []*tar.Header {
	epoch := time.Unix(0, 0)
	return []*tar.Header{
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777, ModTime: epoch},
		{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o755, Uid: nobody, Gid: nobody, ModTime: epoch},
		{Typeflag: tar.TypeSymlink, Name: CollectorName, Linkname: "diorama", Mode: 0o777, ModTime: epoch},
		{Typeflag: tar.TypeReg, Name: "diorama", Mode: 0o755, Size: binary, ModTime: epoch},
	}
}

// layerSize is that of the layer as writeLayer writes it: tar has blocks of
// 512 bytes, one for each header, and two at the end.
func layerSize(binary int64) int64 {
	const block = 512
	return block*int64(len(layerHeaders(0))+2) + (binary+block-1)/block*block
}

func writeLayer(to io.Writer, binary io.Reader, size int64) error {
	layer := tar.NewWriter(to)
	for _, header := range layerHeaders(size) {
		if err := layer.WriteHeader(header); err != nil {
			return err
		}
	}
	if _, err := io.Copy(layer, binary); err != nil {
		return err
	}
	return layer.Close()
}

// imageConfig is what the OCI image specification calls an image's
// configuration, in Docker's notation.
type imageConfig struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      time.Time `json:"created"`
	Config       struct {
		User         string
		Env          []string
		Entrypoint   []string
		Cmd          []string            `json:",omitempty"`
		WorkingDir   string              `json:",omitempty"`
		ExposedPorts map[string]struct{} `json:",omitempty"`
		Labels       map[string]string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// manifest is an entry of manifest.json as `docker load` reads it.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func writeConfigs(archive *tar.Writer, layer hash.Hash, architecture string, variants []Variant) error {
	if len(variants) == 0 {
		return errors.New("an archive needs at least one image")
	}
	var manifests []manifest
	for _, v := range variants {
		config := imageConfig{Architecture: architecture, OS: "linux", Created: time.Unix(0, 0).UTC()}
		config.Config.User = fmt.Sprintf("%d:%d", nobody, nobody)
		config.Config.Env = append([]string{"HOME=/tmp", "PATH=/"}, v.Env...)
		config.Config.Entrypoint, config.Config.Cmd, config.Config.WorkingDir = v.Entrypoint, v.Cmd, "/tmp"
		config.Config.Labels = map[string]string{
			"org.opencontainers.image.title": v.Tag, "org.opencontainers.image.description": v.Description,
			"org.opencontainers.image.licenses": "Apache-2.0",
		}
		config.Config.ExposedPorts = map[string]struct{}{}
		for _, port := range v.Ports {
			config.Config.ExposedPorts[fmt.Sprintf("%d/tcp", port)] = struct{}{}
		}
		config.RootFS.Type, config.RootFS.DiffIDs = "layers", []string{"sha256:" + hex.EncodeToString(layer.Sum(nil))}
		data, err := json.Marshal(config)
		if err != nil {
			return fmt.Errorf("encoding the image %s: %w", v.Tag, err)
		}
		id := sha256.Sum256(data)
		name := hex.EncodeToString(id[:]) + ".json"
		if err := writeFile(archive, name, data); err != nil {
			return err
		}
		manifests = append(manifests, manifest{Config: name, RepoTags: []string{v.Tag}, Layers: []string{"layer.tar"}})
	}
	data, err := json.Marshal(manifests)
	if err != nil {
		return fmt.Errorf("encoding the archive's list of images: %w", err)
	}
	return writeFile(archive, "manifest.json", data)
}

func writeFile(archive *tar.Writer, name string, data []byte) error {
	err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
	if err == nil {
		_, err = io.Copy(archive, bytes.NewReader(data))
	}
	if err != nil {
		return fmt.Errorf("writing %s into the archive: %w", name, err)
	}
	return nil
}
