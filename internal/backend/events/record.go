// Package events keeps Kubernetes events, as they come in OTLP log records,
// in an embedded SQLite database of bounded size.
package events

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Event is one Kubernetes event in its latest state. A log record that is no
// Kubernetes event has the fields it can fill.
type Event struct {
	// ID orders events that have the same LastTime.
	ID        int64  `json:"id"`
	UID       string `json:"uid"`
	Cluster   string `json:"cluster,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Kind, Name and ObjectUID are those of the object the event is about.
	Kind      string `json:"kind,omitempty"`
	Name      string `json:"name,omitempty"`
	ObjectUID string `json:"objectUID,omitempty"`
	Node      string `json:"node,omitempty"`
	Reason    string `json:"reason,omitempty"`
	// Type is Normal or Warning, or the severity of another record.
	Type      string    `json:"type,omitempty"`
	Message   string    `json:"message"`
	Count     int64     `json:"count"`
	FirstTime time.Time `json:"firstTime"`
	LastTime  time.Time `json:"lastTime"`
	// Attributes are those that no field above holds.
	Attributes map[string]string `json:"attributes,omitempty"`

	// counted says that the sender gave a count; without one, each newer
	// record of the same event counts as one more.
	counted bool
}

// maxMessage is far beyond what the API server lets an event carry (1 KiB).
const maxMessage = 32 << 10

// startTimeLayout is how the receiver writes a time: Go's default format.
const startTimeLayout = "2006-01-02 15:04:05.999999999 -0700 MST"

// fromRecord reads a log record of the k8s_events receiver.
func fromRecord(resource pcommon.Map, record plog.LogRecord, now time.Time) Event {
	attrs := map[string]string{}
	for _, m := range []pcommon.Map{resource, record.Attributes()} {
		for key, value := range m.All() {
			attrs[key] = strings.ToValidUTF8(value.AsString(), "\uFFFD")
		}
	}
	take := func(key string) string {
		value := attrs[key]
		delete(attrs, key)
		return value
	}
	e := Event{
		UID: take("k8s.event.uid"), Cluster: take("k8s.cluster.name"), Namespace: take("k8s.namespace.name"),
		Kind: take("k8s.object.kind"), Name: take("k8s.object.name"), ObjectUID: take("k8s.object.uid"),
		Node: take("k8s.node.name"), Reason: take("k8s.event.reason"),
		Type:    record.SeverityText(),
		Message: strings.ToValidUTF8(record.Body().AsString(), "\uFFFD"),
		Count:   1,
	}
	if e.Type == "" && record.SeverityNumber() != plog.SeverityNumberUnspecified {
		e.Type = record.SeverityNumber().String()
	}
	if len(e.Message) > maxMessage {
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "")
	}
	if count, ok := record.Attributes().Get("k8s.event.count"); ok && count.Int() > 0 {
		e.Count, e.counted = count.Int(), true
	}
	delete(attrs, "k8s.event.count")
	e.setTimes(record, take("k8s.event.start_time"), now)
	for key, value := range attrs {
		if value == "" {
			delete(attrs, key)
		}
	}
	e.Attributes = attrs
	if e.UID == "" {
		e.UID = e.fingerprint()
	}
	return e
}

func (e *Event) setTimes(record plog.LogRecord, started string, now time.Time) {
	e.LastTime = now
	for _, ts := range []pcommon.Timestamp{record.Timestamp(), record.ObservedTimestamp()} {
		// The receiver writes the zero time for an event without one; as
		// nanoseconds that is far outside of what people mean.
		if t := ts.AsTime(); ts != 0 && t.Year() > 2000 && t.Year() < 2200 {
			e.LastTime = t
			break
		}
	}
	e.FirstTime = e.LastTime
	if t, err := time.Parse(startTimeLayout, started); err == nil && t.Year() > 2000 && t.Before(e.LastTime) {
		e.FirstTime = t
	}
	e.LastTime, e.FirstTime = e.LastTime.UTC(), e.FirstTime.UTC()
}

// fingerprint stands in for a missing UID, so that a record that is sent
// twice is kept once.
func (e *Event) fingerprint() string {
	// Maps are encoded in the order of their keys, and nothing in an Event
	// cannot be encoded.
	data, _ := json.Marshal(e)
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:16])
}
