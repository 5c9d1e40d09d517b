package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The facts that the stand-in is to have of Grafana.
func TestReadSources(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own, err := os.ReadFile("image/grafana-datasources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("grafana-datasources.yaml", string(own))
	write("early.yaml", "datasources: [{name: Prometheus, uid: prometheus, jsonData: {timeInterval: 1s}}]")
	interval := func() any {
		t.Helper()
		all, err := readSources(dir)
		if err != nil || len(all) != 4 {
			t.Fatalf("%v, %v", all, err)
		}
		for _, s := range all {
			if s.UID == "prometheus" {
				return s.JSONData["timeInterval"]
			}
		}
		return nil
	}
	if got := interval(); got != "60s" {
		t.Errorf("a file that is read before the image's own has given the interval %v", got)
	}
	write("later.yaml", "datasources: [{name: Prometheus, uid: prometheus, jsonData: {timeInterval: 1s, x: '$${__value.raw}'}}]")
	if got := interval(); got != "1s" {
		t.Errorf("the interval is %v", got)
	}
	for _, bad := range []string{
		"datasources: [{name: Another, uid: prometheus}]", "datasources: [{name: A, uid: a, isDefault: true}, {name: B, uid: b, isDefault: true}]", "datasources: [",
	} {
		write("later.yaml", bad)
		if all, err := readSources(dir); err == nil {
			t.Errorf("%s gives %v", bad, all)
		}
	}
}

func TestAcceptable(t *testing.T) {
	for _, c := range []struct{ uid, title, said string }{
		{"a", "A", ""}, {strings.Repeat("u", 41), "A", "too long"}, {"a.b", "A", "illegal"}, {"a", " ", "empty"},
	} {
		_, err := acceptable(map[string]any{"uid": c.uid, "title": c.title})
		if (err == nil) != (c.said == "") || err != nil && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestSpacing(t *testing.T) {
	for _, c := range []struct {
		q                asked
		scrape           time.Duration
		step, rate, over time.Duration
	}{
		{asked{IntervalMS: 60_000, MaxDataPoints: 300}, time.Minute, time.Minute, 4 * time.Minute, 15 * time.Minute},
		{asked{IntervalMS: 5_000, MaxDataPoints: 300}, 5 * time.Second, 5 * time.Second, 20 * time.Second, 15 * time.Minute},
		{asked{IntervalMS: 2_000, MaxDataPoints: 300}, time.Second, 2 * time.Second, 4 * time.Second, 15 * time.Minute},
		{asked{IntervalMS: 30_000, MaxDataPoints: 100}, 5 * time.Second, 30 * time.Second, 35 * time.Second, time.Hour},
		{asked{IntervalMS: 5_000, MaxDataPoints: 300, Interval: "1m"}, 5 * time.Second, time.Minute, 4 * time.Minute, 15 * time.Minute},
	} {
		step, rate, err := c.q.spacing(c.over, c.scrape)
		if err != nil || step != c.step || rate != c.rate {
			t.Errorf("%+v: step %s, rate interval %s, %v", c, step, rate, err)
		}
	}
}

func TestPrometheusFlags(t *testing.T) {
	o, file, err := prometheusFlags([]string{"--config.file=x.yaml", "--web.enable-otlp-receiver", "--storage.tsdb.retention.time=24h"})
	if err != nil || file != "x.yaml" || o.Retention != 24*time.Hour {
		t.Errorf("%+v, %q, %v", o, file, err)
	}
	for _, bad := range [][]string{{"--none"}, {"--storage.tsdb.retention.time=soon"}, {"word"}} {
		if _, _, err := prometheusFlags(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
