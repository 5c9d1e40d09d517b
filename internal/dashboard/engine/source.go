package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// grafanaDefault is the interval of a data source that has none.
const grafanaDefault = 15 * time.Second

// sourceProxy is an address at which Grafana forwards to a data source.
var sourceProxy = regexp.MustCompile(`^(.+)/api/datasources/proxy/(uid/[^/]+|\d+)$`)

// ErrNotGrafana tells that an address is none at which Grafana forwards to a
// data source.
var ErrNotGrafana = errors.New("no address of Grafana's data source proxy")

// SourceInterval asks Grafana for the interval of the data source that it forwards
// to: steps and $__rate_interval of Grafana's own queries follow from it.
func SourceInterval(ctx context.Context, c *prometheus.Client) (time.Duration, error) {
	parts := sourceProxy.FindStringSubmatch(c.URL)
	if parts == nil {
		return 0, ErrNotGrafana
	}
	address := parts[1] + "/api/datasources/" + parts[2]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, fmt.Errorf("asking Grafana for the data source: %w", err)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking Grafana for the data source: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("asking Grafana for the data source: %s answers %s", address, response.Status)
	}
	var source struct {
		JSONData struct{ TimeInterval string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&source); err != nil {
		return 0, fmt.Errorf("reading what Grafana says of the data source: %w", err)
	}
	if source.JSONData.TimeInterval == "" {
		return grafanaDefault, nil
	}
	interval, err := parseInterval(source.JSONData.TimeInterval)
	if err != nil {
		return 0, fmt.Errorf("the interval of the data source: %w", err)
	}
	return interval, nil
}

// SourceAddress is where Grafana at an address forwards to its Prometheus.
func SourceAddress(grafana string) string {
	return strings.TrimSuffix(grafana, "/") + "/api/datasources/proxy/uid/" + document.DatasourceUID
}
