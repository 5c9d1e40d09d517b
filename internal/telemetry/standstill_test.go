package telemetry

import (
	"testing"
	"time"
)

func TestStandstill(t *testing.T) {
	s := standstill{interval: 5 * time.Second, renewed: 2 * time.Second}
	start := time.Unix(1000, 0)
	for _, step := range []struct {
		about   string
		after   time.Duration
		scraped map[string]uint64
		want    uint64
	}{
		{"the first look", 0, map[string]uint64{"a": 7, "b": 0}, 0},
		{"one reads, the other has not yet", 15 * time.Second, map[string]uint64{"a": 21, "b": 0}, 0},
		{"one has read nothing since the start", 20 * time.Second, map[string]uint64{"a": 28, "b": 0}, 3},
		{"it reads at last", 30 * time.Second, map[string]uint64{"a": 42, "b": 7}, 3},
		{"the other stands still", 60 * time.Second, map[string]uint64{"a": 42, "b": 35}, 3 + 5},
		{"its node is gone", 70 * time.Second, map[string]uint64{"b": 42}, 3 + 5},
		{"the collector was restarted", 80 * time.Second, map[string]uint64{"b": 7}, 3 + 5},
		{"nobody has looked for long", 200 * time.Second, map[string]uint64{"b": 14}, 3 + 5},
	} {
		if got := s.failed(step.scraped, start.Add(step.after)); got != step.want {
			t.Errorf("%s: %d failed scrapes, want %d", step.about, got, step.want)
		}
	}
}
