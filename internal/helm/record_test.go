package helm

import (
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/diorama-lab/diorama/internal/collector"
)

// Helm itself reads what is written down of a release.
func TestRecord(t *testing.T) {
	r := exampleRelease(t, collector.ClusterRelease, collector.ClusterValues)
	manifests, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	secret, err := Record(r, manifests, at)
	if err != nil {
		t.Fatal(err)
	}
	storage := driver.NewSecrets(fake.NewClientset(secret).CoreV1().Secrets(r.Namespace))
	found, err := storage.Query(map[string]string{"owner": "helm", "name": r.Name, "status": "deployed"})
	if err != nil || len(found) != 1 {
		t.Fatalf("Helm finds %d releases, %v", len(found), err)
	}
	release := found[0]
	if release.Name != r.Name || release.Version != 1 || release.Chart.Name() != "opentelemetry-collector" ||
		!release.Info.LastDeployed.Time.Equal(at) {
		t.Errorf("the release is %+v, %+v", release, release.Info)
	}
	if release.Config["mode"] != "deployment" || len(release.Manifest) < 1000 {
		t.Errorf("the values are %v, the manifest has %d bytes", release.Config, len(release.Manifest))
	}
}
