//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/image"
)

// TestK3dPinned brings the kind up on two nodes with images that were pulled by
// their digests, after the registry has gone. Docker saves such images without a name.
func TestK3dPinned(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	r := newRegistry(t, e.images())
	r.open()
	host := strings.TrimPrefix(r.URL, "http://") + "/"
	pin := func(name string) string { return "@" + digest(r.manifests[name]) }
	lgtm, collector := host+standIns[1]+pin(standIns[1]), host+"diorama-collector"+pin(standIns[2])
	moved := host + standIns[0]
	for _, name := range []string{lgtm, collector, moved} {
		stream, err := e.ImagePull(t.Context(), name, image.PullOptions{})
		e.check(err)
		e.check(succeeded(stream))
		t.Cleanup(func() {
			if _, err := e.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true}); err != nil {
				t.Errorf("removing the image: %v", err)
			}
		})
	}
	r.Close()
	e.nodes()
	l.write("kubeconfig", ownKubeconfig)
	pinned := func(lgtm string) string {
		return l.write("pinned.yaml", fmt.Sprintf("kind: k3d\ncluster: {agents: 1}\ntelemetry: {interval: 1s}\n"+
			"images: {lgtm: %q, collector: %q, workload: %q, k3s: %q}\nchart: {path: %q}\nports: auto\n",
			lgtm, collector, standIns[0], nodeImage, chartFolder(t)))
	}
	said := l.dioramaFails("up", "-f", pinned(moved+"@sha256:"+strings.Repeat("2", 64)))
	for _, want := range []string{
		"its " + moved + " has the digest " + pin(standIns[0])[1:], "pulling the image", "images.load",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("of another digest it does not say %q:\n%s", want, said)
		}
	}
	l.diorama("up", "-f", pinned(lgtm))
	for _, node := range []string{k3dNode, "k3d-diorama-default-agent-0"} {
		imported := e.exec(node, "busybox", "cat", "/var/lib/rancher/k3s/imported")
		for _, want := range []string{host + "diorama-lgtm" + pin(standIns[1]), collector} {
			if !slices.Contains(strings.Fields(imported), want) {
				t.Errorf("%s was not copied into the node %s: %q", want, node, imported)
			}
		}
	}
	if warnings := l.status().Warnings; len(warnings) > 0 {
		t.Errorf("warnings are %q", warnings)
	}
	l.diorama("down")
	checkNothingLeft(t, l)
}
