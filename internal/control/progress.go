package control

import (
	"context"
	"sync"
)

// Log keeps the lines of a start for everyone who asks, however late.
type Log struct {
	mu    sync.Mutex
	lines []Progress
	// more is closed and replaced when a line is added.
	more chan struct{}
}

// NewLog returns a log without lines.
func NewLog() *Log { return &Log{more: make(chan struct{})} }

// Add adds a line.
func (l *Log) Add(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, p)
	close(l.more)
	l.more = make(chan struct{})
}

// Follow calls fn for each line until the end line, or until ctx ends.
func (l *Log) Follow(ctx context.Context, fn func(Progress) error) error {
	for next := 0; ; next++ {
		l.mu.Lock()
		for next >= len(l.lines) {
			more := l.more
			l.mu.Unlock()
			select {
			case <-more:
			case <-ctx.Done():
				return ctx.Err()
			}
			l.mu.Lock()
		}
		line := l.lines[next]
		l.mu.Unlock()
		if err := fn(line); err != nil || line.End {
			return err
		}
	}
}
