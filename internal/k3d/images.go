package k3d

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/diorama-lab/diorama/internal/containers"
	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/images"
)

// importCommand is how a node takes images. With --local, ctr itself reads them:
// through containerd's transfer service they would come in steps of 32 kB. Layers
// are unpacked by the runtime, on the node where a pod needs them, and by the
// snapshotter that it uses.
func importCommand() []string {
	return []string{"ctr", "image", "import", "--local", "--no-unpack", "--all-platforms", "-"}
}

// nodeCopy copies images into the nodes, which so need no registry. k3d's own
// import would wait for ever for a node that fails.
type nodeCopy struct {
	engine *docker.Engine
	nodes  []string
	// exec runs a command in a node, with input.
	exec func(ctx context.Context, node string, command []string, input io.Reader) error
	// have are the layers that were copied, names the images.
	have  images.Layers
	names map[string]bool
	// done and total are bytes, of what is read.
	done, total atomic.Int64
	report      func(string)
}

// ImportImages copies images from the engine into nodes, and what else is in the
// tarballs of load.
func ImportImages(
	ctx context.Context, shared *containers.Shared, nodes, names, load []string, report func(text string),
) error {
	c := &nodeCopy{
		engine: shared.Engine, exec: shared.Exec, nodes: nodes, have: images.Layers{}, names: map[string]bool{},
		report: report,
	}
	var wanted []wantedImage
	for _, name := range names {
		reference, err := images.Parse(name)
		if err != nil {
			return err
		}
		wanted = append(wanted, wantedImage{shared.Images.Find(name), reference.InNodes()})
	}
	groups := groupImages(wanted)
	for _, group := range groups {
		c.total.Add(sizeOf(group))
	}
	tarballs, err := c.listTarballs(load, wanted)
	if err != nil {
		return err
	}
	if err := c.copyGroups(ctx, groups); err != nil {
		return err
	}
	for i, t := range tarballs {
		if err := c.copyTarball(ctx, fmt.Sprintf("tarball-%d", i), t); err != nil {
			return err
		}
	}
	return nil
}

// wantedImage is an image of the engine, and what nodes are to call it.
type wantedImage struct {
	local docker.Local
	name  string
}

// groupImages puts those together that share layers: an engine writes what they
// share only once if it is asked for all of them.
func groupImages(wanted []wantedImage) [][]wantedImage {
	var groups [][]wantedImage
	for _, image := range wanted {
		joined := []wantedImage{image}
		groups = slices.DeleteFunc(groups, func(group []wantedImage) bool {
			shares := slices.ContainsFunc(group, func(other wantedImage) bool { return shareLayers(image, other) })
			if shares {
				joined = append(slices.Clone(group), joined...)
			}
			return shares
		})
		groups = append(groups, joined)
	}
	return groups
}

func shareLayers(a, b wantedImage) bool {
	return slices.ContainsFunc(a.local.Layers, func(layer string) bool { return slices.Contains(b.local.Layers, layer) })
}

// sizeOf is about how much the engine will write: what images share partly is
// counted for each.
func sizeOf(group []wantedImage) (size int64) {
	for i, image := range group {
		same := func(other wantedImage) bool { return slices.Equal(image.local.Layers, other.local.Layers) }
		if !slices.ContainsFunc(group[:i], same) {
			size += image.local.Size
		}
	}
	return size
}

// copyGroups copies images of the engine, of two groups at a time: an engine
// gathers all of an image before it gives any of it.
func (c *nodeCopy) copyGroups(ctx context.Context, groups [][]wantedImage) error {
	copying, ctx := errgroup.WithContext(ctx)
	copying.SetLimit(2)
	// They share no layers.
	layers := make([]images.Layers, len(groups))
	for i, group := range groups {
		layers[i] = images.Layers{}
		copying.Go(func() error { return c.copyGroup(ctx, fmt.Sprintf("engine-%d", i), group, layers[i]) })
	}
	if err := copying.Wait(); err != nil {
		return err
	}
	for i, group := range groups {
		maps.Copy(c.have, layers[i])
		for _, image := range group {
			c.names[image.name] = true
		}
	}
	return nil
}

// copyGroup copies images of the engine, and notes their layers.
func (c *nodeCopy) copyGroup(ctx context.Context, prefix string, group []wantedImage, layers images.Layers) error {
	var local []string
	for _, image := range group {
		if !slices.Contains(local, image.local.Name) {
			local = append(local, image.local.Name)
		}
	}
	c.report("reading " + strings.Join(local, ", ") + " from the engine")
	names := func(a images.Archived) []string { return namesOf(a, group) }
	conversion := images.Conversion{Prefix: prefix, Have: layers, Names: names}
	save := func(ctx context.Context) (io.ReadCloser, error) { return c.engine.Save(ctx, local) }
	copied, err := c.convert(ctx, conversion, save)
	if err != nil {
		return err
	}
	for _, image := range group {
		named := func(a images.Archived) bool { return slices.Contains(namesOf(a, group), image.name) }
		if !slices.ContainsFunc(copied, named) {
			return fmt.Errorf("copying images into the nodes: the engine did not give %s", image.local.Name)
		}
	}
	return nil
}

// namesOf are the names of an image that an engine has saved. Engines whose IDs
// are not those of configurations, and that leave out the names of images that
// are asked for by digest, give it away by its layers.
func namesOf(archived images.Archived, group []wantedImage) []string {
	for _, is := range []func(docker.Local) bool{
		func(l docker.Local) bool { return l.ID == archived.ConfigDigest },
		func(l docker.Local) bool { return slices.Contains(archived.Tags, l.Name) },
		func(l docker.Local) bool { return len(archived.Tags) == 0 && slices.Equal(l.Layers, archived.DiffIDs) },
	} {
		var names []string
		for _, image := range group {
			if is(image.local) && !slices.Contains(names, image.name) {
				names = append(names, image.name)
			}
		}
		if len(names) > 0 {
			return names
		}
	}
	return nil
}

// tarball is one of images.load, and what it has that the engine's images have
// not.
type tarball struct {
	path    string
	listing images.Listing
	// whole is one in the OCI's layout, which nodes read as it is.
	whole bool
}

// listTarballs reads what is in the tarballs, and leaves out those that have
// nothing new.
func (c *nodeCopy) listTarballs(paths []string, wanted []wantedImage) ([]tarball, error) {
	names := map[string]bool{}
	for _, image := range wanted {
		names[image.name] = true
	}
	var all []tarball
	for _, path := range paths {
		c.report("looking into " + path)
		archive, err := openTarball(path)
		if err != nil {
			return nil, err
		}
		listing, err := images.List(archive)
		whole := errors.Is(err, images.ErrOnlyOCI)
		if whole {
			err = nil
		}
		if err := errors.Join(err, archive.Close()); err != nil {
			return nil, fmt.Errorf("the tarball %s: %w", path, err)
		}
		t, size := tarball{path, listing, whole}, int64(0)
		if whole {
			size = listing.Total()
		}
		for _, image := range listing.Images {
			if len(newNames(image, names)) > 0 {
				size += listing.Size(image)
			}
		}
		if size > 0 {
			c.total.Add(size)
			all = append(all, t)
		}
	}
	return all, nil
}

// newNames are the names of a tarball's image that nodes do not have. What the
// engine has counts.
func newNames(image images.Archived, known map[string]bool) []string {
	var names []string
	for _, tag := range image.Tags {
		if reference, err := images.Parse(tag); err == nil && !known[reference.InNodes()] {
			names = append(names, reference.InNodes())
		}
	}
	return names
}

// copyTarball copies what is new in a tarball.
func (c *nodeCopy) copyTarball(ctx context.Context, prefix string, t tarball) error {
	open := func(context.Context) (io.ReadCloser, error) { return openTarball(t.path) }
	if t.whole {
		err := c.copy(ctx, open, func(to io.Writer, from io.Reader) error {
			_, err := io.Copy(to, from)
			return err
		})
		if err != nil {
			return fmt.Errorf("the tarball %s: %w", t.path, err)
		}
		return nil
	}
	needed := t.listing.Needed(c.have, func(a images.Archived) bool { return len(newNames(a, c.names)) > 0 })
	conversion := images.Conversion{
		Prefix: prefix, Have: c.have, Skip: func(file string) bool { return !needed[file] },
		Names: func(a images.Archived) []string { return newNames(a, c.names) },
	}
	copied, err := c.convert(ctx, conversion, open)
	if err != nil {
		return fmt.Errorf("the tarball %s: %w", t.path, err)
	}
	for _, image := range copied {
		for _, name := range newNames(image, c.names) {
			c.names[name] = true
		}
	}
	return nil
}

// openTarball opens a file that may be compressed.
func openTarball(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the images: %w", err)
	}
	content, err := images.Decompress(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the tarball %s: %w", path, err), file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{content, closers{content, file}}, nil
}

type closers []io.Closer

// Close closes all, in order.
func (c closers) Close() error {
	var problems []error
	for _, closer := range c {
		problems = append(problems, closer.Close())
	}
	return errors.Join(problems...)
}

// errNodeEnded ends the writing for a node that takes no more.
var errNodeEnded = errors.New("the node has stopped reading")

// opener opens an archive, to be read until ctx ends.
type opener func(ctx context.Context) (io.ReadCloser, error)

// convert copies what a conversion makes of an archive.
func (c *nodeCopy) convert(
	ctx context.Context, conversion images.Conversion, open opener,
) (copied []images.Archived, err error) {
	err = c.copy(ctx, open, func(to io.Writer, from io.Reader) error {
		copied, err = conversion.Convert(to, from)
		return err
	})
	return copied, err
}

// copy reads an archive once, and gives what write makes of it to all nodes at
// the same time. The first node that fails ends it.
func (c *nodeCopy) copy(ctx context.Context, open opener, write func(to io.Writer, from io.Reader) error) error {
	importing, working := errgroup.WithContext(ctx)
	archive, err := open(working)
	if err != nil {
		return err
	}
	var writers []io.Writer
	var pipes []*io.PipeWriter
	for _, node := range c.nodes {
		read, pipe := io.Pipe()
		writers, pipes = append(writers, pipe), append(pipes, pipe)
		importing.Go(func() error {
			err := c.exec(working, node, importCommand(), read)
			if err != nil {
				defer read.CloseWithError(errNodeEnded)
				return fmt.Errorf("copying images into the node: %w", err)
			}
			// What fills an archive up is nothing that ctr waits for.
			_, _ = io.Copy(io.Discard, read)
			return nil
		})
	}
	reading := errors.Join(write(io.MultiWriter(writers...), &counted{archive, c}), archive.Close())
	// A node that fails ends the reading, too, and says more about it.
	nodeFailed := errors.Is(reading, errNodeEnded) || working.Err() != nil && ctx.Err() == nil
	for _, pipe := range pipes {
		pipe.CloseWithError(reading)
	}
	err = importing.Wait()
	if reading != nil && (err == nil || !nodeFailed) {
		return fmt.Errorf("reading images: %w", reading)
	}
	return err
}

// counted tells how much has been read.
type counted struct {
	io.Reader
	copy *nodeCopy
}

// Read implements io.Reader.
func (r *counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	total := max(1, r.copy.total.Load())
	done := r.copy.done.Add(int64(n))
	if before := 100 * (done - int64(n)) / total; n > 0 && before != 100*done/total {
		percent := min(99, 100*done/total)
		r.copy.report(fmt.Sprintf("%d%%, %d of %d MB copied", percent, min(done, total)/1e6, total/1e6))
	}
	return n, err
}
