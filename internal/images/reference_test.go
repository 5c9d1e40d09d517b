package images

import (
	"strings"
	"testing"
)

const someDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

func TestReference(t *testing.T) {
	for name, want := range map[string]struct{ tagged, digest, inNodes string }{
		"busybox":                     {"busybox:latest", "", "docker.io/library/busybox:latest"},
		"busybox:1.37":                {"busybox:1.37", "", "docker.io/library/busybox:1.37"},
		"grafana/otel-lgtm:0.31.0":    {"grafana/otel-lgtm:0.31.0", "", "docker.io/grafana/otel-lgtm:0.31.0"},
		"docker.io/rancher/k3s:v1":    {"rancher/k3s:v1", "", "docker.io/rancher/k3s:v1"},
		"localhost:5000/a/b:2":        {"localhost:5000/a/b:2", "", "localhost:5000/a/b:2"},
		"busybox@" + someDigest:       {"", someDigest, "docker.io/library/busybox@" + someDigest},
		"a/b:1@" + someDigest:         {"a/b:1", someDigest, "docker.io/a/b@" + someDigest},
		"ghcr.io/a/b:1@" + someDigest: {"ghcr.io/a/b:1", someDigest, "ghcr.io/a/b@" + someDigest},
	} {
		r, err := Parse(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Tagged() != want.tagged || r.Digest() != want.digest || r.InNodes() != want.inNodes {
			t.Errorf("%s is %q, %q, %q in nodes; want %+v", name, r.Tagged(), r.Digest(), r.InNodes(), want)
		}
	}
	for _, name := range []string{"", "Upper:1", "a:b:c", "a@sha256:12", "a:1@" + someDigest[:70], "a b"} {
		if _, err := Parse(name); err == nil || !strings.Contains(err.Error(), "the image name") {
			t.Errorf("%q gives %v", name, err)
		}
	}
}
