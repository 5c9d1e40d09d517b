package backend

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"
)

// promConfig is the Prometheus configuration that these options stand for:
// what status/config shows and what the OTLP translation reads.
func promConfig(o Options, log *slog.Logger) (*config.Config, error) {
	otlp := map[string]any{"promote_resource_attributes": o.PromoteResourceAttributes}
	if o.TranslationStrategy != "" {
		otlp["translation_strategy"] = o.TranslationStrategy
	}
	doc := map[string]any{
		"global": map[string]any{"evaluation_interval": model.Duration(o.RuleInterval).String()},
		"storage": map[string]any{"tsdb": map[string]any{
			"out_of_order_time_window": model.Duration(max(0, o.OutOfOrderWindow)).String(),
		}},
		"otlp":       otlp,
		"rule_files": o.RuleFiles,
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing the Prometheus configuration: %w", err)
	}
	cfg, err := config.Load(string(text), log)
	if err != nil {
		return nil, fmt.Errorf("the backend's options make no valid Prometheus configuration: %w", err)
	}
	return cfg, nil
}

// flags are the options as the Prometheus flags they correspond to.
func (o Options) flags() map[string]string {
	return map[string]string{
		"web.listen-address":          o.Listen,
		"web.enable-otlp-receiver":    "true",
		"web.enable-lifecycle":        "true",
		"storage.tsdb.path":           o.DataDir,
		"storage.tsdb.retention.time": model.Duration(o.Retention).String(),
		"storage.tsdb.retention.size": strconv.FormatInt(o.RetentionBytes, 10) + "B",
		"query.lookback-delta":        model.Duration(lookbackDelta).String(),
		"query.max-concurrency":       strconv.Itoa(o.QueryConcurrency),
		"query.max-samples":           strconv.Itoa(o.QueryMaxSamples),
		"query.timeout":               model.Duration(o.QueryTimeout).String(),
	}
}

// prometheusVersion is the release of Prometheus whose packages are built
// in: clients choose features by it. Its Go module v0.311.3 is release 3.11.3.
func prometheusVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "3.0.0"
	}
	for _, dep := range info.Deps {
		if dep.Path != "github.com/prometheus/prometheus" {
			continue
		}
		parts := strings.Split(strings.TrimPrefix(dep.Version, "v0."), ".")
		n, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) != 2 {
			break
		}
		return fmt.Sprintf("%d.%d.%s", n/100, n%100, parts[1])
	}
	return "3.0.0"
}
