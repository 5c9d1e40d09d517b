package kubelet

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
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
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		b.SetBytes(int64(w.Body.Len()))
	}
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
	b.ReportAllocs()
	for range b.N {
		if _, err := json.Marshal(sum); err != nil {
			b.Fatal(err)
		}
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
