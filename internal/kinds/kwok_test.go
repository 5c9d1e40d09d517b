package kinds

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/contrib"
	"github.com/diorama-lab/diorama/internal/lgtm"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/state"
)

// Nothing of the user's own leaks into a container but what is mounted there,
// and nothing is published but what the kind says.
func TestKwokContainers(t *testing.T) {
	p := planOf(t, examples()["kwok"])
	var images []string
	for _, c := range p.Components {
		container, ok := c.Runs.(plan.Container)
		if !ok {
			continue
		}
		images = append(images, container.Image)
		for _, m := range container.Mounts {
			if filepath.IsAbs(m.Source) && (!m.ReadOnly || !strings.HasPrefix(m.Source, "/env/config/")) {
				t.Errorf("%s sees %s, read only: %v", c.Name, m.Source, m.ReadOnly)
			}
		}
		for _, port := range container.Ports {
			if port.Container == lgtm.PrometheusPort {
				t.Errorf("%s publishes Prometheus", c.Name)
			}
		}
	}
	want := []string{"grafana/otel-lgtm:0.28.0", "otel/opentelemetry-collector-contrib:0.153.0"}
	if !slices.Equal(images, want) || !slices.Equal(kwokImages(p.Environment), want) {
		t.Errorf("images are %q, want %q", images, want)
	}
	if want := []string{"diorama-default-lgtm"}; !slices.Equal(p.Volumes(), want) {
		t.Errorf("volumes are %q, want %q", p.Volumes(), want)
	}
	collector := p.Files[contrib.ConfigFile(state.Folder{Name: "default", Path: "/env"})]
	if n := strings.Count(collector, "\n  kubelet_stats/"); n != 50 {
		t.Errorf("the collector has %d receivers of nodes, want 50", n)
	}
}

// Of all containers only Beyla's is privileged, and only where it is asked for.
func TestBeylaIsPlanned(t *testing.T) {
	for name, env := range examples() {
		var images []string
		for _, c := range planOf(t, env).Components {
			container, ok := c.Runs.(plan.Container)
			if !ok {
				continue
			}
			images = append(images, container.Image)
			if beyla := c.Name == beylaName; beyla != container.Privileged || beyla != (container.ProcessesOf != "") {
				t.Errorf("%s: %s is made as %+v", name, c.Name, container)
			}
		}
		if has := slices.Contains(images, "grafana/beyla:3.15.0"); has != (name == "kwok-beyla") {
			t.Errorf("%s runs the images %q", name, images)
		}
	}
}
