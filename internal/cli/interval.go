package cli

import (
	"context"
	"errors"
	"time"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/environment"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// usualInterval is that of a Prometheus of which nothing is known, and Grafana's
// own.
const usualInterval = 15 * time.Second

// sourceInterval is the interval that queries are made for, as Grafana makes
// them: that of its data source, where the Prometheus is behind one.
func sourceInterval(ctx context.Context, c *console.Console, client *prometheus.Client) time.Duration {
	interval, err := engine.SourceInterval(ctx, client)
	switch {
	case err == nil:
		return interval
	case !errors.Is(err, engine.ErrNotGrafana):
		c.Warn("queries are made for an interval of %s, as Grafana's is not known (--scrape-interval says it): %v",
			usualInterval, err)
	}
	return usualInterval
}

// environmentInterval is the interval of the data source of an environment. It
// was provisioned with that of the telemetry; who changed it in Grafana, and
// reloads, wants it checked like that.
func environmentInterval(ctx context.Context, status environment.Status, env v1alpha1.Environment) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := prometheus.NewClient(engine.SourceAddress(status.Endpoints.Dashboards))
	defer client.Close()
	if interval, err := engine.SourceInterval(ctx, client); err == nil {
		return interval
	}
	return time.Duration(env.Telemetry.Interval) // a page that does not answer is told where it matters
}
