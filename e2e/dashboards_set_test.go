//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/dashboards"
)

// shipped is what this test reads of a dashboard.
type shipped struct {
	UID    string
	Panels []struct {
		Title   string
		Targets []struct {
			Expr    string
			Instant bool
		}
	}
	Templating struct{ List []shippedVariable }
}

type shippedVariable struct {
	Name, Type string
	Query      any
	IncludeAll bool
	AllValue   string
	Current    struct{ Value any }
}

// mayBeEmpty are the panels that need not have data when one value of a
// variable is chosen, by dashboard, with the reason. With all values, none may
// be empty.
func mayBeEmpty() map[string]map[string]string {
	absent := "the namespace has no such object"
	quiet := "this collector does not scrape"
	return map[string]map[string]string{
		"diorama-collector": {"Scrape errors": quiet, "Metric points scraped": quiet},
		"diorama-workload-health": {
			"Stateful sets short": absent, "Daemon sets short": absent, "Jobs with failures": absent, "Fullest quota": absent,
			"Replicas missing": absent, "Stateful sets": absent, "Daemon sets": absent, "Pods of jobs": absent, "Jobs": absent,
			"Cron jobs": absent, "Quotas used": absent, "Quotas": absent,
		},
	}
}

// TestDashboards executes every query of every panel and variable that comes
// with diorama, with all values of the variables and with one, and looks at the
// rules that the backend has loaded.
func TestDashboards(t *testing.T) {
	l := newLab(t)
	l.diorama("up", "--name", "shown", "--ports", "auto")
	base := l.status("--name", "shown").Endpoints.Prometheus
	files, err := fs.Glob(dashboards.FS, "json/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		content, err := dashboards.FS.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d shipped
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(d.UID, func(t *testing.T) {
			d.check(t, base, true)
			d.check(t, base, false)
		})
	}
	t.Run("rules", func(t *testing.T) { checkRules(t, base) })
}

// check waits until every query has data: a rate needs two samples.
func (d shipped) check(t *testing.T, base string, all bool) {
	values := d.values(t, base, all)
	for _, p := range d.Panels {
		if _, ok := mayBeEmpty()[d.UID][p.Title]; ok && !all {
			continue
		}
		for _, target := range p.Targets {
			expr := interpolate(target.Expr, values)
			eventually(t, fmt.Sprintf("%s with %v", p.Title, values), func() error { return hasData(base, expr, target.Instant) })
		}
	}
}

// values chooses a value for each variable, in order: later ones depend on
// earlier ones.
func (d shipped) values(t *testing.T, base string, all bool) map[string]string {
	values := map[string]string{}
	for _, v := range d.Templating.List {
		switch {
		case v.Type == "datasource":
		case v.Type == "custom":
			values[v.Name] = v.Current.Value.(string)
		case all && v.IncludeAll:
			values[v.Name] = v.AllValue
		default:
			eventually(t, "the variable "+v.Name, func() error {
				options, err := labelValues(base, interpolate(v.Query.(string), values))
				if err != nil {
					return err
				}
				if len(options) == 0 {
					return fmt.Errorf("no values for %v", v.Query)
				}
				values[v.Name] = options[0]
				// What a dashboard opens on; else a namespace that has pods.
				for _, preferred := range []any{"shop", v.Current.Value} {
					if text, ok := preferred.(string); ok && slices.Contains(options, text) {
						values[v.Name] = text
					}
				}
				return nil
			})
		}
	}
	return values
}

func interpolate(text string, values map[string]string) string {
	pairs := []string{"$__rate_interval", "20s", "$__range", "15m"}
	for name, value := range values {
		pairs = append(pairs, "${"+name+"}", value, "$"+name, value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

var labelValuesCall = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

func labelValues(base, query string) ([]string, error) {
	match := labelValuesCall.FindStringSubmatch(query)
	if match == nil {
		return nil, fmt.Errorf("no variable query: %s", query)
	}
	var answer struct{ Data []string }
	err := getJSON(base+"/api/v1/label/"+match[2]+"/values?match[]="+url.QueryEscape(match[1]), &answer)
	return answer.Data, err
}

// hasData says whether an expression gives a number, at the end of the time
// range for an instant query, anywhere in it for others.
func hasData(base, expr string, instant bool) error {
	now := time.Now()
	address := base + "/api/v1/query?query=" + url.QueryEscape(expr)
	if !instant {
		address = fmt.Sprintf("%s/api/v1/query_range?query=%s&start=%d&end=%d&step=5", base, url.QueryEscape(expr), now.Add(-10*time.Minute).Unix(), now.Unix())
	}
	response, err := http.Get(address)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", expr, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s: %s", expr, answer.Error)
	}
	for _, series := range answer.Data.Result {
		if series.Value != nil {
			series.Values = append(series.Values, series.Value)
		}
		for _, point := range series.Values {
			number, err := strconv.ParseFloat(point[1].(string), 64)
			if err == nil && !math.IsNaN(number) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s gives no numbers in %d series", expr, len(answer.Data.Result))
}

// checkRules asks the backend whether all shipped rules are evaluated without
// error, and for what the recording rules record.
func checkRules(t *testing.T, base string) {
	var answer struct {
		Data struct {
			Groups []struct {
				Name  string
				Rules []struct{ Name, Type, Health, LastError string }
			}
		}
	}
	recording, alerting := 0, 0
	eventually(t, "the rules", func() error {
		if err := getJSON(base+"/api/v1/rules", &answer); err != nil {
			return err
		}
		recording, alerting = 0, 0
		for _, group := range answer.Data.Groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					return fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
				if rule.Type == "recording" {
					recording++
				} else {
					alerting++
				}
			}
		}
		return nil
	})
	if recording == 0 || alerting == 0 {
		t.Fatalf("%d recording rules and %d alerts are loaded", recording, alerting)
	}
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			if rule.Type == "recording" {
				eventually(t, rule.Name, func() error { return hasData(base, rule.Name, true) })
			}
		}
	}
}
