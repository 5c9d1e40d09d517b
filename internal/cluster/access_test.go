package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cluster that does not run is reported before anything is started.
func TestCheckContext(t *testing.T) {
	running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"major": "1", "minor": "35", "gitVersion": "v1.35.4"}`)
	}))
	defer running.Close()
	stopped := httptest.NewServer(http.NotFoundHandler())
	stopped.Close()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: running, cluster: {server: %q}}, {name: stopped, cluster: {server: %q}}]
contexts: [{name: running, context: {cluster: running}}, {name: stopped, context: {cluster: stopped}}]
`, running.URL, stopped.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", path)
	if err := CheckContext(t.Context(), "running"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"stopped": "does it run", "none": `no context "none"`} {
		if err := CheckContext(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the context %s: %v, want %q", name, err, want)
		}
	}
}
