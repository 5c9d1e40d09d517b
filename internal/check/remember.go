package check

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// remembered bounds the answers that are kept.
const remembered = 2000

// memory keeps what a Prometheus says of label names and values: panels of one
// dashboard ask the same again and again. Answers to queries are not kept.
type memory struct {
	prometheus.API

	mu      sync.Mutex
	answers map[string]*answer
}

type answer struct {
	once  sync.Once
	texts []string
	err   error
}

func newMemory(p prometheus.API) *memory {
	return &memory{API: p, answers: map[string]*answer{}}
}

// LabelNames implements prometheus.API.
func (m *memory) LabelNames(ctx context.Context, match string, r prometheus.TimeRange) ([]string, error) {
	return m.recall(key("names", match, r), func() ([]string, error) { return m.API.LabelNames(ctx, match, r) })
}

// LabelValues implements prometheus.API.
func (m *memory) LabelValues(ctx context.Context, label, match string, r prometheus.TimeRange) ([]string, error) {
	return m.recall(key("values of "+label, match, r),
		func() ([]string, error) { return m.API.LabelValues(ctx, label, match, r) })
}

func key(what, match string, r prometheus.TimeRange) string {
	return fmt.Sprintf("%s\x00%s\x00%d\x00%d", what, match, r.From.UnixMilli(), r.To.UnixMilli())
}

// recall answers from memory, else asks once however many want to know. A
// failure is not kept.
func (m *memory) recall(key string, ask func() ([]string, error)) ([]string, error) {
	m.mu.Lock()
	a := m.answers[key]
	if a == nil {
		if len(m.answers) >= remembered {
			clear(m.answers)
		}
		a = &answer{}
		m.answers[key] = a
	}
	m.mu.Unlock()
	a.once.Do(func() { a.texts, a.err = ask() })
	if a.err != nil {
		m.mu.Lock()
		if m.answers[key] == a {
			delete(m.answers, key)
		}
		m.mu.Unlock()
	}
	return slices.Clone(a.texts), a.err
}
