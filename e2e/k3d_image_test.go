//go:build e2e

package e2e

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/docker/docker/api/types/build"
)

// nodeImage is the name of the image that stands for rancher/k3s: see
// e2e/k3snode.
const nodeImage = "diorama-k3snode:" + imagesTag

// shellCommands are what k3d's scripts in a node call, of busybox'.
var shellCommands = strings.Fields("sh cat cp date grep kill mkdir mount sed sleep touch xargs")

// nodeDockerfile puts a shell, kubectl and the program that stands for k3s
// alongside diorama. The volumes are those of rancher/k3s.
const nodeDockerfile = `FROM diorama:` + imagesTag + `
USER 0
COPY bin /bin
ENV PATH=/bin HOME=/root KUBECONFIG=/output/kubeconfig.yaml
VOLUME ["/var/lib/kubelet", "/var/lib/rancher/k3s", "/var/lib/cni", "/var/log"]
ENTRYPOINT ["/bin/k3s"]
CMD ["agent"]
`

// nodeImageBuilt tells that the engine has the image as these tests make it.
var nodeImageBuilt bool

// nodes makes sure that the engine has the node image.
func (e engine) nodes() {
	e.t.Helper()
	if !nodeImageBuilt {
		e.check(e.load(e.images()))
		e.check(e.build(nodeImage, e.nodeContext))
		nodeImageBuilt = true
	}
}

// load gives the images of a tarball to the engine.
func (e engine) load(tarball string) error {
	file, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer file.Close()
	load, err := e.ImageLoad(e.t.Context(), file)
	if err != nil {
		return err
	}
	if err := succeeded(load.Body); err != nil {
		return fmt.Errorf("loading %s: %w", tarball, err)
	}
	return nil
}

// build builds an image from what write writes.
func (e engine) build(tag string, write func(to io.Writer) error) error {
	// The binaries are large: they are read as the engine takes them.
	read, to := io.Pipe()
	go func() { to.CloseWithError(write(to)) }()
	options := build.ImageBuildOptions{Tags: []string{tag}, Remove: true, ForceRemove: true}
	answer, err := e.ImageBuild(e.t.Context(), read, options)
	if err != nil {
		return err
	}
	return succeeded(answer.Body)
}

// succeeded reads what the engine says of its progress to the end.
func succeeded(stream io.ReadCloser) error {
	defer stream.Close()
	for messages := json.NewDecoder(stream); ; {
		var message struct{ Error string }
		err := messages.Decode(&message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && message.Error != "" {
			err = errors.New(message.Error)
		}
		if err != nil {
			return err
		}
	}
}

// nodeContext writes what the image is built from.
func (e engine) nodeContext(to io.Writer) error {
	archive := tar.NewWriter(to)
	if err := addText(archive, "Dockerfile", nodeDockerfile); err != nil {
		return err
	}
	busybox, err := e.busybox()
	if err != nil {
		return err
	}
	for name, path := range map[string]string{
		"k3s": binary(e.t, "K3SNODE_BINARY"), "kubectl": binary(e.t, "KUBECTL_BINARY"), "busybox": busybox,
	} {
		if err := addProgram(archive, "bin/"+name, path); err != nil {
			return err
		}
	}
	links := map[string]string{"bin/iptables-save": "k3s", "bin/iptables-restore": "k3s", "bin/ctr": "k3s"}
	for _, command := range shellCommands {
		links["bin/"+command] = "busybox"
	}
	if err := addLinks(archive, links); err != nil {
		return err
	}
	return archive.Close()
}

func addText(archive *tar.Writer, name, text string) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := io.WriteString(archive, text)
	return err
}

// addLinks adds symbolic links, by their targets.
func addLinks(archive *tar.Writer, links map[string]string) error {
	for name, to := range links {
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}); err != nil {
			return err
		}
	}
	return nil
}

func addProgram(archive *tar.Writer, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()})
	}
	if err == nil {
		_, err = io.Copy(archive, file)
	}
	return err
}
