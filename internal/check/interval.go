package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// usualInterval is that of a Prometheus of which nothing is known, and Grafana's
// own.
const usualInterval = 15 * time.Second

// Interval is the interval that queries are made for, as Grafana makes them:
// that of its data source, where the Prometheus is behind one. With an error,
// which is no reason not to check, it is the usual one.
func Interval(ctx context.Context, client *prometheus.Client) (time.Duration, error) {
	interval, err := engine.SourceInterval(ctx, client)
	switch {
	case err == nil:
		return interval, nil
	case errors.Is(err, engine.ErrNotGrafana):
		return usualInterval, nil
	}
	return usualInterval, fmt.Errorf("queries are made for an interval of %s, as Grafana's is not known "+
		"(--scrape-interval says it): %w", usualInterval, err)
}

// ServedInterval is the interval of the data source of the Grafana at an
// address. It was provisioned with one; who changed it in Grafana, and reloads,
// wants it checked like that.
func ServedInterval(ctx context.Context, grafana string, provisioned time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := prometheus.NewClient(engine.SourceAddress(grafana))
	defer client.Close()
	if interval, err := engine.SourceInterval(ctx, client); err == nil {
		return interval
	}
	return provisioned // a page that does not answer is reported where it matters
}
