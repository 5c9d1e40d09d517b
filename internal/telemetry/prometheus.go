package telemetry

import (
	"context"
	"net/url"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// readPrometheus asks any Prometheus for what it reports of itself in its API:
// the series in its head, and the time of the newest sample.
// https://prometheus.io/docs/prometheus/latest/querying/api/#tsdb-stats
func readPrometheus(ctx context.Context, base string) (backend.Ingestion, error) {
	client := prometheus.NewClient(base)
	defer client.Close()
	var status struct {
		HeadStats struct{ NumSeries, MaxTime int64 }
	}
	if err := client.Get(ctx, "status/tsdb", url.Values{"limit": {"1"}}, &status); err != nil {
		return backend.Ingestion{}, err
	}
	head := status.HeadStats
	ingestion := backend.Ingestion{Series: head.NumSeries}
	if head.NumSeries > 0 && head.MaxTime > 0 {
		ingestion.LastSampleTime = time.UnixMilli(head.MaxTime)
	}
	return ingestion, nil
}
