package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/control"
)

const (
	// rounds is how often each dashboard is measured.
	rounds = 5
	// connections is how many requests a browser has under way to one server.
	connections = 6
	ownAPI      = "/api/diorama/v1"
)

// board is one dashboard as a page asks for it.
type board struct {
	base, uid string
	// request is the body of all requests: the last hour, a wide page.
	request map[string]any
}

type boardPanel struct {
	SourceID  int  `json:"sourceId"`
	Queryable bool `json:"queryable"`
	Scoped    any  `json:"scopedVars"`
}

// dashboards measures every query of every shipped dashboard, one after the
// other; whole dashboards, as a page loads them; and live reload.
func (b *bench) dashboards(l lab, s control.Status) error {
	var found []struct{ UID string }
	if err := ask(http.MethodGet, s.Endpoints.Dashboards+"/api/search", nil, &found); err != nil {
		return err
	}
	var queries, wholes []float64
	for _, d := range found {
		one := board{s.Endpoints.Dashboards, d.UID, map[string]any{"from": "now-1h", "to": "now", "maxDataPoints": 800}}
		if !strings.HasPrefix(d.UID, "diorama-") {
			continue // the one that is reloaded
		}
		slowest := 0.0
		for range rounds {
			took, err := one.queries()
			if err != nil {
				return err
			}
			queries = append(queries, took...)
			whole, err := one.whole()
			if err != nil {
				return err
			}
			slowest = max(slowest, whole)
		}
		wholes = append(wholes, slowest)
	}
	slices.Sort(queries)
	slices.Sort(wholes)
	b.add("dashboards: one panel's queries over the last hour, median", "ms", nil, queries[len(queries)/2])
	b.add("dashboards: one panel's queries over the last hour, p95", "ms", new(100.0), queries[len(queries)*95/100])
	b.add("dashboards: a whole dashboard, the slowest", "ms", new(1000.0), wholes[len(wholes)-1])
	return b.reload(l, s)
}

func (d board) address() string { return d.base + ownAPI + "/dashboards/" + d.uid }

func (d board) post(path string, body, into any) error {
	return ask(http.MethodPost, d.address()+path, body, into)
}

func (d board) panels() ([]boardPanel, error) {
	var view struct{ Panels []boardPanel }
	if err := d.post("/panels", d.request, &view); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(view.Panels, func(p boardPanel) bool { return !p.Queryable }), nil
}

// query runs a panel's queries and returns the answer as it came: a browser
// takes its own time to read it.
func (d board) query(p boardPanel) ([]byte, error) {
	body := map[string]any{"scopedVars": p.Scoped}
	for key, value := range d.request {
		body[key] = value
	}
	return send(http.MethodPost, fmt.Sprintf("%s/panels/%d/query", d.address(), p.SourceID), body)
}

// failed tells whether a query of a panel did.
func (d board) failed(p boardPanel, answer []byte) error {
	var read struct {
		Results map[string]struct{ Error string }
	}
	if err := json.Unmarshal(answer, &read); err != nil {
		return err
	}
	for ref, result := range read.Results {
		if result.Error != "" {
			return fmt.Errorf("%s, panel %d, %s: %s", d.uid, p.SourceID, ref, result.Error)
		}
	}
	return nil
}

// queries returns the milliseconds that each panel takes, with nothing else
// under way.
func (d board) queries() ([]float64, error) {
	panels, err := d.panels()
	if err != nil {
		return nil, err
	}
	var all []float64
	for _, panel := range panels {
		began := time.Now()
		answer, err := d.query(panel)
		took := milliseconds(began)
		if err := errors.Join(err, d.failed(panel, answer)); err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// whole returns the milliseconds until a page has all that it shows.
func (d board) whole() (float64, error) {
	began := time.Now()
	var variables any
	if err := d.post("/variables", d.request, &variables); err != nil {
		return 0, err
	}
	panels, err := d.panels()
	if err != nil {
		return 0, err
	}
	answers, problems := make([][]byte, len(panels)), make([]error, len(panels))
	var running sync.WaitGroup
	slots := make(chan struct{}, connections)
	for i, panel := range panels {
		running.Go(func() {
			slots <- struct{}{}
			answers[i], problems[i] = d.query(panel)
			<-slots
		})
	}
	running.Wait()
	took := milliseconds(began)
	for i, panel := range panels {
		problems = append(problems, d.failed(panel, answers[i]))
	}
	return took, errors.Join(problems...)
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1e3 }

// reload measures the time from saving a file until an open page is notified: of
// a JSON file, and of one that a jsonnet file imports.
func (b *bench) reload(l lab, s control.Status) error {
	response, err := http.Get(s.Endpoints.Dashboards + ownAPI + "/live")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for _, c := range []struct{ name, file, text, uid string }{
		{"a JSON file", "reloaded.json", `{"uid":"json","title":"Version %d"}`, "json"},
		{"an import of jsonnet", "title.libsonnet", `{title: 'Version %d'}`, "jsonnet"},
	} {
		var samples []float64
		for i := range rounds {
			began := time.Now()
			if err := l.save(c.file, fmt.Sprintf(c.text, i)); err != nil {
				return err
			}
			if err := awaitChange(lines, c.uid); err != nil {
				return err
			}
			samples = append(samples, milliseconds(began))
		}
		b.add("reload: "+c.name, "ms", new(1000.0), samples...)
	}
	return nil
}

func awaitChange(lines *bufio.Scanner, uid string) error {
	for lines.Scan() {
		if strings.Contains(lines.Text(), fmt.Sprintf(`"type":"dashboard","uid":%q`, uid)) {
			return nil
		}
	}
	return fmt.Errorf("the stream of changes ended before %s was reported: %w", uid, lines.Err())
}

// dashboards is the folder whose dashboards are reloaded.
func (l lab) dashboards() string { return filepath.Join(l.home, "dashboards") }

// prepareReload makes that folder, with a file that imports another one.
func (l lab) prepareReload() error {
	return errors.Join(
		os.MkdirAll(l.dashboards(), 0o700),
		l.save("title.libsonnet", `{title: 'First version'}`),
		l.save("reloaded.jsonnet", `(import 'title.libsonnet') + {uid: 'jsonnet'}`),
	)
}

func (l lab) save(name, text string) error {
	return os.WriteFile(filepath.Join(l.dashboards(), name), []byte(text), 0o600)
}

// ask sends JSON and decodes the answer.
func ask(method, address string, body, into any) error {
	answer, err := send(method, address, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

func send(method, address string, body any) ([]byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, response.Status)
	}
	return io.ReadAll(response.Body)
}
