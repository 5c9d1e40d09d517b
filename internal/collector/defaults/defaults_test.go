package defaults

import "testing"

func TestMetrics(t *testing.T) {
	all, err := Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		receiver string
		metric   Metric
	}{
		{Kubeletstats, Metric{Name: "container.memory.working_set", Unit: "By", Type: Gauge, Resource: "container"}},
		{Kubeletstats, Metric{Name: "k8s.node.cpu.time", Unit: "s", Type: Sum, Monotonic: true, Resource: "node"}},
		{Kubeletstats, Metric{Name: "k8s.volume.available", Unit: "By", Type: Gauge, Resource: "volume"}},
		{Cluster, Metric{Name: "k8s.deployment.available", Unit: "{pod}", Type: Gauge, Resource: "deployment"}},
		{Hostmetrics + "/cpu", Metric{Name: "system.cpu.time", Unit: "s", Type: Sum, Monotonic: true, Resource: "host"}},
	} {
		found := false
		for _, got := range all[want.receiver] {
			if got.Name != want.metric.Name {
				continue
			}
			found = true
			got.Attributes = nil
			same := got.Unit == want.metric.Unit && got.Type == want.metric.Type &&
				got.Monotonic == want.metric.Monotonic && got.Resource == want.metric.Resource
			if !same {
				t.Errorf("%s: got %+v, want %+v", want.receiver, got, want.metric)
			}
		}
		if !found {
			t.Errorf("%s lacks %s", want.receiver, want.metric.Name)
		}
	}
}
