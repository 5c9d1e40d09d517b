package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/diorama-lab/diorama/internal/images"
)

// Local is an image that the engine has.
type Local struct {
	// Name is what the engine takes for it. Where the engine knows an image by
	// its tag alone, it is without the digest that was asked for.
	Name string
	ID   string
	// Layers are the digests of its layers' uncompressed content, Size is how
	// large they are together.
	Layers []string
	Size   int64
	// Unchecked tells that the image was asked for by its digest, and that the
	// engine knows none of it: so it is of images that were built or loaded.
	Unchecked bool
}

// MissingError tells that the engine does not have an image.
type MissingError struct {
	Name string
	// Tagged is the name without its digest if the engine has that image, and Has
	// the digest that it has.
	Tagged, Has string
}

// Error says what is missing, and what is there in its place.
func (e *MissingError) Error() string {
	if e.Has == "" {
		return "the engine does not have the image " + e.Name
	}
	return fmt.Sprintf("the engine does not have the image %s: its %s has the digest %s", e.Name, e.Tagged, e.Has)
}

// Find looks for an image; a MissingError says that it is not there. One that is
// asked for by name, tag and digest is also found by its tag, unless the engine
// knows that it has another digest.
func (e *Engine) Find(ctx context.Context, name string) (Local, error) {
	reference, err := images.Parse(name)
	if err != nil {
		return Local{}, err
	}
	found, err := e.client.ImageInspect(ctx, name)
	if err == nil {
		return localOf(name, found), nil
	}
	tagged := reference.Tagged()
	if cerrdefs.IsNotFound(err) && reference.Digest() != "" && tagged != "" {
		if found, err = e.client.ImageInspect(ctx, tagged); err == nil {
			return findDigest(localOf(tagged, found), found.RepoDigests, name, reference)
		}
	}
	if cerrdefs.IsNotFound(err) {
		return Local{}, &MissingError{Name: name}
	}
	return Local{}, explain(err, "looking for the image %s", name)
}

func localOf(name string, found image.InspectResponse) Local {
	return Local{Name: name, ID: found.ID, Layers: found.RootFS.Layers, Size: found.Size}
}

// findDigest compares the digests of an image that was found by its tag with the
// one that it was asked for by. A digest is the same in every repository.
func findDigest(local Local, known []string, name string, wanted images.Reference) (Local, error) {
	other := ""
	for _, k := range known {
		r, err := images.Parse(k)
		if err != nil {
			return Local{}, fmt.Errorf("looking for the image %s: %w", name, err)
		}
		switch {
		case r.Digest() == wanted.Digest():
			return local, nil
		case r.Repository() == wanted.Repository():
			other = r.Digest()
		}
	}
	if other != "" {
		return Local{}, &MissingError{Name: name, Tagged: local.Name, Has: other}
	}
	local.Unchecked = true
	return local, nil
}

// LoadFile gives the engine the images of a tarball, as `docker load` does.
func (e *Engine) LoadFile(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening the images: %w", err)
	}
	defer file.Close()
	return e.Load(ctx, file, path)
}

// Load is LoadFile of a stream; from says where it comes from.
func (e *Engine) Load(ctx context.Context, tarball io.Reader, from string) error {
	response, err := e.client.ImageLoad(ctx, tarball)
	if err != nil {
		return explain(err, "loading the images of %s", from)
	}
	defer response.Body.Close()
	if !response.JSON {
		_, err = io.Copy(io.Discard, response.Body)
		return explain(err, "loading the images of %s", from)
	}
	return explain(follow(response.Body, nil), "loading the images of %s", from)
}

// Pull fetches an image from its registry. progress gets how far it is.
func (e *Engine) Pull(ctx context.Context, name string, progress func(string)) error {
	stream, err := e.client.ImagePull(ctx, name, image.PullOptions{})
	if err == nil {
		defer stream.Close()
		err = follow(stream, progress)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err = explain(err, "pulling the image %s", name)
	if pull := new(Error); errors.As(err, &pull) && !hinted(err) {
		pull.Hint = "check the name and the network; where no registry can be reached, name a tarball of images in " +
			"images.load, or another image in the environment file"
	}
	return err
}

// message is one line of an engine's progress.
type message struct {
	ID             string
	Status         string
	Error          string
	ProgressDetail struct{ Current, Total int64 }
}

// follow reads an engine's progress until its end, or until it reports an error.
func follow(stream io.Reader, progress func(string)) error {
	layers := layers{}
	decoder := json.NewDecoder(stream)
	for {
		var m message
		err := decoder.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the engine's progress: %w", err)
		case m.Error != "":
			return errors.New(m.Error)
		}
		if progress != nil && layers.note(m) {
			progress(layers.String())
		}
	}
}

// layers is how much of each layer of an image has come, in bytes.
type layers map[string]struct{ current, total int64 }

// note takes a line in, and tells whether it says something new.
func (l layers) note(m message) bool {
	before := l.percent()
	layer := l[m.ID]
	switch m.Status {
	case "Downloading":
		layer.current, layer.total = m.ProgressDetail.Current, max(layer.total, m.ProgressDetail.Total)
	case "Download complete", "Pull complete":
		layer.current = layer.total
	default:
		return false
	}
	l[m.ID] = layer
	return l.percent() != before
}

func (l layers) sum() (current, total int64) {
	for _, layer := range l {
		current, total = current+layer.current, total+layer.total
	}
	return current, total
}

func (l layers) percent() int64 {
	current, total := l.sum()
	return 100 * current / max(1, total)
}

// String says how much has come of what is known to come.
func (l layers) String() string {
	current, total := l.sum()
	return fmt.Sprintf("%d%%, %d of %d MB", l.percent(), current/1e6, total/1e6)
}
