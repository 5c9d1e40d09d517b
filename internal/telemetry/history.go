package telemetry

import (
	"slices"
	"time"

	"github.com/diorama-lab/diorama/internal/backend"
)

// rateOver is how long the rate of samples is taken over: samples come in bursts, one
// each interval.
const rateOver = time.Minute

// moment is what was stored at one time.
type moment struct {
	backend.Ingestion
	at time.Time
}

// history is what was stored in the last minute, oldest first.
type history []moment

// first is the oldest moment, the zero one before there is any.
func (h history) first() moment {
	if len(h) == 0 {
		return moment{}
	}
	return h[0]
}

// and returns a history with a further moment. A store that was restarted counts from
// 0 again: what was before says nothing then.
func (h history) and(now moment) history {
	if len(h) > 0 && now.SamplesAppendedTotal < h[len(h)-1].SamplesAppendedTotal {
		h = nil
	}
	h = append(slices.Clone(h), now)
	return slices.DeleteFunc(h, func(m moment) bool { return now.at.Sub(m.at) > rateOver })
}
