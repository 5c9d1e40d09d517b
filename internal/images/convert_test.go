package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// file is an entry of an archive; one with a target is a link.
type file struct{ name, content, target string }

func archiveOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Linkname: f.target}
		if f.target != "" {
			header.Typeflag = tar.TypeSymlink
		}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// layer is a layer's tarball with one file.
func layer(t *testing.T, content string) string {
	return string(archiveOf(t, file{name: "f", content: content}))
}

func configOf(layers ...string) string {
	var ids []string
	for _, l := range layers {
		ids = append(ids, fmt.Sprintf("%q", digestOf([]byte(l))))
	}
	const format = `{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [%s]}}`
	return fmt.Sprintf(format, strings.Join(ids, ", "))
}

// listOf is the manifest.json of two images, the first with two layers and a tag.
func listOf(first, second string, layers ...string) string {
	return fmt.Sprintf(`[{"Config": %q, "RepoTags": ["a:1"], "Layers": [%q, %q]}, `+
		`{"Config": %q, "RepoTags": null, "Layers": [%q]}]`,
		first, layers[0], layers[1], second, layers[2])
}

func zipped(t *testing.T, content string) string {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := io.WriteString(writer, content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// imported reads an archive as containerd does: by what its index names, and
// nothing may be missing. It returns the manifests by the images' names.
func imported(t *testing.T, archive []byte, have ...string) map[string]v1.Manifest {
	t.Helper()
	blobs, files := map[digest.Digest][]byte{}, map[string][]byte{}
	for _, blob := range have {
		blobs[digest.FromString(blob)] = []byte(blob)
	}
	for reader := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name] != nil {
			t.Errorf("%s is there twice", header.Name)
		}
		blobs[digest.FromBytes(data)], files[header.Name] = data, data
	}
	if string(files["oci-layout"]) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("the layout is %s", files["oci-layout"])
	}
	blob := func(d v1.Descriptor) []byte {
		data, ok := blobs[d.Digest]
		if !ok || int64(len(data)) != d.Size {
			t.Fatalf("%s %s of %d bytes is not there", d.MediaType, d.Digest, d.Size)
		}
		return data
	}
	var index v1.Index
	if err := json.Unmarshal(files["index.json"], &index); err != nil {
		t.Fatal(err)
	}
	all := map[string]v1.Manifest{}
	for _, d := range index.Manifests {
		var manifest v1.Manifest
		if err := json.Unmarshal(blob(d), &manifest); err != nil {
			t.Fatal(err)
		}
		for _, descriptor := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
			blob(descriptor)
		}
		if d.Platform == nil || d.Platform.Architecture != "amd64" || d.Platform.OS != "linux" {
			t.Errorf("the platform is %+v", d.Platform)
		}
		all[d.Annotations["io.containerd.image.name"]] = manifest
	}
	return all
}

func byTag(a Archived) []string {
	if len(a.Tags) == 0 {
		return []string{"nameless"}
	}
	return append([]string{"pinned@" + a.Tags[0]}, a.Tags...)
}

// Archives as Docker writes them: up to 24, from 25 on, and with containerd's
// store, where layers are compressed.
func TestConvert(t *testing.T) {
	one, two := layer(t, "one"), layer(t, strings.Repeat("two", 5000))
	zippedOne := zipped(t, one)
	first, second := configOf(one, two), configOf(one)
	blob := func(content string) string { return "blobs/sha256/" + digestOf([]byte(content))[7:] }
	for name, files := range map[string][]file{
		"directories": {
			{name: "a.json", content: first}, {name: "b.json", content: second},
			{name: "l1/VERSION", content: "1.0"}, {name: "l1/json", content: "{}"}, {name: "l1/layer.tar", content: one},
			{name: "l2/layer.tar", content: two}, {name: "l3/layer.tar", target: "../l1/layer.tar"},
			{name: "manifest.json", content: listOf("a.json", "b.json", "l1/layer.tar", "l2/layer.tar", "l3/layer.tar")},
			{name: "repositories", content: "{}"},
		},
		"blobs": {
			{name: blob(one), content: one}, {name: blob(two), content: two},
			{name: blob(first), content: first}, {name: blob(second), content: second},
			{name: "index.json", content: `{"manifests": []}`},
			{name: "manifest.json", content: listOf(blob(first), blob(second), blob(one), blob(two), blob(one))},
			{name: "oci-layout", content: `{"imageLayoutVersion": "1.0.0"}`},
		},
		"compressed": {
			{name: "manifest.json", content: listOf(blob(first), blob(second), blob(zippedOne), blob(two), blob(zippedOne))},
			{name: blob(zippedOne), content: zippedOne}, {name: blob(two), content: two},
			{name: blob(first), content: first}, {name: blob(second), content: second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			have := Layers{}
			kept, err := Conversion{Names: byTag, Have: have, Prefix: "x"}.Convert(&out,
				bytes.NewReader(archiveOf(t, files...)))
			if err != nil {
				t.Fatal(err)
			}
			all := imported(t, out.Bytes())
			layers := [2]int{len(all["a:1"].Layers), len(all["nameless"].Layers)}
			if len(kept) != 2 || len(all) != 3 || len(have) != 2 || layers != [2]int{2, 1} {
				t.Errorf("kept are %d images, %d layers, manifests %+v", len(kept), len(have), all)
			}
			if pinned := all["pinned@a:1"]; pinned.Config.Digest != digest.FromString(first) {
				t.Errorf("the pinned one is %+v", pinned)
			}
			wantType := v1.MediaTypeImageLayer
			if name == "compressed" {
				wantType = v1.MediaTypeImageLayerGzip
			}
			if got := all["nameless"].Layers[0].MediaType; got != wantType {
				t.Errorf("the layer is %s, want %s", got, wantType)
			}
		})
	}
}

// What nodes have already is not copied again; what is not asked for is left out.
func TestConvertOnlyWhatIsMissing(t *testing.T) {
	one, two := layer(t, "one"), layer(t, "two")
	archive := archiveOf(t,
		file{name: "1.tar", content: one}, file{name: "2.tar", content: two},
		file{name: "a.json", content: configOf(one, two)}, file{name: "b.json", content: configOf(two)},
		file{name: "manifest.json", content: listOf("a.json", "b.json", "1.tar", "2.tar", "2.tar")})
	listing, err := List(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	there := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Digest: digest.FromString(one), Size: int64(len(one))}
	have := Layers{digestOf([]byte(one)): there}
	chosen := func(a Archived) bool { return slices.Contains(a.Tags, "a:1") }
	needed := listing.Needed(have, chosen)
	if len(needed) != 1 || !needed["2.tar"] || listing.Size(listing.Images[0]) != int64(len(one)+len(two)) {
		t.Errorf("needed are %v", needed)
	}
	var out bytes.Buffer
	conversion := Conversion{Have: have, Skip: func(name string) bool { return !needed[name] }}
	conversion.Names = func(a Archived) []string {
		if chosen(a) {
			return a.Tags
		}
		return nil
	}
	_, err = conversion.Convert(&out, bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out.Bytes(), []byte(one)) {
		t.Error("a layer that is there was copied")
	}
	if all := imported(t, out.Bytes(), one); len(all) != 1 || len(all["a:1"].Layers) != 2 {
		t.Errorf("the images are %+v", all)
	}
}

func TestConvertRefuses(t *testing.T) {
	one := layer(t, "one")
	list := file{name: "manifest.json", content: `[{"Config": "a.json", "RepoTags": ["a:1"], "Layers": ["1.tar"]}]`}
	whole := archiveOf(t, file{name: "1.tar", content: one}, file{name: "a.json", content: configOf(one)}, list)
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"no archive":     {[]byte(strings.Repeat("no archive", 200)), "reading the archive"},
		"another layout": {archiveOf(t, file{name: "index.json", content: "{}"}), "the OCI's layout alone"},
		"other files":    {archiveOf(t, file{name: "x", content: "y"}), "it has no manifest.json"},
		"no configuration": {archiveOf(t, file{name: "1.tar", content: one}, list),
			"lacks a.json, the configuration of a:1"},
		"no layer": {archiveOf(t, file{name: "a.json", content: configOf(one)}, list), "lacks 1.tar, a layer"},
		"too few layers": {
			archiveOf(t, file{name: "1.tar", content: one}, file{name: "a.json", content: configOf(one, one)}, list),
			"has 1 layers of a.json, whose configuration lists 2",
		},
		"cut":     {whole[:len(one)], "unexpected EOF"},
		"no list": {archiveOf(t, file{name: "manifest.json", content: "{"}), "manifest.json"},
	} {
		_, err := Conversion{Names: byTag, Have: Layers{}}.Convert(io.Discard, bytes.NewReader(test.archive))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestDecompress(t *testing.T) {
	archive := archiveOf(t, file{name: "x", content: "y"})
	for name, data := range map[string][]byte{"plain": archive, "gzip": []byte(zipped(t, string(archive)))} {
		reader, err := Decompress(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(reader)
		if err := errors.Join(err, reader.Close()); err != nil || !bytes.Equal(got, archive) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(archive), err)
		}
	}
}
