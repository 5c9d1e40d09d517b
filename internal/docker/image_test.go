package docker

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// An engine that does not know an image by its digest may have it under its tag:
// with this digest, with another one, or with none, as after `docker load`.
func TestFind(t *testing.T) {
	has := map[string]string{
		"a/pulled@" + digestA: `{"Id": "sha256:1", "Size": 3, "RootFS": {"Layers": ["sha256:l"]}}`,
		"a/mirrored:1":        fmt.Sprintf(`{"Id": "sha256:2", "RepoDigests": ["mirror.example/a/mirrored@%s"]}`, digestA),
		"a/moved:1": fmt.Sprintf(`{"Id": "sha256:3", "RepoDigests": ["other/name@%s", "a/moved@%s"]}`,
			digestB, digestB),
		"a/loaded:1":            `{"Id": "sha256:4", "RepoDigests": []}`,
		"a/otherwise:1":         fmt.Sprintf(`{"Id": "sha256:5", "RepoDigests": ["mirror.example/x@%s"]}`, digestB),
		"a/pulled:1@" + digestA: `{"Id": "sha256:1"}`,
	}
	e := &Engine{client: clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimSuffix(r.URL.Path[strings.Index(r.URL.Path, "/images/")+len("/images/"):], "/json")
		if name == "a/broken:1" {
			http.Error(w, `{"message": "the store is broken"}`, http.StatusInternalServerError)
			return
		}
		image, ok := has[name]
		if !ok {
			http.Error(w, `{"message": "No such image"}`, http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprint(w, image)
	})}
	for name, want := range map[string]Local{
		"a/pulled@" + digestA:      {Name: "a/pulled@" + digestA, ID: "sha256:1"},
		"a/pulled:1@" + digestA:    {Name: "a/pulled:1@" + digestA, ID: "sha256:1"},
		"a/mirrored:1@" + digestA:  {Name: "a/mirrored:1", ID: "sha256:2"},
		"a/loaded:1":               {Name: "a/loaded:1", ID: "sha256:4"},
		"a/loaded:1@" + digestA:    {Name: "a/loaded:1", ID: "sha256:4", Unchecked: true},
		"a/otherwise:1@" + digestA: {Name: "a/otherwise:1", ID: "sha256:5", Unchecked: true},
	} {
		got, err := e.Find(t.Context(), name)
		if err != nil || got.Name != want.Name || got.ID != want.ID || got.Unchecked != want.Unchecked {
			t.Errorf("%s is %+v, %v; want %+v", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"a/none:1":            "the engine does not have the image a/none:1",
		"a/loaded@" + digestA: "the engine does not have the image a/loaded@" + digestA,
		"a/moved:1@" + digestA: "the engine does not have the image a/moved:1@" + digestA +
			": its a/moved:1 has the digest " + digestB,
		"a/none:1@" + digestA:       "the engine does not have the image a/none:1@" + digestA,
		"Not a name":                `the image name "Not a name"`,
		"a/broken:1":                "looking for the image a/broken:1",
		"a/broken:1@" + digestA[1:]: "the image name",
	} {
		_, err := e.Find(t.Context(), name)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", name, err, want)
		}
		if missing := new(MissingError); errors.As(err, &missing) != strings.HasPrefix(want, "the engine") {
			t.Errorf("%s: missing is %v", name, missing)
		}
	}
}
