package events

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Query selects events. Empty fields select everything.
type Query struct {
	Cluster, Namespace, Kind, Name, Reason, Type, Node string
	// Since and Until bound the time an event was last seen; zero is open.
	Since, Until time.Time
	Limit        int
	// before is the place of the last event of the page before.
	before *place
}

type place struct{ time, id int64 }

// Page is one page of events, newest first.
type Page struct {
	Events []Event `json:"events"`
	// NextCursor continues after the last event; empty at the end.
	NextCursor string `json:"nextCursor,omitempty"`
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// ParseQuery reads a query from URL parameters. Parameters it does not know
// are errors, so that a misspelt filter does not select everything.
func ParseQuery(values url.Values) (Query, error) {
	q := Query{Limit: defaultLimit}
	texts := map[string]*string{
		"cluster": &q.Cluster, "namespace": &q.Namespace, "kind": &q.Kind, "name": &q.Name,
		"reason": &q.Reason, "type": &q.Type, "node": &q.Node,
	}
	for key, list := range values {
		if len(list) != 1 {
			return q, fmt.Errorf("parameter %s is given %d times; once is enough", key, len(list))
		}
		if text, ok := texts[key]; ok {
			*text = list[0]
			continue
		}
		if err := q.set(key, list[0]); err != nil {
			return q, err
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && q.Since.After(q.Until) {
		return q, errors.New("since is after until")
	}
	return q, nil
}

func (q *Query) set(key, value string) (err error) {
	switch key {
	case "since":
		q.Since, err = parseTime(value)
	case "until":
		q.Until, err = parseTime(value)
	case "limit":
		q.Limit, err = strconv.Atoi(value)
		if err != nil || q.Limit < 1 || q.Limit > maxLimit {
			return fmt.Errorf("limit must be a number from 1 to %d, not %q", maxLimit, value)
		}
	case "cursor":
		q.before, err = parseCursor(value)
	default:
		return fmt.Errorf("unknown parameter %q; known are "+
			"cluster, namespace, kind, name, reason, type, node, since, until, limit, cursor", key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// parseTime takes RFC 3339, Unix seconds, or a duration before now.
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 9e9 {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	if d, err := model.ParseDuration(text); err == nil {
		return time.Now().Add(-time.Duration(d)), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; use RFC 3339, Unix seconds or a duration ago such as 15m", text)
}

func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.time, p.id))
}

func parseCursor(text string) (*place, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		left, right, ok := strings.Cut(string(data), ".")
		at, timeErr := strconv.ParseInt(left, 10, 64)
		id, idErr := strconv.ParseInt(right, 10, 64)
		if ok && timeErr == nil && idErr == nil {
			return &place{time: at, id: id}, nil
		}
	}
	return nil, fmt.Errorf("%q is no cursor; use the nextCursor of the page before", text)
}

func (q Query) where() (string, []any) {
	conditions, args := []string{"1"}, []any{}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	for _, f := range []struct{ column, value string }{
		{"cluster", q.Cluster}, {"namespace", q.Namespace}, {"kind", q.Kind}, {"name", q.Name},
		{"reason", q.Reason}, {"type", q.Type}, {"node", q.Node},
	} {
		if f.value != "" {
			add(f.column+" = ?", f.value)
		}
	}
	if !q.Since.IsZero() {
		add("last_time >= ?", q.Since.UnixNano())
	}
	if !q.Until.IsZero() {
		add("last_time <= ?", q.Until.UnixNano())
	}
	if q.before != nil {
		add("(last_time, id) < (?, ?)", q.before.time, q.before.id)
	}
	return strings.Join(conditions, " AND "), args
}

// Find returns one page. An event that happens again while someone pages
// moves to the front, so it may be seen twice, but none is passed over.
func (s *Store) Find(ctx context.Context, q Query) (Page, error) {
	page := Page{Events: []Event{}}
	where, args := q.where()
	rows, err := s.read.QueryContext(ctx, `
	SELECT id, cluster, uid, namespace, kind, name, object_uid, node, reason, type, message,
		count, first_time, last_time, attributes FROM events WHERE `+where+` ORDER BY last_time DESC, id DESC LIMIT ?`,
		append(args, q.Limit+1)...)
	if err != nil {
		return page, fmt.Errorf("reading events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if len(page.Events) == q.Limit {
			last := page.Events[q.Limit-1]
			page.NextCursor = place{time: last.LastTime.UnixNano(), id: last.ID}.cursor()
			break
		}
		var e Event
		var first, last int64
		var attributes string
		if err := rows.Scan(&e.ID, &e.Cluster, &e.UID, &e.Namespace, &e.Kind, &e.Name, &e.ObjectUID, &e.Node, &e.Reason,
			&e.Type, &e.Message, &e.Count, &first, &last, &attributes); err != nil {
			return page, fmt.Errorf("reading events: %w", err)
		}
		e.FirstTime, e.LastTime = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
		if err := json.Unmarshal([]byte(attributes), &e.Attributes); err != nil {
			return page, fmt.Errorf("reading an event's attributes: %w", err)
		}
		page.Events = append(page.Events, e)
	}
	if err := rows.Err(); err != nil {
		return page, fmt.Errorf("reading events: %w", err)
	}
	return page, nil
}
