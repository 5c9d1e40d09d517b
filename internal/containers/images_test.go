package containers

import (
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/docker/dockertest"
)

// ensure returns what was reported.
func ensure(t *testing.T, shared *Shared, load []string, wanted ...string) ([]string, error) {
	t.Helper()
	var reported []string
	err := shared.EnsureImages(t.Context(), wanted, load, func(text string) { reported = append(reported, text) })
	return reported, err
}

// Images come from the engine, from tarballs, and from a registry, in this order.
func TestEnsureImages(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("here:1")
	engine.Publish("far:1@"+digestA, "here:1@"+digestB)
	first, second := dockertest.Tarball(t, "loaded:1"), dockertest.Tarball(t, "more:1")
	reported, err := ensure(t, shared, []string{first, second}, "here:1", "loaded:1", "far:1@"+digestA)
	if err != nil {
		t.Fatal(err)
	}
	pulling := "pulling far:1@" + digestA
	want := []string{
		"loading " + first, "loading " + second, pulling, pulling + ": 25%, 1 of 4 MB", pulling + ": 100%, 4 of 4 MB",
	}
	if !slices.Equal(reported, want) {
		t.Errorf("reported is %q, want %q", reported, want)
	}
	for name, want := range map[string]string{
		"here:1": "here:1", "far:1@" + digestA: "far:1@" + digestA, "never:asked": "never:asked",
	} {
		if got := shared.Images.Find(name).Name; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	// A second up has nothing to do.
	reported, err = ensure(t, shared, []string{first}, "here:1", "loaded:1", "far:1@"+digestA)
	if err != nil || reported != nil {
		t.Errorf("the second time: %q, %v", reported, err)
	}
	if warnings := shared.Images.Warnings(); warnings != nil {
		t.Errorf("warnings are %q", warnings)
	}
}

// Tarballs are not read further than until all is there.
func TestEnsureImagesStopsLoading(t *testing.T) {
	_, shared := connected(t)
	first := dockertest.Tarball(t, "loaded:1")
	reported, err := ensure(t, shared, []string{first, "/there/is/none"}, "loaded:1")
	if err != nil || !slices.Equal(reported, []string{"loading " + first}) {
		t.Errorf("reported is %q, %v", reported, err)
	}
}

// Whoever has named a digest is told that nobody could compare it.
func TestUncheckedDigests(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("loaded:1", "built:1")
	if _, err := ensure(t, shared, nil, "loaded:1@"+digestA, "built:1@"+digestA); err != nil {
		t.Fatal(err)
	}
	warnings := shared.Images.Warnings()
	if len(warnings) != 2 || !strings.Contains(warnings[0], "the image built:1@"+digestA+" is not checked") ||
		!strings.Contains(warnings[1], "the engine has loaded:1 without one") {
		t.Errorf("warnings are %q", warnings)
	}
}

func TestEnsureImagesFails(t *testing.T) {
	engine, shared := connected(t)
	engine.AddImage("moved:1@" + digestB)
	broken := dockertest.Tarball(t)
	for _, c := range []struct{ name, load, fails, want string }{
		{name: "none:1", want: "pulling the image none:1"},
		{name: "none:1", want: "name a tarball of images in images.load"},
		// It says what is there in the place of what cannot be pulled.
		{name: "moved:1@" + digestA, want: "its moved:1 has the digest " + digestB + ", and pulling the image"},
		{name: "none:1", load: "/there/is/none", want: "opening the images"},
		{name: "none:1", load: broken, fails: "POST /images/load", want: "loading the images of " + broken},
		{name: "none:1", fails: "GET /images/{name...}", want: "looking for the image none:1"},
		{name: "Not a name", want: "the image name"},
	} {
		if c.fails != "" {
			engine.Fail(c.fails, "out of order")
		}
		var load []string
		if c.load != "" {
			load = []string{c.load}
		}
		if _, err := ensure(t, shared, load, c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if c.fails != "" {
			engine.Fail(c.fails, "")
		}
		if local := shared.Images.Find(c.name); local.ID != "" {
			t.Errorf("%s is noted as %+v", c.name, local)
		}
	}
}
