package collector

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// maxSelfMetrics bounds the page of a collector's own metrics, which takes
// some 30 KB.
const maxSelfMetrics = 8 << 20

// Health is what a collector counted about itself since it started. Points
// are metric points and log records.
type Health struct {
	// UptimeSeconds is for how long it has run with its present configuration.
	UptimeSeconds float64 `json:"uptimeSeconds"`
	// NodesFollowed is how many simulated nodes are scraped now. With two
	// receivers that follow them it is the smaller number, and
	// MostNodesFollowed the larger one.
	NodesFollowed     uint64 `json:"nodesFollowed"`
	MostNodesFollowed uint64 `json:"mostNodesFollowed"`
	// Scrapes and FailedScrapes are those of simulated nodes.
	Scrapes       uint64 `json:"scrapes"`
	FailedScrapes uint64 `json:"failedScrapes"`
	// ErroredPoints could not be read in scrapes that otherwise succeeded.
	ErroredPoints uint64 `json:"erroredPoints"`
	// Scraped is how much each scraper of the stock receivers has read, by
	// receiver and scraper. A scrape that fails as a whole is counted nowhere:
	// it only adds nothing here.
	Scraped map[string]uint64 `json:"scraped"`
	// AcceptedPoints came in; RefusedPoints were turned away at a receiver,
	// for example by memory_limiter.
	AcceptedPoints uint64 `json:"acceptedPoints"`
	RefusedPoints  uint64 `json:"refusedPoints"`
	// SentPoints left through the exporters, each exporter counted;
	// SendFailedPoints were given up after all retries; EnqueueFailedPoints
	// found no room in an exporter's queue.
	SentPoints          uint64 `json:"sentPoints"`
	SendFailedPoints    uint64 `json:"sendFailedPoints"`
	EnqueueFailedPoints uint64 `json:"enqueueFailedPoints"`
	// SentRecords are the log records among SentPoints.
	SentRecords uint64 `json:"sentRecords"`
}

// LostPoints are those that came as far as the collector and no further.
func (h Health) LostPoints() uint64 {
	return h.RefusedPoints + h.SendFailedPoints + h.EnqueueFailedPoints
}

// ReadHealth reads a collector's page of self metrics, for example
// http://127.0.0.1:8888/metrics.
func ReadHealth(ctx context.Context, selfMetricsURL string) (Health, error) {
	page, err := openSelfMetrics(ctx, selfMetricsURL)
	if err != nil {
		return Health{}, err
	}
	defer func() { _ = page.Close() }()
	return parseHealth(io.LimitReader(page, maxSelfMetrics))
}

// openSelfMetrics asks for a collector's page of self metrics, which the
// caller closes.
func openSelfMetrics(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking for a collector's own metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking for a collector's own metrics: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("asking for a collector's own metrics: %s answered %s", url, response.Status)
	}
	return response.Body, nil
}

// parseFamilies reads a page of self metrics. Whether counters end in _total is
// an option of the reader: here they do not.
func parseFamilies(page io.Reader) (map[string]*dto.MetricFamily, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	read, err := parser.TextToMetricFamilies(page)
	if err != nil {
		return nil, fmt.Errorf("reading a collector's own metrics: %w", err)
	}
	families := make(map[string]*dto.MetricFamily, len(read))
	for name, family := range read {
		families[strings.TrimSuffix(name, "_total")] = family
	}
	return families, nil
}

func parseHealth(page io.Reader) (Health, error) {
	families, err := parseFamilies(page)
	if err != nil {
		return Health{}, err
	}
	points := func(prefix string) uint64 {
		return sum(families[prefix+"_metric_points"], "") + sum(families[prefix+"_log_records"], "")
	}
	scrapes := families[simulatednodes.ScrapesMetric]
	least, most := followed(families[simulatednodes.FollowedMetric])
	return Health{
		UptimeSeconds: uptime(families["otelcol_process_uptime"]),
		NodesFollowed: least, MostNodesFollowed: most,
		Scrapes:       sum(scrapes, ""),
		FailedScrapes: sum(scrapes, simulatednodes.OutcomeFailure),
		ErroredPoints: points("otelcol_scraper_errored"),
		Scraped:       scraped(families["otelcol_scraper_scraped_metric_points"]),
		// receiver_failed tells part of the refusals apart, once the feature
		// gate receiverhelper.newReceiverMetrics is on; until then it is 0.
		RefusedPoints:       points("otelcol_receiver_refused") + points("otelcol_receiver_failed"),
		AcceptedPoints:      points("otelcol_receiver_accepted"),
		SentPoints:          points("otelcol_exporter_sent"),
		SendFailedPoints:    points("otelcol_exporter_send_failed"),
		EnqueueFailedPoints: points("otelcol_exporter_enqueue_failed"),
		SentRecords:         sum(families["otelcol_exporter_sent_log_records"], ""),
	}, nil
}

func scraped(family *dto.MetricFamily) map[string]uint64 {
	read := map[string]uint64{}
	for _, m := range family.GetMetric() {
		read[label(m, "receiver")+" "+label(m, "scraper")] += uint64(value(m))
	}
	return read
}

// sum adds the values of a family, of one outcome only if it is given.
func sum(family *dto.MetricFamily, outcome string) uint64 {
	var total float64
	for _, m := range family.GetMetric() {
		if outcome == "" || label(m, simulatednodes.OutcomeKey) == outcome {
			total += value(m)
		}
	}
	return uint64(total)
}

// followed is how many nodes the receivers follow at least and at most.
func followed(family *dto.MetricFamily) (least, most uint64) {
	metrics := family.GetMetric()
	if len(metrics) == 0 {
		return 0, 0
	}
	smallest, largest := value(metrics[0]), value(metrics[0])
	for _, m := range metrics[1:] {
		smallest, largest = min(smallest, value(m)), max(largest, value(m))
	}
	return uint64(max(smallest, 0)), uint64(max(largest, 0))
}

func uptime(family *dto.MetricFamily) float64 {
	if metrics := family.GetMetric(); len(metrics) > 0 {
		return value(metrics[0])
	}
	return 0
}

// value of a counter or gauge, whichever type the page declares.
func value(m *dto.Metric) float64 {
	return m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
}

func label(m *dto.Metric, name string) string {
	for _, pair := range m.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}
