package kubelet

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// BenchmarkSummary is one GET of one node's summary with 30 pods, in a cluster
// of 1,000 nodes and 10,000 pods, without the network.
func BenchmarkSummary(b *testing.B) {
	s, c := newTestStore(1, 30)
	fill, _ := newTestStore(1000, 10)
	for name, n := range fill.nodes {
		if name != nodeName(0) {
			s.nodes[name] = n
		}
	}
	h := (&api{store: s}).plain()
	r := httptest.NewRequest(http.MethodGet, "/nodes/node-0/stats/summary", nil)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.advance(time.Second)
		h.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkScrapes is GETs of 1,000 nodes' summaries (10 pods each) over TLS,
// from as many clients as there are processors; it reports how long the slowest hundredth took.
func BenchmarkScrapes(b *testing.B) {
	s, _ := newTestStore(1000, 10)
	srv := serveStore(b, s)
	var mu sync.Mutex
	var took []time.Duration
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		client := srv.direct(b)
		var own []time.Duration
		for i := 0; pb.Next(); i++ {
			begin := time.Now()
			status, _ := get(b, client, fmt.Sprintf("https://%s/nodes/node-%d/stats/summary", srv.plain, i%1000))
			own = append(own, time.Since(begin))
			if status != http.StatusOK {
				b.Errorf("status %d", status)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, own...)
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
}

func BenchmarkMeasure(b *testing.B) {
	s, c := newTestStore(1, 30)
	b.ReportAllocs()
	for range b.N {
		c.advance(time.Second)
		v, _ := s.view("node-0")
		v.measure(s)
	}
}

func BenchmarkSummaryEncoding(b *testing.B) {
	s, _ := newTestStore(1, 30)
	v, _ := s.view("node-0")
	sum := newSummary(v.measure(s), false)
	var buffer []byte
	b.ReportAllocs()
	for range b.N {
		buffer = appendSummary(buffer[:0], sum)
	}
}

func BenchmarkHostMetrics(b *testing.B) {
	s, c := newTestStore(1, 30)
	h := (&api{store: s}).plain()
	r := httptest.NewRequest(http.MethodGet, "/nodes/node-0/hostmetrics", nil)
	b.ReportAllocs()
	for range b.N {
		c.advance(time.Second)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// BenchmarkSample is one sample of an expression for each of 20,000 containers.
func BenchmarkSample(b *testing.B) {
	s, c := newTestStore(1000, 10)
	setCluster(b, s, "all", nil, entry(expression(`Quantity("5m") * (1.0 + Rand())`)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.advance(sampleInterval)
		s.sample()
	}
}

// BenchmarkSqueezedNode is one sample of a node that is asked for more than it has, with 30 pods.
func BenchmarkSqueezedNode(b *testing.B) {
	s, c := newTestStore(1, 30)
	for i := range 30 {
		o := annotated(i, cpuAnnotation, "50")
		o.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		s.setPod(newPod(1, o))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.advance(sampleInterval)
		s.sample()
	}
}

// BenchmarkPodUpdate is what a change of one pod costs at 10,000 pods.
func BenchmarkPodUpdate(b *testing.B) {
	s, _ := newTestStore(1000, 10)
	o := testPod(3, 5)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.setPod(newPod(s.seed, o))
	}
}

// BenchmarkTopPods is what kubectl top pods -A asks for at 1,000 nodes and 10,000 pods.
func BenchmarkTopPods(b *testing.B) {
	s, c := newTestStore(1000, 10)
	h := (&metricsServer{store: s}).handler()
	r := httptest.NewRequest(http.MethodGet, "/apis/metrics.k8s.io/v1beta1/pods", nil)
	r.Header.Set("X-Remote-User", "someone")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.advance(time.Second)
		h.ServeHTTP(&discard{header: http.Header{}}, r)
	}
}
