package kubelet

import "strconv"

// exposition appends samples in Prometheus' text format. Values of labels
// have to be quoted and escaped by who gives them.
type exposition struct {
	b      []byte
	name   string // of the current family
	millis string // the samples' timestamp
}

func newExposition(b []byte, at int64) *exposition {
	return &exposition{b: b, millis: strconv.FormatInt(at/1e6, 10)}
}

func (w *exposition) family(name, kind, help string) {
	w.name = name
	w.b = append(w.b, "# HELP "...)
	w.b = append(w.b, name...)
	w.b = append(w.b, ' ')
	w.b = append(w.b, help...)
	w.b = append(w.b, "\n# TYPE "...)
	w.b = append(w.b, name...)
	w.b = append(w.b, ' ')
	w.b = append(w.b, kind...)
	w.b = append(w.b, '\n')
}

// sample takes the labels in pieces, commas and all: nearly all of a large
// answer is labels, which are put together only once.
func (w *exposition) sample(v float64, timed bool, labels ...string) {
	w.b = append(w.b, w.name...)
	if len(labels) > 0 {
		w.b = append(w.b, '{')
		for _, piece := range labels {
			w.b = append(w.b, piece...)
		}
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ' ')
	w.b = strconv.AppendFloat(w.b, v, 'g', -1, 64)
	if timed {
		w.b = append(w.b, ' ')
		w.b = append(w.b, w.millis...)
	}
	w.b = append(w.b, '\n')
}
