//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
)

// registry serves the images of a tarball as a registry does, all under the
// name of their last part: what the engine needs to pull, and no more.
// https://distribution.github.io/distribution/spec/api/
type registry struct {
	*httptest.Server
	dir string
	// manifests by name and by digest.
	manifests map[string][]byte
	// gate keeps the last quarter of each layer back until it is closed.
	gate chan struct{}
	// open closes the gate, once.
	open func()
}

// descriptor names a blob.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	Digest    string `json:"digest"`
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

func newRegistry(t *testing.T, tarball string) *registry {
	t.Helper()
	r := &registry{dir: t.TempDir(), manifests: map[string][]byte{}, gate: make(chan struct{})}
	r.open = sync.OnceFunc(func() { close(r.gate) })
	if err := r.unpack(tarball); err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewServer(r)
	// Close waits for what is being served.
	t.Cleanup(func() {
		r.open()
		r.Close()
	})
	return r
}

// unpack stores what is in the tarball by digest, and makes the manifests.
func (r *registry) unpack(tarball string) error {
	file, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer file.Close()
	blobs, list := map[string]descriptor{}, []byte(nil)
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if header.Name == "manifest.json" {
			if list, err = io.ReadAll(archive); err != nil {
				return err
			}
			continue
		}
		if blobs[header.Name], err = r.store(archive); err != nil {
			return err
		}
	}
	var images []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(list, &images); err != nil {
		return err
	}
	for _, image := range images {
		config, layer := blobs[image.Config], blobs[image.Layers[0]]
		config.MediaType = "application/vnd.docker.container.image.v1+json"
		layer.MediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip"
		manifest, err := json.Marshal(map[string]any{
			"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": []descriptor{layer},
		})
		if err != nil {
			return err
		}
		r.manifests[image.RepoTags[0]], r.manifests[digest(manifest)] = manifest, manifest
	}
	return nil
}

func digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func (r *registry) store(content io.Reader) (descriptor, error) {
	sum := sha256.New()
	file, err := os.CreateTemp(r.dir, "blob-")
	if err != nil {
		return descriptor{}, err
	}
	size, err := io.Copy(io.MultiWriter(file, sum), content)
	d := descriptor{Size: size, Digest: fmt.Sprintf("sha256:%x", sum.Sum(nil))}
	return d, errors.Join(err, file.Close(), os.Rename(file.Name(), filepath.Join(r.dir, d.Digest)))
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	parts := strings.Split(strings.TrimPrefix(request.URL.Path, "/v2/"), "/")
	switch {
	case request.URL.Path == "/v2/":
	case len(parts) == 3 && parts[1] == "manifests":
		manifest, ok := r.manifests[parts[0]+":"+parts[2]]
		if !ok {
			manifest, ok = r.manifests[parts[2]]
		}
		if !ok {
			http.Error(w, `{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", digest(manifest))
		http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(manifest))
	case len(parts) == 3 && parts[1] == "blobs":
		r.serveBlob(w, request, filepath.Base(parts[2]))
	default:
		http.NotFound(w, request)
	}
}

// serveBlob sends half of what is large at once, the next quarter in steps, and
// the rest when the gate is open.
func (r *registry) serveBlob(w http.ResponseWriter, request *http.Request, name string) {
	file, err := os.Open(filepath.Join(r.dir, name))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
	if request.Method == http.MethodHead {
		return
	}
	// An engine that goes away sees what it gets.
	if info.Size() > 1<<20 {
		_, _ = io.CopyN(w, file, info.Size()/2)
		if !r.dawdle(w, request, file, info.Size()/4) {
			return
		}
	}
	_, _ = io.Copy(w, file)
}

// TestKwokPulls pulls the images from a registry: the status reports how far it
// is, and a tag that the registry does not have is reported in its words.
func TestKwokPulls(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	tarball := e.images()
	e.removeImages() // the layer is not to be there
	r := newRegistry(t, tarball)
	host := strings.TrimPrefix(r.URL, "http://")
	// One is pinned to its digest.
	names := []string{host + "/" + standIns[1], host + "/" + standIns[2] + "@" + digest(r.manifests[standIns[2]])}
	t.Cleanup(func() {
		for _, name := range names {
			if _, err := e.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true}); err != nil {
				t.Errorf("removing the image: %v", err)
			}
		}
	})
	file := func(lgtm string) string {
		return l.write("pull.yaml", fmt.Sprintf("kind: kwok\ncluster: {nodes: 1, pods: 2}\n"+
			"telemetry: {interval: 1s}\nimages: {lgtm: %q, collector: %q}\nports: auto\n", lgtm, names[1]))
	}
	said := l.dioramaFails("up", "-f", file(host+"/diorama-lgtm:none"))
	if !strings.Contains(said, "manifest unknown") || !strings.Contains(said, "check the name") {
		t.Errorf("a tag that is not there gives %q", said)
	}
	ended := make(chan result, 1)
	path := file(names[0])
	halfway := regexp.MustCompile(`pulling ` + regexp.QuoteMeta(names[0]) + `: [1-9]\d?%`)
	go func() { ended <- l.command(binary(t, "DIORAMA_BINARY"), "up", "-f", path) }()
	eventually(t, "the status reports how far the pull is", func() error {
		said := l.command(binary(t, "DIORAMA_BINARY"), "status").stdout
		if !halfway.MatchString(said) {
			return errors.New(said)
		}
		return nil
	})
	r.open()
	if up := <-ended; up.err != nil {
		t.Fatalf("up: %v\n%s", up.err, up.stderr)
	}
	l.diorama("down")
}

// dawdle sends size bytes until the gate opens, which it waits for: an engine
// tells how far it is after another half a megabyte, ten times a second at
// most. It tells whether the engine is still there.
func (r *registry) dawdle(w http.ResponseWriter, request *http.Request, file io.Reader, size int64) bool {
	const step = 1 << 20
	for {
		if size > 0 {
			_, _ = io.CopyN(w, file, min(step, size))
			_ = http.NewResponseController(w).Flush()
			size -= step
		}
		select {
		case <-r.gate:
			return true
		case <-request.Context().Done():
			return false
		case <-time.After(300 * time.Millisecond):
		}
	}
}
