package check

import (
	"context"
	"net/url"
	"strings"

	"github.com/prometheus/common/model"
)

// metric is what a Prometheus says of a metric.
type metric struct {
	Type model.MetricType `json:"type"`
	Unit string           `json:"unit"`
	Help string           `json:"help"`
}

// getter is a Prometheus that can be asked for more than queries.
type getter interface {
	Get(ctx context.Context, path string, query url.Values, into any) error
}

// learn asks for the metadata of all metrics. A Prometheus that has none is
// checked without.
func (c *checker) learn(ctx context.Context) {
	source, ok := c.Prometheus.(getter)
	if !ok {
		return
	}
	families := map[string][]metric{}
	if err := source.Get(ctx, "metadata", nil, &families); err == nil {
		c.families = families
	}
}

// family is the metadata of a metric: of its own name, or of the family that
// its ending belongs to. Where two senders disagree, nothing is known.
func (c *checker) family(name string) (metric, bool) {
	for _, ending := range []string{"", "_total", "_bucket", "_sum", "_count"} {
		plain, cut := strings.CutSuffix(name, ending)
		list := c.families[plain]
		if !cut || len(list) == 0 {
			continue
		}
		for _, other := range list {
			if other.Type != list[0].Type {
				return metric{}, false
			}
		}
		return list[0], true
	}
	return metric{}, false
}

// typeOf is the type of the series of that name: those of a histogram's or
// summary's parts are counters.
func (c *checker) typeOf(name string) model.MetricType {
	found, known := c.family(name)
	if !known {
		return model.MetricTypeUnknown
	}
	composed := found.Type == model.MetricTypeHistogram || found.Type == model.MetricTypeSummary
	if composed && (strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_sum") ||
		strings.HasSuffix(name, "_count")) {
		return model.MetricTypeCounter
	}
	return found.Type
}
