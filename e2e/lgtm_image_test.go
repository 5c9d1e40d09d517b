//go:build e2e

package e2e

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// lgtmImage is the name of the image that stands for grafana/otel-lgtm: see
// e2e/lgtm. diorama's own image of that purpose is kinder than LGTM is.
const lgtmImage = "diorama-lgtm-standin:" + imagesTag

// lgtmDockerfile has programs, files and the health check where LGTM has them.
const lgtmDockerfile = `FROM diorama:` + imagesTag + `
USER 0
COPY files /
WORKDIR /otel-lgtm
ENV PATH=/bin HOME=/root
HEALTHCHECK --interval=30s --timeout=5s --retries=3 CMD ["/otel-lgtm/docker/healthcheck.sh"]
EXPOSE 3000 4317 4318 9090
ENTRYPOINT []
CMD ["/otel-lgtm/run-all.sh"]
`

// lgtm makes sure that the engine has the image that stands for LGTM.
func (e engine) lgtm() string {
	e.t.Helper()
	if !lgtmImageBuilt {
		e.check(e.load(e.images()))
		e.check(e.build(lgtmImage, func(to io.Writer) error { return lgtmContext(e.t, to) }))
		lgtmImageBuilt = true
	}
	return lgtmImage
}

// lgtmImageBuilt tells that the engine has the image as these tests make it.
var lgtmImageBuilt bool

func lgtmContext(t *testing.T, to io.Writer) error {
	const home = "files/otel-lgtm/"
	archive := tar.NewWriter(to)
	if err := addText(archive, "Dockerfile", lgtmDockerfile); err != nil {
		return err
	}
	if err := addProgram(archive, home+"standin", binary(t, "LGTM_BINARY")); err != nil {
		return err
	}
	for name, path := range map[string]string{
		"prometheus.yaml": home + "prometheus.yaml", "grafana-datasources.yaml": home + "grafana/conf/provisioning/datasources/grafana-datasources.yaml",
	} {
		text, err := os.ReadFile(filepath.Join("lgtm", "image", name))
		if err == nil {
			err = addText(archive, path, string(text))
		}
		if err != nil {
			return err
		}
	}
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: home + "grafana/conf/provisioning/dashboards", Mode: 0o755}); err != nil {
		return err
	}
	links := map[string]string{
		home + "otelcol-contrib/otelcol-contrib": "/diorama", "files/bin/pkill": "/otel-lgtm/standin",
	}
	for _, program := range []string{"run-all.sh", "docker/healthcheck.sh", "prometheus/prometheus", "grafana/bin/grafana", "loki/loki"} {
		links[home+program] = "/otel-lgtm/standin"
	}
	if err := addLinks(archive, links); err != nil {
		return fmt.Errorf("writing the links: %w", err)
	}
	return archive.Close()
}
