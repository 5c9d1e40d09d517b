package telemetry

import (
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
)

// Samples that come in bursts, at rest, give a rate that does not flicker.
func TestRateAtRest(t *testing.T) {
	var past history
	at, stored := time.Now(), int64(1)
	for i := range 60 {
		at = at.Add(2 * time.Second)
		if i%5 == 0 {
			stored += 1000 // every ten seconds
		}
		before := past.first()
		rate := float64(stored-before.SamplesAppendedTotal) / at.Sub(before.at).Seconds()
		if i > 30 && (rate < 80 || rate > 120) {
			t.Errorf("after %d readings the rate is %.0f, want about 100", i, rate)
		}
		past = past.and(moment{backend.Ingestion{SamplesAppendedTotal: stored}, at})
	}
	past = past.and(moment{backend.Ingestion{SamplesAppendedTotal: 7}, at})
	if got := past.first(); len(past) != 1 || got.SamplesAppendedTotal != 7 {
		t.Errorf("after a restart of the store there is %+v", past)
	}
}
