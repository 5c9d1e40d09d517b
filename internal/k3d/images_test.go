package k3d

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/diorama-lab/diorama/internal/docker"
	"github.com/diorama-lab/diorama/internal/images"
)

func wantedOf(name, id string, size int64, layers ...string) wantedImage {
	return wantedImage{docker.Local{Name: name, ID: id, Layers: layers, Size: size}, "docker.io/library/" + name}
}

// Images that share layers are asked for together; what several have as a whole
// counts once.
func TestGroupImages(t *testing.T) {
	a, b := wantedOf("a:1", "1", 10, "x", "y"), wantedOf("b:1", "2", 20, "z")
	c, d := wantedOf("c:1", "3", 10, "x", "y"), wantedOf("d:1", "4", 40, "z", "y")
	for _, test := range []struct {
		wanted []wantedImage
		groups []int
		size   int64
	}{
		{nil, nil, 0},
		{[]wantedImage{a, b}, []int{1, 1}, 30},
		{[]wantedImage{a, b, c}, []int{1, 2}, 30},
		{[]wantedImage{a, b, c, d}, []int{4}, 70},
	} {
		var sizes []int
		total := int64(0)
		for _, group := range groupImages(test.wanted) {
			sizes = append(sizes, len(group))
			total += sizeOf(group)
		}
		if !slices.Equal(sizes, test.groups) || total != test.size {
			t.Errorf("%d images make groups of %v, %d bytes; want %v, %d",
				len(test.wanted), sizes, total, test.groups, test.size)
		}
	}
}

func TestNamesOf(t *testing.T) {
	pinned := wantedImage{
		docker.Local{Name: "a:1", ID: "sha256:1", Layers: []string{"x"}}, "docker.io/library/a@sha256:d",
	}
	group := []wantedImage{wantedOf("a:1", "sha256:1", 1, "x"), pinned, wantedOf("b:1", "sha256:m", 1, "x", "y")}
	for _, test := range []struct {
		about    string
		archived images.Archived
		want     []string
	}{
		{
			"by ID, with all its names", images.Archived{ConfigDigest: "sha256:1"},
			[]string{"docker.io/library/a:1", "docker.io/library/a@sha256:d"},
		},
		{"by tag", images.Archived{ConfigDigest: "sha256:c", Tags: []string{"b:1"}}, []string{"docker.io/library/b:1"}},
		{
			"by layers", images.Archived{ConfigDigest: "sha256:c", DiffIDs: []string{"x", "y"}},
			[]string{"docker.io/library/b:1"},
		},
		{"another", images.Archived{ConfigDigest: "sha256:c", Tags: []string{"c:1"}, DiffIDs: []string{"x", "y"}}, nil},
	} {
		if got := namesOf(test.archived, group); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.about, got, test.want)
		}
	}
}

// What the engine has counts: a tarball's image of the same name is left out.
func TestNewNames(t *testing.T) {
	known := map[string]bool{"docker.io/library/a:1": true}
	image := images.Archived{Tags: []string{"a:1", "a:2", "registry.example/b:1"}}
	want := []string{"docker.io/library/a:2", "registry.example/b:1"}
	if got := newNames(image, known); !slices.Equal(got, want) {
		t.Errorf("new are %q, want %q", got, want)
	}
}

// savedImage is an archive with one image of one layer, of some size.
func savedImage(t *testing.T, tag string, size int) []byte {
	t.Helper()
	layer := bytes.Repeat([]byte("layer of "+tag+" "), size/10)
	const form = `{"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": ["sha256:%x"]}}`
	config := fmt.Sprintf(form, sha256.Sum256(layer))
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, file := range []struct {
		name string
		data []byte
	}{
		{"layer.tar", layer}, {"config.json", []byte(config)},
		{"manifest.json", fmt.Appendf(nil, `[{"Config": "config.json", "RepoTags": [%q], "Layers": ["layer.tar"]}]`, tag)},
	} {
		err := archive.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.data))})
		if _, writing := archive.Write(file.data); err != nil || writing != nil {
			t.Fatal(err, writing)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// copyingTo is a copy into nodes that do what exec does.
func copyingTo(
	nodes []string, exec func(ctx context.Context, node string, input io.Reader) error,
) (*nodeCopy, *[]string) {
	var said []string
	return &nodeCopy{
		nodes: nodes, have: images.Layers{}, names: map[string]bool{},
		report: func(text string) { said = append(said, text) },
		exec: func(ctx context.Context, node string, _ []string, input io.Reader) error {
			return exec(ctx, node, input)
		},
	}, &said
}

// One reading feeds all nodes, a tarball whose images are there is not read, and
// what is copied is reported.
func TestCopyTarballs(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, tag := range []string{"a:1", "b:1"} {
		path := filepath.Join(dir, strings.ReplaceAll(tag, ":", "-")+".tar")
		if err := os.WriteFile(path, savedImage(t, tag, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var mu sync.Mutex
	got := map[string]int{}
	c, reported := copyingTo([]string{"one", "two"}, func(_ context.Context, node string, input io.Reader) error {
		data, err := io.ReadAll(input)
		mu.Lock()
		defer mu.Unlock()
		if got[node]++; err != nil || !bytes.Contains(data, []byte("docker.io/library/b:1")) {
			err = errors.Join(err, errors.New("b:1 was not copied"))
		}
		return err
	})
	tarballs, err := c.listTarballs(paths, []wantedImage{wantedOf("a:1", "1", 1)})
	if err != nil || len(tarballs) != 1 || tarballs[0].path != paths[1] {
		t.Fatalf("to be copied are %+v, %v", tarballs, err)
	}
	if err := c.copyTarball(t.Context(), "x", tarballs[0]); err != nil {
		t.Fatal(err)
	}
	if got["one"] != 1 || got["two"] != 1 || !c.names["docker.io/library/b:1"] {
		t.Errorf("copies are %v, names %v", got, c.names)
	}
	if said := strings.Join(*reported, "\n"); !strings.Contains(said, "MB copied") || strings.Contains(said, "100%") {
		t.Errorf("reported is %s", said)
	}
	if _, err := c.listTarballs([]string{filepath.Join(dir, "none.tar")}, nil); err == nil {
		t.Error("a tarball that is not there is read")
	}
}

// The first node that fails ends it for all, with what it said; so does what is
// wrong with the archive.
func TestCopyFails(t *testing.T) {
	open := func(data []byte) func(context.Context) (io.ReadCloser, error) {
		return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	whole := savedImage(t, "a:1", 4<<20)
	names := func(images.Archived) []string { return []string{"a"} }
	waits := func(ctx context.Context, input io.Reader) error {
		_, err := io.Copy(io.Discard, input)
		if err == nil {
			<-ctx.Done()
			err = ctx.Err()
		}
		return err
	}
	c, _ := copyingTo([]string{"good", "bad"}, func(ctx context.Context, node string, input io.Reader) error {
		if node == "bad" {
			_, _ = io.CopyN(io.Discard, input, 1000)
			return errors.New("ctr: no space left on device")
		}
		return waits(ctx, input)
	})
	_, err := c.convert(t.Context(), images.Conversion{Names: names, Have: c.have}, open(whole))
	if err == nil || err.Error() != "copying images into the node: ctr: no space left on device" {
		t.Errorf("a node that fails gives %v", err)
	}
	c, _ = copyingTo([]string{"good"}, func(ctx context.Context, _ string, input io.Reader) error {
		return waits(ctx, input)
	})
	conversion := images.Conversion{Names: names, Have: c.have}
	_, err = c.convert(t.Context(), conversion, open(whole[:1<<20]))
	if err == nil || !strings.HasPrefix(err.Error(), "reading images: ") {
		t.Errorf("an archive that is cut gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, _ = copyingTo([]string{"good"}, func(ctx context.Context, _ string, _ io.Reader) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if _, err := c.convert(ctx, conversion, open(whole)); !errors.Is(err, context.Canceled) {
		t.Errorf("one that is given up gives %v", err)
	}
}
