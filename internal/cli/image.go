package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/console"
	"github.com/diorama-lab/diorama/internal/docker"
)

// newImage makes images of the binary itself.
func newImage(c *console.Console) *cobra.Command {
	var output, binary, tag string
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Make container images of this binary, and give them to Docker or write them to a file",
		Long: `Makes three images that hold nothing but this binary and run without rights:

  diorama:TAG            any of its commands
  diorama-lgtm:TAG       backend, OTLP and dashboards on the ports of grafana/otel-lgtm, to stand for it
  diorama-collector:TAG  the collector, to stand for otel/opentelemetry-collector-contrib

An environment of the kind kwok uses them where its file names them (images.lgtm, images.collector).`,
		Example: "  diorama image\n  diorama image --output diorama-images.tar",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if binary == "" {
				var err error
				if binary, err = os.Executable(); err != nil {
					return fmt.Errorf("finding this executable: %w", err)
				}
			}
			variants := imageVariants(tag)
			var err error
			if output != "" {
				err = writeImages(output, binary, variants)
			} else {
				err = loadImages(cmd.Context(), binary, variants)
			}
			if err != nil {
				return err
			}
			for _, v := range variants {
				fmt.Fprintln(c.Out, v.Tag)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&output, "output", "",
		"write a tarball, for docker load and for images.load, and do without Docker")
	cmd.Flags().StringVar(&binary, "binary", "", "static Linux binary of diorama (default this one)")
	cmd.Flags().StringVar(&tag, "tag", imageTag(Version), "tag of the images")
	return cmd
}

// imageTag makes a tag of a version.
func imageTag(version string) string {
	return regexp.MustCompile(`[^A-Za-z0-9_.-]`).ReplaceAllString(version, "-")
}

// lgtmCollector is the configuration of what takes OTLP in the image that
// stands for LGTM.
const lgtmCollector = `yaml:{receivers: {otlp: {protocols: {` +
	`grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}},` +
	` processors: {batch: {timeout: 200ms}},` +
	` exporters: {otlp_http: {endpoint: "http://127.0.0.1:9090/api/v1/otlp", compression: none}},` +
	` service: {telemetry: {metrics: {level: none}}, pipelines: {` +
	`metrics: {receivers: [otlp], processors: [batch], exporters: [otlp_http]},` +
	` logs: {receivers: [otlp], processors: [batch], exporters: [otlp_http]}}}}`

func imageVariants(tag string) []docker.Variant {
	return []docker.Variant{
		{Tag: "diorama:" + tag, Entrypoint: []string{"/diorama"}, Description: "diorama, a Kubernetes observability lab"},
		{
			Tag: "diorama-lgtm:" + tag, Entrypoint: []string{"/diorama", "together"}, Ports: []int{3000, 4317, 4318, 9090},
			Cmd: []string{
				"backend", "--listen=0.0.0.0:9090", "--data=/data/backend", "--rules=/etc/diorama/rules/*.yaml",
				"--", "dashboards", "--listen=0.0.0.0:3000", "--dashboards=/etc/diorama/dashboards",
				"--scrape-interval=" + v1alpha1.Default().Telemetry.Interval.String(),
				"--", "collector", "--config=" + lgtmCollector,
			},
			Description: "diorama's backend and dashboards on the ports of grafana/otel-lgtm; it is not LGTM",
		},
		{
			Tag: "diorama-collector:" + tag, Entrypoint: []string{"/diorama", "collector"},
			// As contrib 0.149, whose SDK has no limit yet, it reports every pod
			// on its own, however many there are.
			Env:         []string{"OTEL_GO_X_CARDINALITY_LIMIT=0"},
			Description: "diorama's OpenTelemetry Collector; it is not the contrib distribution",
		},
	}
}

// writeImages writes a tarball; one that could not be finished is removed.
func writeImages(path, binary string, variants []docker.Variant) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making the tarball: %w", err)
	}
	if err := errors.Join(docker.WriteArchive(file, binary, variants), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func loadImages(ctx context.Context, binary string, variants []docker.Variant) error {
	engine, err := docker.Connect(ctx)
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	go func() { write.CloseWithError(docker.WriteArchive(write, binary, variants)) }()
	err = engine.Load(ctx, read, binary)
	return errors.Join(err, read.Close(), engine.Close())
}
