package backend

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Options configure a backend. Listen, DataDir, Retention and EventsMax have no
// default here: those of an environment are v1alpha1.Default's.
type Options struct {
	// Listen is the address of the HTTP API. Port 0 picks a free one;
	// Listening hears which.
	Listen string
	// DataDir holds the samples (tsdb/) and the events (events.db).
	DataDir string
	// Retention is how long samples are kept; RetentionBytes how much of
	// them (0: no limit). The longer one does not win: both count.
	Retention      time.Duration
	RetentionBytes int64
	// TranslationStrategy says how OTLP names become Prometheus names; one
	// of the four of Prometheus' otlp.translation_strategy, and its default
	// when empty.
	TranslationStrategy string
	// PromoteResourceAttributes become labels of every series of their
	// resource. nil means DefaultPromotedAttributes.
	PromoteResourceAttributes []string
	// OutOfOrderWindow is how old a sample may be, measured from the newest
	// one stored; without one samples must be in order.
	OutOfOrderWindow time.Duration
	// RuleFiles are paths or globs of Prometheus rule files; RuleInterval is
	// the evaluation interval of groups that name none.
	RuleFiles    []string
	RuleInterval time.Duration
	// EventsMax and EventsMaxAge bound the stored events.
	EventsMax    int
	EventsMaxAge time.Duration
	// AllowedHosts are names beyond the loopback ones that a request's Host
	// header may carry, for example the name that containers know us by.
	AllowedHosts []string
	// DashboardsURL is where browsers are redirected to; empty for nowhere.
	DashboardsURL string
	// QueryTimeout, QueryMaxSamples and QueryConcurrency bound what queries
	// may cost.
	QueryTimeout     time.Duration
	QueryMaxSamples  int
	QueryConcurrency int
	// MaxBodyBytes bounds the body of a request after decompression.
	MaxBodyBytes int64
	// MinFreeBytes is the free disk space below which writes are refused,
	// before they could leave a half-written log behind.
	MinFreeBytes uint64
	// Version is what status/buildinfo adds to Prometheus' own version.
	Version string
	// Logger is where the backend logs; slog.Default when nil.
	Logger *slog.Logger
	// Listening, if set, hears the bound address once.
	Listening func(address string)

	// freeBytes is replaced by tests that play a full disk.
	freeBytes func(dir string) (uint64, error)
}

// withDefaults fills what is not set and says what cannot work.
func (o Options) withDefaults() (Options, error) {
	if o.DataDir == "" {
		return o, errors.New("the backend needs a data folder")
	}
	setDefault(&o.RuleInterval, 15*time.Second)
	setDefault(&o.EventsMaxAge, 7*24*time.Hour)
	setDefault(&o.QueryTimeout, 2*time.Minute)
	// A sample in a running query is 16 bytes: ten million are 160 MB.
	setDefault(&o.QueryMaxSamples, 10_000_000)
	setDefault(&o.QueryConcurrency, 8)
	setDefault(&o.MaxBodyBytes, 64<<20)
	setDefault(&o.MinFreeBytes, 64<<20)
	if o.PromoteResourceAttributes == nil {
		o.PromoteResourceAttributes = DefaultPromotedAttributes()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.freeBytes == nil {
		o.freeBytes = freeBytes
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return o, fmt.Errorf("the backend's listen address %q must be HOST:PORT: %w", o.Listen, err)
	}
	if o.Retention <= 0 || o.EventsMax <= 0 {
		return o, errors.New("the backend needs to be told how long to keep samples, and how many events")
	}
	if o.RetentionBytes < 0 || o.MaxBodyBytes < 0 {
		return o, errors.New("the backend's retention and body limits must not be negative")
	}
	return o, nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// freeBytes is the space that an ordinary user may still fill on the disk
// that holds dir.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("asking for the free space of %s: %w", dir, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// checkRoom returns an error if the disk has too little space left for writes.
func (o Options) checkRoom() error {
	free, err := o.freeBytes(o.DataDir)
	if err == nil && free < o.MinFreeBytes {
		err = fmt.Errorf("no space left: %d MiB free in %s, at least %d are needed: free some space, senders will retry",
			free>>20, o.DataDir, o.MinFreeBytes>>20)
	}
	return err
}
