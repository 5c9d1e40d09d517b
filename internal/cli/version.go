package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"

	"github.com/diorama-lab/diorama/internal/console"
)

// Version is set by the linker.
var Version = "development"

// versions are those of diorama and of what it is made of.
type versions struct {
	Diorama    string `json:"diorama"`
	Kubernetes string `json:"kubernetes"`
	KWOK       string `json:"kwok"`
	Collector  string `json:"collector"`
	Prometheus string `json:"prometheus"`
	Etcd       string `json:"etcd"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
}

func newVersion(c *console.Console) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of diorama and of what it is made of",
		Args:  cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			v := currentVersions()
			if output == "json" {
				return c.JSON(v)
			}
			return c.Table([][]string{
				{"diorama", v.Diorama}, {"Kubernetes", v.Kubernetes}, {"etcd", v.Etcd}, {"KWOK", v.KWOK},
				{"OpenTelemetry Collector", v.Collector}, {"Prometheus", v.Prometheus}, {"Go", v.Go + " " + v.Platform},
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func currentVersions() versions {
	v := versions{
		Diorama: Version, Kubernetes: version.Get().GitVersion,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, module := range info.Deps {
		switch module.Path {
		case "sigs.k8s.io/kwok":
			v.KWOK = module.Version
		case "go.opentelemetry.io/collector/otelcol":
			v.Collector = module.Version
		case "github.com/prometheus/prometheus":
			v.Prometheus = module.Version
		case "go.etcd.io/etcd/server/v3":
			v.Etcd = module.Version
		}
	}
	return v
}
