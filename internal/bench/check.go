package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/diorama-lab/diorama/dashboards"
)

// manyDashboards is how many dashboards the larger check has: copies of those
// that are shipped, a thousand targets and more.
const manyDashboards = 40

// maxRSSUnit is what Linux counts the largest resident memory in, in bytes.
const maxRSSUnit = 1024

// checks measures `diorama check` of what is shipped, and of many dashboards.
func (b *bench) checks(l lab) error {
	folder := filepath.Join(l.home, "many")
	if err := copyDashboards(folder, manyDashboards); err != nil {
		return err
	}
	for _, c := range []struct {
		name   string
		atMost float64
		args   []string
	}{
		{"check: what is shipped", 5, nil},
		{fmt.Sprintf("check: %d dashboards", manyDashboards), 20, []string{folder}},
	} {
		var seconds, megabytes []float64
		targets := 0
		for range rounds {
			took, peak, n, err := l.check(c.args)
			if err != nil {
				return err
			}
			seconds, megabytes, targets = append(seconds, took), append(megabytes, peak), n
		}
		b.add(fmt.Sprintf("%s, %d targets", c.name, targets), "s", new(c.atMost), seconds...)
		b.add(c.name+": largest memory", "MB", nil, megabytes...)
	}
	return nil
}

// check runs one check, which may have findings, and returns how many seconds
// it took, its largest resident memory in MB, and how many targets it ran.
func (l lab) check(args []string) (seconds, megabytes float64, targets int, err error) {
	began := time.Now()
	out, usage, err := l.used(append([]string{"check", "-o", "json"}, args...)...)
	seconds = time.Since(began).Seconds()
	if len(out) == 0 {
		return 0, 0, 0, err
	}
	var report struct{ Summary struct{ Targets, Error int } }
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, 0, 0, fmt.Errorf("reading the report: %w", err)
	}
	if report.Summary.Error > 0 {
		return 0, 0, 0, fmt.Errorf("%d queries failed", report.Summary.Error)
	}
	return seconds, float64(usage.Maxrss) * maxRSSUnit / 1e6, report.Summary.Targets, nil
}

// copyDashboards fills a folder with copies of the shipped dashboards.
func copyDashboards(folder string, n int) error {
	files, err := fs.Glob(dashboards.FS, "json/*.json")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for i := range n {
		text, err := dashboards.FS.ReadFile(files[i%len(files)])
		if err != nil {
			return err
		}
		var d map[string]any
		if err := json.Unmarshal(text, &d); err != nil {
			return err
		}
		d["uid"] = fmt.Sprintf("copy-%d", i)
		if text, err = json.Marshal(d); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("copy-%d.json", i)), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
