package component

import "context"

// Step is a Component that does one thing and is then ready: it applies
// objects, or waits for a state that others bring about.
type Step struct {
	StepName  string
	StepNeeds []string
	// Do is the work; it ends with ctx.
	Do func(ctx context.Context) error
	// Undo takes back what Do made outside the environment's folder; nil if
	// there is nothing of the kind. It must bear a Do that failed.
	Undo func(ctx context.Context) error
}

// Name implements Component.
func (s *Step) Name() string { return s.StepName }

// Needs implements Component.
func (s *Step) Needs() []string { return s.StepNeeds }

// Start implements Component; the work is Ready's.
func (s *Step) Start(context.Context) error { return nil }

// Ready does the work.
func (s *Step) Ready(ctx context.Context) error { return s.Do(ctx) }

// Stop takes the work back.
func (s *Step) Stop(ctx context.Context) error {
	if s.Undo == nil {
		return nil
	}
	return s.Undo(ctx)
}

// Died never delivers: a step has nothing that could die.
func (s *Step) Died() <-chan error { return nil }
