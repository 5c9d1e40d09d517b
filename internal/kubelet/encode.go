package kubelet

import (
	"encoding/json"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsv1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// appendSummary appends the JSON of a summary, byte for byte what
// encoding/json makes of it, at a fraction of the cost: answering for a
// thousand nodes is little else than encoding.
//
// It covers the fields that newSummary sets; a test compares both encodings.
func appendSummary(b []byte, s *statsv1.Summary) []byte {
	w := &jsonWriter{b: b}
	w.open('{')
	w.key("node")
	w.node(&s.Node)
	w.key("pods")
	w.open('[')
	for i := range s.Pods {
		w.pod(&s.Pods[i])
	}
	w.close(']')
	w.close('}')
	return w.b
}

// jsonWriter appends JSON. Opening a bracket or ending a value leaves a comma
// to be written before what comes next, unless that is a closing bracket.
type jsonWriter struct {
	b     []byte
	comma bool
	// Nearly all sample times are the same, and many start times: their texts are kept.
	sample, start timeText
}

// timeText is the JSON of the last instant that was asked for.
type timeText struct {
	time metav1.Time
	text []byte
}

func (c *timeText) of(t metav1.Time) []byte {
	if c.text == nil || !t.Time.Equal(c.time.Time) {
		c.time = t
		if t.IsZero() {
			c.text = append(c.text[:0], "null"...)
		} else {
			c.text = append(t.UTC().AppendFormat(append(c.text[:0], '"'), time.RFC3339), '"')
		}
	}
	return c.text
}

func (w *jsonWriter) separate() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = false
}

func (w *jsonWriter) open(bracket byte) {
	w.separate()
	w.b = append(w.b, bracket)
}

func (w *jsonWriter) close(bracket byte) {
	w.b = append(w.b, bracket)
	w.comma = true
}

// key takes names that need no escaping.
func (w *jsonWriter) key(name string) {
	w.separate()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *jsonWriter) string(name, v string) {
	w.key(name)
	w.b = appendString(w.b, v)
	w.comma = true
}

// appendString appends a quoted string; object names need no escapes, and
// for what does the standard encoder is asked.
func appendString(b []byte, v string) []byte {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(v)
			if err != nil { // cannot be: every string encodes
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, v...)
	return append(b, '"')
}

func (w *jsonWriter) uint(name string, v *uint64) {
	if v == nil {
		return
	}
	w.key(name)
	w.b = strconv.AppendUint(w.b, *v, 10)
	w.comma = true
}

func (w *jsonWriter) int(name string, v *int64) {
	if v == nil {
		return
	}
	w.key(name)
	w.b = strconv.AppendInt(w.b, *v, 10)
	w.comma = true
}

func (w *jsonWriter) at(t metav1.Time) {
	w.key("time")
	w.b = append(w.b, w.sample.of(t)...)
	w.comma = true
}

func (w *jsonWriter) startTime(t metav1.Time) {
	w.key("startTime")
	w.b = append(w.b, w.start.of(t)...)
	w.comma = true
}

func (w *jsonWriter) node(n *statsv1.NodeStats) {
	w.open('{')
	w.string("nodeName", n.NodeName)
	if len(n.SystemContainers) > 0 {
		w.key("systemContainers")
		w.containers(n.SystemContainers)
	}
	w.startTime(n.StartTime)
	w.cpu(n.CPU)
	w.memory(n.Memory)
	w.io(n.IO)
	w.network(n.Network)
	w.disk("fs", n.Fs)
	if r := n.Runtime; r != nil {
		w.key("runtime")
		w.open('{')
		w.disk("imageFs", r.ImageFs)
		w.disk("containerFs", r.ContainerFs)
		w.close('}')
	}
	if r := n.Rlimit; r != nil {
		w.key("rlimit")
		w.open('{')
		w.at(r.Time)
		w.int("maxpid", r.MaxPID)
		w.int("curproc", r.NumOfRunningProcesses)
		w.close('}')
	}
	w.swap(n.Swap)
	w.close('}')
}

func (w *jsonWriter) pod(p *statsv1.PodStats) {
	w.open('{')
	w.key("podRef")
	w.open('{')
	w.string("name", p.PodRef.Name)
	w.string("namespace", p.PodRef.Namespace)
	w.string("uid", p.PodRef.UID)
	w.close('}')
	w.startTime(p.StartTime)
	w.key("containers")
	w.containers(p.Containers)
	w.cpu(p.CPU)
	w.memory(p.Memory)
	w.io(p.IO)
	w.network(p.Network)
	if len(p.VolumeStats) > 0 {
		w.key("volume")
		w.open('[')
		for i := range p.VolumeStats {
			w.volume(&p.VolumeStats[i])
		}
		w.close(']')
	}
	w.disk("ephemeral-storage", p.EphemeralStorage)
	if p.ProcessStats != nil {
		w.key("process_stats")
		w.open('{')
		w.uint("process_count", p.ProcessStats.ProcessCount)
		w.close('}')
	}
	w.swap(p.Swap)
	w.close('}')
}

func (w *jsonWriter) containers(list []statsv1.ContainerStats) {
	w.open('[')
	for i := range list {
		c := &list[i]
		w.open('{')
		w.string("name", c.Name)
		w.startTime(c.StartTime)
		w.cpu(c.CPU)
		w.memory(c.Memory)
		w.io(c.IO)
		w.disk("rootfs", c.Rootfs)
		w.disk("logs", c.Logs)
		w.swap(c.Swap)
		w.close('}')
	}
	w.close(']')
}
