package backend

import (
	"context"
	"errors"
)

var errNoScrapePools = errors.New("nothing is scraped here: samples are pushed by OTLP")

// querySlots bounds how many queries run at once. Prometheus' own tracker
// keeps them in a file too, and cannot start when the disk is full.
type querySlots chan struct{}

func (q querySlots) GetMaxConcurrent() int { return cap(q) }

func (q querySlots) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case q <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (q querySlots) Delete(int) { <-q }

func (q querySlots) Close() error { return nil }
