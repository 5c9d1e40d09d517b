package telemetry

import (
	"context"
	"time"

	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// The collectors of the kind k3d are in its pods, and say of themselves what
// they send to the store with the rest: what was sent, and what was lost. The
// one in LGTM says so too, of the same points: it has a job of another name.
const storedFlow = `label_replace(sum(rate(otelcol_exporter_sent_metric_points_total{job=~"otelcol-.*"}[1m])),` +
	` "what", "rate", "", "")` +
	` or label_replace(sum(otelcol_exporter_sent_log_records_total{job=~"otelcol-.*"}), "what", "events", "", "")` +
	` or label_replace(sum(otelcol_scraper_errored_metric_points_total{job=~"otelcol-.*"}), "what", "errored", "", "")` +
	` or label_replace(sum({job=~"otelcol-.*", __name__=~"otelcol_` +
	`(exporter_send_failed|exporter_enqueue_failed|receiver_refused)_(metric_points|log_records)_total"}),` +
	` "what", "lost", "", "")` +
	` or label_replace(` + storedScraped + ` and (time() - timestamp(` + storedScraped + `) < 60),` +
	` "what", "scraped", "", "")`

// storedScraped is what each scraper has read; of a collector that is gone it
// would be the same for minutes.
const storedScraped = `otelcol_scraper_scraped_metric_points_total{job=~"otelcol-.*"}`

// readStored adds to t what the store has of the collectors' own metrics, and
// returns what each scraper has read. Failed scrapes are metric points that
// could not be read.
func readStored(ctx context.Context, base string, t *control.Telemetry) (map[string]uint64, error) {
	client := prometheus.NewClient(base)
	defer client.Close()
	answer, err := client.Query(ctx, storedFlow, time.Now())
	if err != nil {
		return nil, err
	}
	scraped := map[string]uint64{}
	for _, s := range answer.Series {
		if len(s.Points) == 0 {
			continue
		}
		value := s.Points[0].V
		switch s.Labels["what"] {
		case "rate":
			t.SamplesPerSecond = value
		case "events":
			t.Events = uint64(value)
		case "errored":
			t.FailedScrapes = uint64(value)
		case "lost":
			t.DroppedSamples += uint64(value)
		case "scraped":
			scraped[s.Labels["service_instance_id"]+" "+s.Labels["receiver"]+" "+s.Labels["scraper"]] = uint64(value)
		}
	}
	return scraped, nil
}
