//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
	gopsnet "github.com/shirou/gopsutil/v4/net"
)

// engine is the Docker engine that the tests use, and their own images on it.
type engine struct {
	*client.Client
	t *testing.T
}

// imagesTag is that of diorama's own images, of which one stands for the contrib
// collector; the one for LGTM is e2e/lgtm's, built upon them.
const imagesTag = "e2e"

var standIns = []string{"diorama:" + imagesTag, "diorama-lgtm:" + imagesTag, "diorama-collector:" + imagesTag}

// tarball is written once for all tests.
var tarball struct {
	once sync.Once
	dir  string
	err  error
}

// newEngine finds the engine. The tests of a machine without one are skipped,
// unless DIORAMA_DOCKER=required says that there has to be one. At its end a
// test has to leave what it found.
func newEngine(t *testing.T) engine {
	t.Helper()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err == nil {
		_, err = c.Ping(t.Context())
	}
	if err != nil {
		if os.Getenv("DIORAMA_DOCKER") == "required" {
			t.Fatal(err)
		}
		skip(t, "no Docker engine answers (%v)", err)
	}
	e := engine{c, t}
	before := e.everything()
	t.Cleanup(func() {
		if after := e.everything(); !slices.Equal(before, after) {
			t.Errorf("Docker has %q now, it had %q", after, before)
		}
	})
	return e
}

// everything lists the containers, networks and volumes that there are.
func (e engine) everything() []string {
	e.t.Helper()
	ctx := context.Background() // it is called after the test's own has ended, too
	containers, err := e.ContainerList(ctx, container.ListOptions{All: true})
	e.check(err)
	networks, err := e.NetworkList(ctx, network.ListOptions{})
	e.check(err)
	volumes, err := e.VolumeList(ctx, volume.ListOptions{})
	e.check(err)
	var all []string
	for _, c := range containers {
		all = append(all, "container "+strings.Join(c.Names, " "))
	}
	for _, n := range networks {
		all = append(all, "network "+n.Name)
	}
	for _, v := range volumes.Volumes {
		all = append(all, "volume "+v.Name)
	}
	slices.Sort(all)
	return all
}

func (e engine) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// images writes the stand-in images to a tarball, once.
func (e engine) images() string {
	e.t.Helper()
	tarball.once.Do(func() {
		if tarball.dir, tarball.err = os.MkdirTemp("", "diorama-images-"); tarball.err != nil {
			return
		}
		newLab(e.t).diorama("image", "--tag", imagesTag, "--output", filepath.Join(tarball.dir, "images.tar"))
	})
	e.check(tarball.err)
	return filepath.Join(tarball.dir, "images.tar")
}

// removeImages makes the engine forget the stand-ins.
func (e engine) removeImages() {
	nodeImageBuilt, lgtmImageBuilt = false, false
	e.forget(append([]string{nodeImage, lgtmImage, beylaImage}, standIns...)...)
}

// forget removes images, but for what others are built upon.
func (e engine) forget(images ...string) {
	for _, name := range images {
		// One that is not there is as wanted.
		_, _ = e.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true, PruneChildren: true})
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	reportSkipped()
	if tarball.dir != "" {
		_ = os.RemoveAll(tarball.dir)
		if c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation()); err == nil {
			(engine{Client: c}).removeImages()
		}
	}
	os.Exit(code)
}

// kwok writes an environment file of the kind, with the stand-in images.
func (l *lab) kwok(e engine, more string) string {
	l.t.Helper()
	return l.write("kwok.yaml", fmt.Sprintf(`apiVersion: diorama/v1alpha1
kind: kwok
cluster: {nodes: 3, pods: 6}
telemetry: {interval: 1s}
images: {lgtm: %q, collector: %q, load: [%q]%s}
ports: auto
`, e.lgtm(), standIns[2], e.images(), more))
}

// inspect looks at a component's container.
func (e engine) inspect(s status, name string) container.InspectResponse {
	e.t.Helper()
	for _, component := range s.Components {
		if component.Name == name {
			found, err := e.ContainerInspect(e.t.Context(), component.Container)
			e.check(err)
			return found
		}
	}
	e.t.Fatalf("there is no component %s: %+v", name, s.Components)
	return container.InspectResponse{}
}

// checkGateway looks at every socket that the processes listen on: so many on
// the network's gateway (the Kubernetes API, and the kubelet API unless a
// container serves it), at least so many on loopback, and none elsewhere.
func (e engine) checkGateway(s status, networkName string, onGateway, onLoopback int) {
	e.t.Helper()
	found, err := e.NetworkInspect(e.t.Context(), networkName, network.InspectOptions{})
	e.check(err)
	gateway, listening := found.IPAM.Config[0].Gateway, map[string]int{}
	for _, component := range s.Components {
		if component.PID == 0 {
			continue
		}
		connections, err := gopsnet.ConnectionsPid("tcp", int32(component.PID))
		e.check(err)
		for _, c := range connections {
			if c.Status != "LISTEN" {
				continue
			}
			listening[c.Laddr.IP]++
			if c.Laddr.IP != gateway && !net.ParseIP(c.Laddr.IP).IsLoopback() {
				e.t.Errorf("%s listens on %s:%d", component.Name, c.Laddr.IP, c.Laddr.Port)
			}
		}
	}
	if listening[gateway] != onGateway || listening["127.0.0.1"] < onLoopback {
		e.t.Errorf("listeners by address are %v, want %d on the gateway %s and %d on loopback",
			listening, onGateway, gateway, onLoopback)
	}
}

// waitGone waits until a container has been replaced.
func (e engine) waitReplaced(l *lab, name, old string) {
	e.t.Helper()
	eventually(e.t, name+" is back", func() error {
		s := l.status()
		for _, component := range s.Components {
			replaced := component.Name == name && component.Container != old && component.Restarts == 1
			if replaced && component.Phase == "Ready" && s.Phase == "Ready" {
				return nil
			}
		}
		return fmt.Errorf("phase %s, %+v", s.Phase, s.Components)
	})
}

// lastAt is a PromQL query for what nodes used at a moment, or in the five minutes before it.
func lastAt(moment time.Time) string {
	return fmt.Sprintf(`last_over_time(k8s_node_cpu_time_seconds_total[5m] @ %d)`, moment.Unix())
}

// since is a PromQL query for what nodes used after a moment.
func since(moment time.Time) string {
	return fmt.Sprintf("timestamp(k8s_node_cpu_time_seconds_total) > %d", moment.Unix())
}
