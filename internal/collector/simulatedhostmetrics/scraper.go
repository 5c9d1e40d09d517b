package simulatedhostmetrics

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/scraper"

	"github.com/diorama-lab/diorama/internal/hostmetrics"
)

// maxBody bounds an answer; that of a node with many CPUs takes about 100 KB.
const maxBody = 16 << 20

// newScraper scrapes what is selected of one node.
func newScraper(client *http.Client, endpoint, node string, selected hostmetrics.Selection) (scraper.Metrics, error) {
	address, err := url.JoinPath(endpoint, "nodes", url.PathEscape(node), "hostmetrics")
	if err != nil {
		return nil, fmt.Errorf("joining the endpoint: %w", err)
	}
	if selected != nil {
		address += "?metrics=" + url.QueryEscape(selected.String())
	}
	return scraper.NewMetrics(func(ctx context.Context) (pmetric.Metrics, error) { return scrape(ctx, client, address) })
}

func scrape(ctx context.Context, client *http.Client, address string) (pmetric.Metrics, error) {
	none := pmetric.NewMetrics()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return none, fmt.Errorf("asking for host metrics: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return none, fmt.Errorf("asking for host metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	switch {
	case err != nil:
		return none, fmt.Errorf("reading host metrics: %w", err)
	case response.StatusCode != http.StatusOK:
		return none, fmt.Errorf("%s answered %s: %.200s", address, response.Status, strings.TrimSpace(string(body)))
	}
	metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(body)
	if err != nil {
		return none, fmt.Errorf("%s answered something else than OTLP metrics: %w", address, err)
	}
	return metrics, nil
}
