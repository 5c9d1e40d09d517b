package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// bench collects figures.
type bench struct {
	ctx     context.Context
	binary  string
	figures []figure
}

// add keeps a figure; atMost is nil where nothing was promised.
func (b *bench) add(name, unit string, atMost *float64, samples ...float64) {
	sorted := slices.Sorted(slices.Values(samples))
	f := figure{Name: name, Unit: unit, Value: sorted[len(sorted)/2], AtMost: atMost}
	if len(samples) > 1 {
		f.Samples = samples
	}
	b.figures = append(b.figures, f)
	fmt.Fprintf(os.Stderr, "%-60s %10.3f %s\n", name, f.Value, unit)
}

func (b *bench) version() (string, error) {
	out, err := lab{ctx: context.WithoutCancel(b.ctx), binary: b.binary}.diorama("version", "-o", "json")
	if err != nil {
		return "", err
	}
	var v struct{ Diorama string }
	err = json.Unmarshal(out, &v)
	return v.Diorama, err
}

// small measures the default environment: 50 nodes, 200 pods.
func (b *bench) small(runs int, warmUp, history time.Duration) error {
	var ups, downs, statuses []float64
	for run := range runs {
		err := b.inLab(func(l lab) error {
			if err := l.prepareReload(); err != nil {
				return err
			}
			took, err := l.timed("up", "--ports", "auto", "--dashboards", l.dashboards())
			if err != nil {
				return err
			}
			ups = append(ups, took)
			for range 10 {
				took, err := l.timed("status")
				if err != nil {
					return err
				}
				statuses = append(statuses, took*1e3)
			}
			s, err := l.status()
			if err != nil {
				return err
			}
			if run == runs-1 {
				measured := b.memory(l, "memory", warmUp, new(800.0))
				long := wait.Pause(b.ctx, history)
				if err := errors.Join(measured, long, b.dashboards(l, s), b.checks(l), b.page(s)); err != nil {
					return err
				}
			}
			if took, err = l.timed("down"); err != nil {
				return err
			}
			downs = append(downs, took)
			return l.leftovers(s)
		})
		if err != nil {
			return err
		}
	}
	b.add("up: 50 nodes Ready, 200 pods Running, first series queryable", "s", new(10.0), ups...)
	b.add("status", "ms", new(200.0), statuses...)
	b.add("down: nothing left", "s", new(3.0), downs...)
	return nil
}

// memory reads the memory of an environment that has run for a while.
func (b *bench) memory(l lab, name string, warmUp time.Duration, atMost *float64) error {
	if err := wait.Pause(b.ctx, warmUp); err != nil {
		return err
	}
	s, err := l.status()
	if err != nil {
		return err
	}
	single := uint64(0)
	for _, c := range s.Components {
		single += c.RSSBytes
	}
	b.add(name+" of all processes together", "MB", atMost, float64(s.RSSBytes)/1e6)
	b.add(name+" of all processes, shared pages counted for each", "MB", nil, float64(single)/1e6)
	return nil
}

// large measures 1,000 nodes and 10,000 pods, scraped every 30 seconds.
func (b *bench) large(hold time.Duration) error {
	return b.inLab(func(l lab) error {
		file := filepath.Join(l.home, "environment.yaml")
		text := "apiVersion: diorama/v1alpha1\nports: auto\ntelemetry: {interval: 30s}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		if _, err := l.diorama("up", "-f", file); err != nil {
			return err
		}
		took, err := l.timed("scale", "--nodes", "1000", "--pods", "10000")
		if err != nil {
			return err
		}
		b.add("scale: 1,000 nodes Ready, 10,000 pods Running", "s", new(40.0), took)
		before, err := l.status()
		if err != nil {
			return err
		}
		if err := b.memory(l, "1,000 nodes: memory", hold, nil); err != nil {
			return err
		}
		after, err := l.status()
		if err != nil {
			return err
		}
		failed := float64(after.Telemetry.FailedScrapes - before.Telemetry.FailedScrapes)
		b.add(fmt.Sprintf("1,000 nodes: failed scrapes in %s", hold), "scrapes", new(0.0), failed)
		dropped := float64(after.Telemetry.DroppedSamples - before.Telemetry.DroppedSamples)
		b.add(fmt.Sprintf("1,000 nodes: dropped samples in %s", hold), "samples", new(0.0), dropped)
		b.add("1,000 nodes: samples stored", "samples/s", nil, after.Telemetry.SamplesPerSecond)
		return b.summaries(l, after)
	})
}
