package engine

import (
	"context"
	"time"
)

// SentQuery is a query as it was sent.
type SentQuery struct {
	RefID string `json:"refId"`
	Expr  string `json:"expr"`
	Step  string `json:"step,omitempty"`
	Type  string `json:"type"`
	Took  string `json:"took"`
	// Series and Points are how much it returned.
	Series int `json:"series"`
	Points int `json:"points"`

	// step is Step; 0 for an instant query.
	step time.Duration
}

// Empty says why a target returned nothing.
type Empty struct {
	RefID string `json:"refId"`
	Reason
}

// Outcome is what one target of a panel returned.
type Outcome struct {
	RefID   string
	Result  TargetResult
	Queries []SentQuery
	// Empty says why there is nothing; nil where there is something, or an error.
	Empty *Reason
}

// outcome runs a target and says why it is empty, if it is.
func (t *targetRun) outcome(ctx context.Context) Outcome {
	frames, err := t.run(ctx)
	o := Outcome{RefID: t.target.RefID(), Result: targetResult(frames, err), Queries: t.sent}
	if err != nil || t.raw || t.hasValues {
		return o
	}
	reason := t.reason(ctx)
	o.Empty = &reason
	return o
}

// reasonTimeout bounds finding out why a target is empty: people wait for it.
const reasonTimeout = 15 * time.Second

// reason says why a target has nothing to show.
func (t *targetRun) reason(ctx context.Context) Reason {
	if len(t.sent) == 0 || t.engine.Quick {
		return unclear()
	}
	ctx, cancel := context.WithTimeout(ctx, reasonTimeout)
	defer cancel()
	first := t.sent[0]
	r := t.request.Range
	if t.sent[0].Points > 0 {
		return probe{t.engine, r, first.step}.whyNoNumber(ctx, first.Expr)
	}
	return t.engine.Explain(ctx, first.Expr, r, first.step)
}
