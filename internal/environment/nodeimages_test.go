package environment

import (
	"slices"
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
	a, b, c, d := wantedOf("a:1", "1", 10, "x", "y"), wantedOf("b:1", "2", 20, "z"), wantedOf("c:1", "3", 10, "x", "y"), wantedOf("d:1", "4", 40, "z", "y")
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
			t.Errorf("%d images make groups of %v, %d bytes; want %v, %d", len(test.wanted), sizes, total, test.groups, test.size)
		}
	}
}

func TestNamesOf(t *testing.T) {
	pinned := wantedImage{docker.Local{Name: "a:1", ID: "sha256:1", Layers: []string{"x"}}, "docker.io/library/a@sha256:d"}
	group := []wantedImage{wantedOf("a:1", "sha256:1", 1, "x"), pinned, wantedOf("b:1", "sha256:m", 1, "x", "y")}
	for _, test := range []struct {
		about    string
		archived images.Archived
		want     []string
	}{
		{"by ID, with all its names", images.Archived{ConfigDigest: "sha256:1"}, []string{"docker.io/library/a:1", "docker.io/library/a@sha256:d"}},
		{"by tag", images.Archived{ConfigDigest: "sha256:c", Tags: []string{"b:1"}}, []string{"docker.io/library/b:1"}},
		{"by layers", images.Archived{ConfigDigest: "sha256:c", DiffIDs: []string{"x", "y"}}, []string{"docker.io/library/b:1"}},
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
	if got, want := newNames(image, known), []string{"docker.io/library/a:2", "registry.example/b:1"}; !slices.Equal(got, want) {
		t.Errorf("new are %q, want %q", got, want)
	}
}
