package docker

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	if err := explain(nil, "doing"); err != nil {
		t.Errorf("nothing wrong becomes %v", err)
	}
	for _, c := range []struct{ says, want string }{
		{"Error response from daemon: write /var/lib/docker/x: no space left on device", "`docker system prune`"},
		{
			"driver failed programming external connectivity: Bind for 127.0.0.1:3000 failed: port is already allocated",
			"another container has published that port",
		},
		{"listen tcp4 127.0.0.1:3000: bind: address already in use", "--ports auto"},
		{
			"could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
			"`docker network prune`",
		},
		{"Mounts denied: The path /x is not shared from the host", "File sharing"},
		{"toomanyrequests: You have reached your pull rate limit", "`docker login`"},
		{"exec /diorama: exec format error", "another processor"},
		{`invalid mount config for type "bind": bind source path does not exist: /x`, "is it a local one?"},
	} {
		cause := errors.New(c.says)
		err := explain(cause, "making the container %s", "c")
		if !errors.Is(err, cause) || !hinted(err) || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "making the container c: "+c.says) {
			t.Errorf("%q becomes %q, want %q", c.says, err, c.want)
		}
	}
	if err := explain(errors.New("odd"), "doing"); hinted(err) || err.Error() != "doing: odd" {
		t.Errorf("an unknown error becomes %q", err)
	}
}

func TestFollowPull(t *testing.T) {
	stream := `{"status":"Pulling from grafana/otel-lgtm","id":"1"}
{"status":"Pulling fs layer","progressDetail":{},"id":"a"}
{"status":"Downloading","progressDetail":{"current":1000000,"total":4000000},"id":"a"}
{"status":"Downloading","progressDetail":{"current":3000000,"total":6000000},"id":"b"}
{"status":"Download complete","progressDetail":{},"id":"a"}
{"status":"Extracting","progressDetail":{"current":1,"total":4000000},"id":"a"}
{"status":"Pull complete","progressDetail":{},"id":"b"}
{"status":"Digest: sha256:00"}`
	var said []string
	if err := follow(strings.NewReader(stream), func(text string) { said = append(said, text) }); err != nil {
		t.Fatal(err)
	}
	want := []string{"25%, 1 of 4 MB", "40%, 4 of 10 MB", "70%, 7 of 10 MB", "100%, 10 of 10 MB"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	err := follow(strings.NewReader(`{"error":"manifest unknown","errorDetail":{"message":"manifest unknown"}}`), nil)
	if err == nil || err.Error() != "manifest unknown" {
		t.Errorf("an error in the stream becomes %v", err)
	}
	if err := follow(strings.NewReader(`{"status":`), nil); err == nil {
		t.Error("a stream that is cut is taken for a whole one")
	}
}

func TestNetworkContains(t *testing.T) {
	n := Network{Subnet: netip.MustParsePrefix("172.18.0.0/16")}
	for address, want := range map[string]bool{
		"172.18.0.2": true, "::ffff:172.18.0.2": true, "172.19.0.2": false, "127.0.0.1": false,
	} {
		if n.Contains(netip.MustParseAddr(address)) != want {
			t.Errorf("%s is a container's: %v, want %v", address, !want, want)
		}
	}
}

// fakeBinary writes the header of a static Linux binary for a processor.
func fakeBinary(t *testing.T, machine uint16, size int) string {
	t.Helper()
	data := make([]byte, size)
	copy(data, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(data[16:], 2) // executable
	binary.LittleEndian.PutUint16(data[18:], machine)
	binary.LittleEndian.PutUint32(data[20:], 1)  // version
	binary.LittleEndian.PutUint16(data[52:], 64) // size of this header
	path := filepath.Join(t.TempDir(), "diorama")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func entries(t *testing.T, archive io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

// The sizes are around a block of tar, where padding begins and ends.
func TestWriteArchive(t *testing.T) {
	variants := []Variant{
		{Tag: "a:1", Entrypoint: []string{"/diorama"}, Description: "one"},
		{Tag: "b:1", Entrypoint: []string{"/diorama", "x"}, Cmd: []string{"y"}, Env: []string{"A=b"}, Ports: []int{3000},
			Description: "another"},
	}
	for _, size := range []int{511, 512, 513, 100_000} {
		path := fakeBinary(t, 62, size)
		var first, second bytes.Buffer
		if err := errors.Join(WriteArchive(&first, path, variants), WriteArchive(&second, path, variants)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("the same binary gives other images")
		}
		files := entries(t, &first)
		layer := entries(t, bytes.NewReader(files["layer.tar"]))
		if len(layer["diorama"]) != size || layer["tmp/"] == nil || layer["data/"] == nil {
			t.Errorf("the layer holds %d bytes of %d", len(layer["diorama"]), size)
		}
		var manifests []manifest
		if err := json.Unmarshal(files["manifest.json"], &manifests); err != nil || len(manifests) != 2 {
			t.Fatalf("%d images, %v", len(manifests), err)
		}
		var config imageConfig
		if err := json.Unmarshal(files[manifests[1].Config], &config); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(files["layer.tar"])
		if config.RootFS.DiffIDs[0] != "sha256:"+hex.EncodeToString(sum[:]) {
			t.Error("the image names another layer")
		}
		_, listens := config.Config.ExposedPorts["3000/tcp"]
		if config.Config.User != "65532:65532" || config.Architecture != "amd64" || !listens ||
			config.Config.Cmd[0] != "y" ||
			!slices.Contains(config.Config.Env, "A=b") {
			t.Errorf("the image is %+v", config)
		}
	}
}

func TestWriteArchiveRefuses(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		script:                     "is no Linux binary",
		fakeBinary(t, 243, 1000):   "images are made for amd64 and arm64",
		filepath.Join(script, "x"): "x",
	} {
		if err := WriteArchive(io.Discard, path, []Variant{{Tag: "a:1"}}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
	if err := WriteArchive(io.Discard, fakeBinary(t, 62, 1000), nil); err == nil {
		t.Error("an archive without images is written")
	}
}
