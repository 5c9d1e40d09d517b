package simulatednodes

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The names of the self metrics, as the collector's own are named, and the
// values of the attribute outcome.
const (
	ScrapesMetric   = "otelcol_node_scrapes"
	FollowedMetric  = "otelcol_nodes_followed"
	OutcomeKey      = "outcome"
	OutcomeSuccess  = "success"
	OutcomeFailure  = "failure"
	receiverKey     = "receiver"
	instrumentation = "github.com/diorama-lab/diorama/internal/collector/simulatednodes"
)

// Scrapes counts scrapes by outcome. The collector's own self metrics do not:
// of a scrape that fails altogether they count zero points.
type Scrapes struct {
	scrapes          metric.Int64Counter
	followed         metric.Int64UpDownCounter
	success, failure metric.MeasurementOption
	receiver         metric.MeasurementOption
}

// NewScrapes returns the counters of one receiver. They start at zero, so that
// a rate over them has a first sample.
func NewScrapes(telemetry component.TelemetrySettings, id component.ID) (*Scrapes, error) {
	meter := telemetry.MeterProvider.Meter(instrumentation)
	scrapes, err := meter.Int64Counter(ScrapesMetric, metric.WithUnit("{scrape}"),
		metric.WithDescription("Number of scrapes of simulated nodes, by outcome."))
	followed, followedErr := meter.Int64UpDownCounter(FollowedMetric, metric.WithUnit("{node}"),
		metric.WithDescription("Number of simulated nodes that are scraped."))
	if err := errors.Join(err, followedErr); err != nil {
		return nil, fmt.Errorf("making the counters of scrapes: %w", err)
	}
	receiver := attribute.String(receiverKey, id.String())
	with := func(outcome string) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(receiver, attribute.String(OutcomeKey, outcome)))
	}
	s := &Scrapes{
		scrapes: scrapes, followed: followed, success: with(OutcomeSuccess), failure: with(OutcomeFailure),
		receiver: metric.WithAttributeSet(attribute.NewSet(receiver)),
	}
	s.scrapes.Add(context.Background(), 0, s.success)
	s.scrapes.Add(context.Background(), 0, s.failure)
	s.follow(0)
	return s, nil
}

func (s *Scrapes) follow(change int64) { s.followed.Add(context.Background(), change, s.receiver) }

// Consumer counts each scrape and hands its metrics on. A scrape controller
// calls its consumer after every scrape, with no metrics if it failed; those
// are not handed on. emptyFails is to be false where a scrape may be empty and
// right.
func (s *Scrapes) Consumer(next consumer.Metrics, emptyFails bool) (consumer.Metrics, error) {
	return consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		if md.ResourceMetrics().Len() == 0 {
			if emptyFails {
				s.scrapes.Add(ctx, 1, s.failure)
			}
			return nil
		}
		s.scrapes.Add(ctx, 1, s.success)
		return next.ConsumeMetrics(ctx, md)
	}, consumer.WithCapabilities(next.Capabilities()))
}
