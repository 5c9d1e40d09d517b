package events

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/pdata/plog"
	"modernc.org/sqlite" // the driver, in Go
	sqlite3 "modernc.org/sqlite/lib"
)

// Limits bound what is kept; the oldest events go first.
type Limits struct {
	Rows int
	Age  time.Duration
}

// Store keeps events. Its methods may be called concurrently.
type Store struct {
	limits Limits
	log    *slog.Logger
	write  *sql.DB // one connection: SQLite has one writer anyway
	read   *sql.DB
	now    func() time.Time

	mu   sync.Mutex // held by writers
	stop chan struct{}
	done chan struct{}

	stored, received, repeated, rejected, failed, evicted atomic.Int64
}

// Counts are the store's own numbers. All but Stored count from the start of
// the process.
type Counts struct {
	Stored, Received, Repeated, Rejected, Failed, Evicted int64
}

// Result is what became of one request's records.
type Result struct {
	Received, Rejected int
	// Reason says why records were rejected.
	Reason string
}

const schema = `
CREATE TABLE IF NOT EXISTS events (
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL, uid TEXT NOT NULL,
  namespace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, object_uid TEXT NOT NULL,
  node TEXT NOT NULL, reason TEXT NOT NULL, type TEXT NOT NULL, message TEXT NOT NULL,
  count INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL,
  attributes TEXT NOT NULL,
  UNIQUE (cluster, uid)
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (last_time DESC, id DESC);
CREATE INDEX IF NOT EXISTS events_by_namespace ON events (namespace, last_time DESC, id DESC);`

// Open opens or makes the database at path.
func Open(path string, limits Limits, log *slog.Logger) (*Store, error) {
	s := &Store{limits: limits, log: log, now: time.Now, stop: make(chan struct{}), done: make(chan struct{})}
	var err error
	if s.write, err = connect(path, 1, ""); err != nil {
		return nil, err
	}
	if err = s.check(); err == nil {
		_, err = s.write.Exec(schema)
	}
	if err == nil {
		s.read, err = connect(path, 2, "query_only(1)")
	}
	if err == nil {
		err = s.count()
	}
	if err != nil {
		err = fmt.Errorf("opening the events in %s: %w", path, err)
		// It is not joined: damage is looked for in the one error.
		if closing := s.disconnect(); closing != nil {
			log.Error("closing the events", "err", closing)
		}
		return nil, err
	}
	go s.sweep()
	return s, nil
}

// ErrDamaged tells that a file is no database, or not one as it was written.
var ErrDamaged = errors.New("it is damaged")

// check reads the whole database, which is small. What SQLite says of one that is
// damaged is made recognisable.
func (s *Store) check() error {
	var said string
	damage := []int{sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
	err := s.write.QueryRow("PRAGMA quick_check(1)").Scan(&said)
	var failure *sqlite.Error
	switch {
	case errors.As(err, &failure) && slices.Contains(damage, failure.Code()&0xff):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case err == nil && said != "ok":
		return fmt.Errorf("%w: %s", ErrDamaged, strings.Join(strings.Fields(said), " "))
	}
	return err
}

// connect opens a pool. With a write-ahead log and synchronous=NORMAL a
// committed event outlives the process, though not a crash of the machine.
func connect(path string, connections int, pragma string) (*sql.DB, error) {
	q := url.Values{}
	for _, p := range []string{
		"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "cache_size(-1000)",
		"journal_size_limit(4194304)", pragma,
	} {
		if p != "" {
			q.Add("_pragma", p)
		}
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening the events in %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) count() error {
	var n int64
	if err := s.write.QueryRow("SELECT count(*) FROM events").Scan(&n); err != nil {
		return fmt.Errorf("counting the events: %w", err)
	}
	s.stored.Store(n)
	return nil
}

// Close ends the sweeping and the connections.
func (s *Store) Close() error {
	close(s.stop)
	<-s.done
	return s.disconnect()
}

func (s *Store) disconnect() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Counts says how much was stored and what was not.
func (s *Store) Counts() Counts {
	return Counts{
		Stored: s.stored.Load(), Received: s.received.Load(), Repeated: s.repeated.Load(),
		Rejected: s.rejected.Load(), Failed: s.failed.Load(), Evicted: s.evicted.Load(),
	}
}

// Add stores the records of one request, all or none. An event that is there
// already is brought up to date. Records that would be evicted at once for
// their age are rejected.
func (s *Store) Add(ctx context.Context, logs plog.Logs) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	batch, rejected := s.convert(logs, now)
	result := Result{Received: len(batch) + rejected, Rejected: rejected}
	if rejected > 0 {
		result.Reason = fmt.Sprintf("older than the %s that events are kept", s.limits.Age)
	}
	s.received.Add(int64(result.Received))
	s.rejected.Add(int64(rejected))
	inserted, evicted, err := s.store(ctx, batch)
	if err != nil {
		s.failed.Add(int64(len(batch)))
		return result, err
	}
	s.repeated.Add(int64(len(batch) - inserted))
	s.stored.Add(int64(inserted) - evicted)
	s.evicted.Add(evicted)
	return result, nil
}

func (s *Store) convert(logs plog.Logs, now time.Time) (batch []Event, rejected int) {
	for _, rl := range logs.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				e := fromRecord(rl.Resource().Attributes(), record, now)
				if e.LastTime.Before(now.Add(-s.limits.Age)) {
					rejected++
					continue
				}
				batch = append(batch, e)
			}
		}
	}
	return batch, rejected
}

// upsert keeps the latest state of an event. Its last parameter says whether
// the sender counted: if not, a newer record counts as one more.
const upsert = `
INSERT INTO events (
  cluster, uid, namespace, kind, name, object_uid, node, reason, type, message,
  count, first_time, last_time, attributes
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (cluster, uid) DO UPDATE SET
  count = CASE
    WHEN ? THEN max(count, excluded.count)
    WHEN excluded.last_time > last_time THEN count + 1
    ELSE count END,
  first_time = min(first_time, excluded.first_time),
  message = CASE WHEN excluded.last_time >= last_time THEN excluded.message ELSE message END,
  type = CASE WHEN excluded.last_time >= last_time THEN excluded.type ELSE type END,
  last_time = max(last_time, excluded.last_time)`

func (s *Store) store(ctx context.Context, batch []Event) (inserted int, evicted int64, err error) {
	if len(batch) == 0 {
		return 0, 0, nil
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("storing events: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of no effect after Commit
	statement, err := tx.PrepareContext(ctx, upsert)
	if err != nil {
		return 0, 0, fmt.Errorf("storing events: %w", err)
	}
	defer func() { _ = statement.Close() }()
	before, err := rows(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range batch {
		attributes, err := json.Marshal(e.Attributes)
		if err != nil {
			return 0, 0, fmt.Errorf("encoding an event's attributes: %w", err)
		}
		_, err = statement.ExecContext(ctx,
			e.Cluster, e.UID, e.Namespace, e.Kind, e.Name, e.ObjectUID, e.Node, e.Reason, e.Type, e.Message,
			e.Count, e.FirstTime.UnixNano(), e.LastTime.UnixNano(), string(attributes), e.counted)
		if err != nil {
			return 0, 0, fmt.Errorf("storing events: %w", err)
		}
	}
	after, err := rows(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	if evicted, err = trim(ctx, tx, after-int64(s.limits.Rows)); err != nil {
		return 0, 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, 0, fmt.Errorf("storing events: %w", err)
	}
	return int(after - before), evicted, nil
}

func rows(ctx context.Context, tx *sql.Tx) (n int64, err error) {
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM events").Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the events: %w", err)
	}
	return n, nil
}

// trim deletes the n oldest events.
func trim(ctx context.Context, tx *sql.Tx, n int64) (int64, error) {
	if n <= 0 {
		return 0, nil
	}
	result, err := tx.ExecContext(ctx,
		"DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY last_time, id LIMIT ?)", n)
	if err != nil {
		return 0, fmt.Errorf("deleting the oldest events: %w", err)
	}
	deleted, err := result.RowsAffected()
	return deleted, err
}

// sweep deletes what is too old.
func (s *Store) sweep() {
	defer close(s.done)
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		if err := s.expire(); err != nil {
			s.log.Warn("old events not deleted", "err", err)
		}
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
	}
}

func (s *Store) expire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	result, err := s.write.Exec("DELETE FROM events WHERE last_time < ?", s.now().Add(-s.limits.Age).UnixNano())
	if err != nil {
		return fmt.Errorf("deleting old events: %w", err)
	}
	deleted, err := result.RowsAffected()
	s.stored.Add(-deleted)
	s.evicted.Add(deleted)
	return err
}

// Describe and Collect make the counts metrics.
func (s *Store) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect sends the counts.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	c := s.Counts()
	send := func(name, help string, kind prometheus.ValueType, value int64) {
		desc := prometheus.NewDesc("diorama_backend_events_"+name, help, nil, nil)
		ch <- prometheus.MustNewConstMetric(desc, kind, float64(value))
	}
	count := func(what, help string, value int64) { send(what+"_total", help, prometheus.CounterValue, value) }
	send("stored", "Events in the store.", prometheus.GaugeValue, c.Stored)
	count("received", "Log records received.", c.Received)
	count("repeated", "Records that brought a stored event up to date.", c.Repeated)
	count("rejected", "Records rejected for their age.", c.Rejected)
	count("failed", "Records that could not be written and that the sender keeps.", c.Failed)
	count("evicted", "Events deleted to stay within the limits.", c.Evicted)
}
