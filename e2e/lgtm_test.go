//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
)

// post sends JSON and reads the answer.
func post(url string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(url, "application/json", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, text)
	}
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// checkInterval asks Grafana what it executed, and check what it did: the same,
// and for the interval that the metrics are sent with.
func checkInterval(t *testing.T, l *lab, s status) {
	for uid, want := range map[string]string{"prometheus": "1s", "loki": "", "tempo": "", "pyroscope": ""} {
		var source struct {
			JSONData struct{ TimeInterval string }
		}
		err := getJSON(s.Endpoints.Dashboards+"/api/datasources/uid/"+uid, &source)
		if got := source.JSONData.TimeInterval; err != nil || got != want {
			t.Errorf("the data source %s has the interval %q, want %q: %v", uid, got, want, err)
		}
	}
	const expr = "sum(rate(k8s_node_cpu_time_seconds_total[$__rate_interval]))"
	executed := ""
	eventually(t, "a rate over four samples", func() error {
		var answer struct {
			Results map[string]struct {
				Frames []struct {
					Schema struct {
						Meta struct{ ExecutedQueryString string }
					}
					Data struct{ Values [][]any }
				}
			}
		}
		query := map[string]any{
			"refId": "A", "datasource": map[string]string{"type": "prometheus", "uid": "prometheus"},
			"expr": expr, "range": true,
			"intervalMs": 2000, "maxDataPoints": 300, // as the page computes them for a panel of 300 points
		}
		body := map[string]any{"from": "now-15m", "to": "now", "queries": []any{query}}
		if err := post(s.Endpoints.Dashboards+"/api/ds/query", body, &answer); err != nil {
			return err
		}
		frames := answer.Results["A"].Frames
		if len(frames) != 1 || len(frames[0].Data.Values) != 2 {
			return fmt.Errorf("Grafana answers %+v", answer)
		}
		executed = frames[0].Schema.Meta.ExecutedQueryString
		return nil
	})
	if !strings.Contains(executed, "[4s]") {
		t.Errorf("Grafana executed %q, want a $__rate_interval of four seconds", executed)
	}
	board := l.write("rate.json", fmt.Sprintf(`{"uid": "rate", "title": "Rate", "time": {"from": "now-15m", "to": "now"},
		"panels": [{"id": 1, "type": "timeseries", "title": "Rate", "targets": [{"refId": "A", "expr": %q}]}]}`, expr))
	for _, args := range [][]string{{board}, {board, "--prometheus", s.Endpoints.Prometheus}} {
		for _, result := range l.checked(0, args...).Results {
			if q := result.Queries; len(q) != 1 || executed != "Expr: "+q[0].Expr+"\nStep: "+q[0].Step {
				t.Errorf("check %q ran %+v, Grafana %q", args, q, executed)
			}
		}
	}
}

// checkRefused looks at what Grafana refuses in silence: it is reported by status and
// check, and mended.
func checkRefused(t *testing.T, l *lab, s status) {
	long := strings.Repeat("long-", 9)
	l.write("boards/long.json", fmt.Sprintf(`{"uid": %q, "title": "Long", "panels": [], "schemaVersion": 39}`, long))
	l.write("boards/twice.json", `{"uid": "twice", "title": "Second", "panels": [], "schemaVersion": 39}`) // as mine
	reported := []string{
		`long.json: Grafana refuses it: the uid "` + long + `" has 45 characters, and may have 40`,
		`the title "Second" is also that of`,
	}
	eventually(t, "the status reports what is refused", func() error {
		warnings := strings.Join(l.status().Warnings, "\n")
		for _, want := range reported {
			if !strings.Contains(warnings, want) {
				return fmt.Errorf("it has the warnings %q", warnings)
			}
		}
		return nil
	})
	problems := strings.Join(l.checked(1, filepath.Join(l.home, "boards")).Problems, "\n")
	for _, want := range reported {
		if !strings.Contains(problems, want) {
			t.Errorf("check does not say %q: %q", want, problems)
		}
	}
	l.write("boards/long.json", `{"uid": "long", "title": "Long", "panels": [], "schemaVersion": 39}`)
	l.write("boards/twice.json", `{"uid": "twice", "title": "Third", "panels": [], "schemaVersion": 39}`)
	eventually(t, "what is mended is in Grafana", func() error {
		byUID := s.Endpoints.Dashboards + "/api/dashboards/uid/"
		return errors.Join(getJSON(byUID+"long", new(any)), getJSON(byUID+"twice", new(any)))
	})
	for _, name := range []string{"long", "twice"} {
		if err := os.Remove(filepath.Join(l.home, "boards", name+".json")); err != nil {
			t.Fatal(err)
		}
	}
}

// checkFolders empties two subfolders: the one that somebody has a dashboard in
// stays in Grafana.
func checkFolders(t *testing.T, l *lab, s status) {
	folders := func() (map[string]string, error) {
		var all []struct{ UID, Title string }
		err := getJSON(s.Endpoints.Dashboards+"/api/folders", &all)
		found := map[string]string{}
		for _, f := range all {
			found[f.Title] = f.UID
		}
		return found, err
	}
	names := []string{"team", "shared"}
	for _, name := range names {
		if err := os.Mkdir(filepath.Join(l.home, "boards", name), 0o700); err != nil {
			t.Fatal(err)
		}
		board := fmt.Sprintf(`{"uid": "in-%s", "title": "One", "panels": [], "schemaVersion": 39}`, name)
		l.write("boards/"+name+"/board.json", board)
	}
	var shared string
	eventually(t, "Grafana has both folders", func() error {
		found, err := folders()
		if shared = found["shared"]; err == nil && (shared == "" || found["team"] == "") {
			err = fmt.Errorf("it has %v", found)
		}
		return err
	})
	theirs := map[string]any{"dashboard": map[string]any{"uid": "theirs", "title": "Theirs"}, "folderUid": shared}
	if err := post(s.Endpoints.Dashboards+"/api/dashboards/db", theirs, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Backward(names) { // the one that goes is looked at last
		if err := os.RemoveAll(filepath.Join(l.home, "boards", name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the emptied folder is gone", func() error {
		found, err := folders()
		if err == nil && found["team"] != "" {
			err = fmt.Errorf("Grafana has the folders %v", found)
		}
		return errors.Join(err, getJSON(s.Endpoints.Dashboards+"/api/dashboards/uid/theirs", new(any)))
	})
	if found, err := folders(); err != nil || found["shared"] == "" {
		t.Errorf("somebody's folder is gone: %v, %v", found, err)
	}
}

// TestKwokFails holds on to the reason: LGTM's programs are silent where nobody
// asks them, and that one ended is all that it says.
func TestKwokFails(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	file := l.kwok(e, "")
	const broken = "diorama-lgtm-broken:" + imagesTag
	e.check(e.build(broken, func(to io.Writer) error {
		archive := tar.NewWriter(to)
		return errors.Join(
			addText(archive, "Dockerfile", "FROM "+lgtmImage+"\nCOPY bad.yaml "+lgtmSources+"/\n"),
			addText(archive, "bad.yaml", "datasources: [\n"), archive.Close())
	}))
	t.Cleanup(func() {
		_, err := e.ImageRemove(context.Background(), broken, image.RemoveOptions{Force: true, PruneChildren: true})
		e.check(err)
	})
	text, err := os.ReadFile(file)
	e.check(err)
	failing := l.write("failing.yaml", strings.Replace(string(text), lgtmImage, broken, 1))
	said := l.dioramaFails("up", "-f", failing)
	for _, want := range []string{"lgtm", "ended before it was ready", "bad.yaml: yaml: line "} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	rules := l.write("rules.yaml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n")
	withRules := l.write("rules-env.yaml", string(text)+fmt.Sprintf("backend: {rules: [%q]}\n", rules))
	began := time.Now()
	for _, args := range [][]string{{"up", "-f", withRules}, {"up", "-f", withRules, "--dry-run"}} {
		if said := l.dioramaFails(args...); !strings.Contains(said, rules+":4:23: ") || !strings.Contains(said, "mend it") {
			t.Errorf("%q says, after %s:\n%s", args, time.Since(began), said)
		}
	}
	if left := l.files("state"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// TestRuleFiles looks at the embedded kind, which starts without the rules that
// do not load, and takes them when they are mended.
func TestRuleFiles(t *testing.T) {
	l := newLab(t)
	rules := l.write("own.yaml", "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n")
	file := l.write("env.yaml", fmt.Sprintf(`kind: embedded
cluster: {nodes: 1, pods: 1}
telemetry: {interval: 1s}
ports: auto
backend: {rules: [%q]}
`, rules))
	l.diorama("up", "-f", file)
	s := l.status()
	eventually(t, "the status reports the rule file", func() error {
		warnings := strings.Join(l.status().Warnings, "\n")
		if !strings.Contains(warnings, "rules not loaded: "+rules+":4:23: ") {
			return fmt.Errorf("the warnings are %q", warnings)
		}
		return nil
	})
	l.write("own.yaml", "groups:\n- name: g\n  interval: 1s\n  rules:\n  - {record: mended, expr: vector(1)}\n")
	eventually(t, "the mended rule records, and nothing is reported", func() error {
		if warnings := l.status().Warnings; len(warnings) > 0 {
			return fmt.Errorf("the warnings are %q", warnings)
		}
		return atLeast(s.Endpoints.Prometheus, "mended", 1)
	})
	l.diorama("down")
}
