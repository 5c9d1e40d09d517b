package dockertest

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	dockerimage "github.com/docker/docker/api/types/image"
)

// image is known by its name with a tag, and by its digest if it has come from a
// registry.
type image struct{ name, digest string }

// newImage takes names such as a/b:1 and a/b:1@sha256:….
func (e *Engine) newImage(name string) image {
	e.t.Helper()
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		e.t.Fatalf("the image %q: %v", name, err)
	}
	made := image{name: reference.FamiliarString(reference.TagNameOnly(named))}
	if digested, ok := named.(reference.Digested); ok {
		made.name, _, _ = strings.Cut(made.name, "@")
		made.digest = digested.Digest().String()
	}
	return made
}

// AddImage makes images that the engine has; one with a digest has come from a
// registry, one without was built or loaded.
func (e *Engine) AddImage(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		e.images = append(e.images, e.newImage(name))
	}
}

// Publish makes images that can be pulled, each with its digest.
func (e *Engine) Publish(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		e.registry = append(e.registry, e.newImage(name))
	}
}

// layer is all that there is in an image, and config what says so.
func (i image) layer() []byte { return []byte("layer of " + i.name) }

func (i image) config() []byte {
	return fmt.Appendf(nil, `{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [%q]}}`, digestOf(i.layer()))
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// Tarball writes a tarball of images, as `docker save` does, and returns its path.
func Tarball(t testing.TB, names ...string) string {
	t.Helper()
	var all []image
	for _, name := range names {
		all = append(all, image{name: name})
	}
	path := filepath.Join(t.TempDir(), "images.tar")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(save(file, all), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// save writes the layer and the configuration of each image, and what belongs
// together.
func save(to io.Writer, all []image) error {
	type entry struct {
		Config           string
		RepoTags, Layers []string
	}
	archive, manifest := tar.NewWriter(to), []entry{}
	write := func(name string, data []byte) error {
		err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
		if err == nil {
			_, err = archive.Write(data)
		}
		return err
	}
	for n, i := range all {
		e := entry{fmt.Sprintf("%d.json", n), []string{i.name}, []string{fmt.Sprintf("%d.tar", n)}}
		if err := errors.Join(write(e.Layers[0], i.layer()), write(e.Config, i.config())); err != nil {
			return err
		}
		manifest = append(manifest, e)
	}
	data, err := json.Marshal(manifest)
	return errors.Join(err, write("manifest.json", data), archive.Close())
}

func (e *Engine) saveImages(w http.ResponseWriter, r *http.Request) error {
	var all []image
	for _, name := range r.URL.Query()["names"] {
		found := e.findImage(name)
		if found == nil {
			return refuse(http.StatusNotFound, "No such image: %s", name)
		}
		all = append(all, *found)
	}
	return save(w, all)
}

func repository(name string) string { return name[:strings.LastIndex(name, ":")] }

// findImage returns the image of a name; a digest counts, not the tag before it.
func (e *Engine) findImage(name string) *image {
	wanted, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(e.images, func(i image) bool { return matches(i, wanted) })
	if i < 0 {
		return nil
	}
	return &e.images[i]
}

func matches(i image, wanted reference.Named) bool {
	if digested, ok := wanted.(reference.Digested); ok {
		return i.digest == digested.Digest().String() && repository(i.name) == reference.FamiliarName(wanted)
	}
	return i.name == reference.FamiliarString(reference.TagNameOnly(wanted))
}

func (e *Engine) inspectImage(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimSuffix(r.PathValue("name"), "/json")
	found := e.findImage(name)
	if found == nil {
		return refuse(http.StatusNotFound, "No such image: %s", name)
	}
	answer := dockerimage.InspectResponse{
		ID: digestOf(found.config()), RepoTags: []string{found.name}, Size: int64(len(found.layer())),
		RootFS: dockerimage.RootFS{Layers: []string{digestOf(found.layer())}},
	}
	if found.digest != "" {
		answer.RepoDigests = []string{repository(found.name) + "@" + found.digest}
	}
	return send(w, http.StatusOK, answer)
}

func (e *Engine) pullImage(w http.ResponseWriter, r *http.Request) error {
	separator := ":"
	if strings.Contains(r.FormValue("tag"), ":") {
		separator = "@"
	}
	wanted, err := reference.ParseNormalizedNamed(r.FormValue("fromImage") + separator + r.FormValue("tag"))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(e.registry, func(i image) bool { return matches(i, wanted) })
	if i < 0 {
		return refuse(http.StatusNotFound, "pull access denied for %s, repository does not exist or may require "+
			"'docker login'", reference.FamiliarName(wanted))
	}
	for _, line := range []string{
		`{"status":"Downloading","progressDetail":{"current":1000000,"total":4000000},"id":"a"}`,
		`{"status":"Pull complete","progressDetail":{},"id":"a"}`,
	} {
		fmt.Fprintln(w, line)
	}
	e.images = append(e.images, e.registry[i])
	return nil
}

func (e *Engine) loadImages(w http.ResponseWriter, r *http.Request) error {
	for archive := tar.NewReader(r.Body); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return refuse(http.StatusInternalServerError, "invalid archive: does not contain a manifest.json")
		}
		if err != nil {
			return refuse(http.StatusInternalServerError, "%s", err)
		}
		if header.Name != "manifest.json" {
			continue
		}
		var manifests []struct{ RepoTags []string }
		if err := json.NewDecoder(archive).Decode(&manifests); err != nil {
			return err
		}
		for _, m := range manifests {
			for _, name := range m.RepoTags {
				e.images = append(e.images, e.newImage(name))
				fmt.Fprintf(w, `{"stream":"Loaded image: %s\n"}`, name)
			}
		}
		return nil
	}
}
