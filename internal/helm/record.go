package helm

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	helmtime "helm.sh/helm/v3/pkg/time"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Helm knows a release's objects by these, and a release by its Secret.
// helm.sh/helm/v3/pkg/action/validate.go and pkg/storage/driver/secrets.go at
// v3.20.2; the version in the names is that of the format.
const (
	annotationName      = "meta.helm.sh/release-name"
	annotationNamespace = "meta.helm.sh/release-namespace"
	labelManagedBy      = "app.kubernetes.io/managed-by"
	recordType          = "helm.sh/release.v1"
	recordPrefix        = "sh.helm.release.v1."
)

// Mark gives an object of a release the label and the annotations that tell
// Helm whose it is.
func (r Release) Mark(object metav1.Object) {
	object.SetLabels(with(object.GetLabels(), map[string]string{labelManagedBy: "Helm"}))
	annotations := map[string]string{annotationName: r.Name, annotationNamespace: r.Namespace}
	object.SetAnnotations(with(object.GetAnnotations(), annotations))
}

func with(existing, more map[string]string) map[string]string {
	if existing == nil {
		return more
	}
	for key, value := range more {
		existing[key] = value
	}
	return existing
}

// Record returns the Secret by which Helm's own commands (list, get, upgrade,
// uninstall) know a release whose first revision was applied.
func Record(r Release, manifests []Manifest, at time.Time) (*corev1.Secret, error) {
	loaded, err := loader.Load(r.Chart)
	if err != nil {
		return nil, fmt.Errorf("loading the chart %s: %w", r.Chart, err)
	}
	data, err := os.ReadFile(r.Values)
	if err != nil {
		return nil, fmt.Errorf("reading the values of the release %s: %w", r.Name, err)
	}
	values, err := chartutil.ReadValues(data)
	if err != nil {
		return nil, fmt.Errorf("the values %s: %w", r.Values, err)
	}
	var text strings.Builder
	for _, m := range manifests {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", m.Source, m.Text)
	}
	now := helmtime.Time{Time: at}
	encoded, err := encode(&release.Release{
		Name: r.Name, Namespace: r.Namespace, Version: 1, Chart: loaded, Config: values, Manifest: text.String(),
		Info: &release.Info{
			FirstDeployed: now, LastDeployed: now, Status: release.StatusDeployed, Description: "Install complete",
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the record of the release %s: %w", r.Name, err)
	}
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name: recordPrefix + r.Name + ".v1", Namespace: r.Namespace,
			Labels: map[string]string{
				"name": r.Name, "owner": "helm", "status": release.StatusDeployed.String(), "version": "1",
			},
		},
		Type: recordType, Data: map[string][]byte{"release": encoded},
	}, nil
}

// encode writes a release as Helm stores it: JSON, compressed, in base64.
func encode(r *release.Release) ([]byte, error) {
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	if err := json.NewEncoder(writer).Encode(r); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(nil, compressed.Bytes()), nil
}
