package collector

import (
	"context"
	"io"
)

// Passed is what a collector that only passes on, such as the one in LGTM,
// counted since it started, in metric points.
type Passed struct {
	// AcceptedOTLP came in by OTLP, Accepted by any receiver.
	AcceptedOTLP, Accepted uint64
	// Sent went out; Failed was given up.
	Sent, Failed uint64
}

// ReadPassed reads a collector's page of self metrics.
func ReadPassed(ctx context.Context, selfMetricsURL string) (Passed, error) {
	page, err := openSelfMetrics(ctx, selfMetricsURL)
	if err != nil {
		return Passed{}, err
	}
	defer func() { _ = page.Close() }()
	return parsePassed(io.LimitReader(page, maxSelfMetrics))
}

func parsePassed(page io.Reader) (Passed, error) {
	families, err := parseFamilies(page)
	if err != nil {
		return Passed{}, err
	}
	accepted := families["otelcol_receiver_accepted_metric_points"]
	p := Passed{
		Accepted: sum(accepted, ""), Sent: sum(families["otelcol_exporter_sent_metric_points"], ""),
		Failed: sum(families["otelcol_exporter_send_failed_metric_points"], "") +
			sum(families["otelcol_exporter_enqueue_failed_metric_points"], ""),
	}
	for _, m := range accepted.GetMetric() {
		if label(m, "receiver") == "otlp" {
			p.AcceptedOTLP += uint64(value(m))
		}
	}
	return p, nil
}

// Relay adds up what a collector that passes on took by OTLP and did not
// deliver, over all its lives.
type Relay struct {
	last Passed
	// mark is what it had taken by OTLP when it last delivered anything, and
	// failed what it had given up by then.
	mark, failed uint64
	// gone is what was lost in earlier lives.
	gone uint64
}

// Note takes what the collector counts now. Counts that fell are those of
// another life: what the one before had taken and not delivered went with it.
func (r *Relay) Note(p Passed) {
	if p.Accepted < r.last.Accepted || p.Sent < r.last.Sent {
		r.gone += r.last.lost() + r.stalled()
		r.last, r.mark, r.failed = Passed{}, 0, 0
	}
	if p.Sent > r.last.Sent {
		r.mark, r.failed = p.AcceptedOTLP, p.lost()
	}
	r.last = p
}

// Lost returns the metric points that were lost.
func (r *Relay) Lost() uint64 { return r.gone + r.last.lost() }

// stalled is what came in since anything was delivered, but for what was
// given up.
func (r *Relay) stalled() uint64 {
	waiting, givenUp := r.last.AcceptedOTLP-r.mark, r.last.lost()-r.failed
	return waiting - min(givenUp, waiting)
}

// lost is the part that came by OTLP of what was given up.
func (p Passed) lost() uint64 {
	if p.Accepted == 0 {
		return 0
	}
	return uint64(float64(p.Failed) * float64(p.AcceptedOTLP) / float64(p.Accepted))
}
