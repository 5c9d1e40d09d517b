package kubeletstatsnodes

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
	"github.com/diorama-lab/diorama/internal/collector/simulatednodes/nodestest"
)

// BenchmarkThousandNodes says what a node costs: its receiver and connection,
// client and server side together, without the metrics on their way.
func BenchmarkThousandNodes(b *testing.B) {
	const nodes = 1000
	for range b.N {
		k := nodestest.NewKubelets(b, "stats/summary", summary)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		source, telemetry := start(b, k, consumertest.NewNop(), 5*time.Second)
		began := time.Now()
		for i := range nodes {
			source.Add(fmt.Sprintf("node-%04d", i))
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/start-all")
		nodestest.Eventually(b, "every node has been scraped", func() bool {
			return nodestest.Outcomes(telemetry, simulatednodes.ScrapesMetric, simulatednodes.OutcomeSuccess) >= nodes
		})
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/scrape-all")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/nodes/1024, "KiB/node")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/nodes, "goroutines/node")
	}
}
