package collector

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtelemetry"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	otelconf "go.opentelemetry.io/contrib/otelconf/v0.3.0"
)

// newTelemetry is the collector's usual telemetry with one more default view:
// k8s_attributes counts each pod by its UID, which on thousands of pods would
// be most of what a collector says about itself.
func newTelemetry() telemetry.Factory {
	usual := otelconftelemetry.NewFactory()
	return telemetry.NewFactory(usual.CreateDefaultConfig,
		telemetry.WithCreateResource(usual.CreateResource),
		telemetry.WithCreateLogger(usual.CreateLogger),
		telemetry.WithCreateTracerProvider(usual.CreateTracerProvider),
		telemetry.WithCreateMeterProvider(func(ctx context.Context, set telemetry.MeterSettings, config component.Config) (telemetry.MeterProvider, error) {
			if views := set.DefaultViews; views != nil {
				set.DefaultViews = func(level configtelemetry.Level) []otelconf.View {
					return append(views(level), withoutPods())
				}
			}
			return usual.CreateMeterProvider(ctx, set, config)
		}),
	)
}

func withoutPods() otelconf.View {
	instrument := "otelcol.k8s.pod.association"
	return otelconf.View{
		Selector: &otelconf.ViewSelector{InstrumentName: &instrument},
		Stream:   &otelconf.ViewStream{AttributeKeys: &otelconf.IncludeExclude{Excluded: []string{"pod_identifier"}}},
	}
}
