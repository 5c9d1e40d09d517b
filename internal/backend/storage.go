package backend

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// openStorage opens the samples. A lock file that a killed process left is
// no obstacle: what counts is the lock on it, which died with the process.
//
// The write-ahead log is flushed to the file on each commit, so an
// acknowledged sample outlives the process; it is not fsynced on each commit,
// so a crash of the machine may cost the last moments, as with Prometheus.
func openStorage(o Options, log *slog.Logger, reg prometheus.Registerer, stats *tsdb.DBStats) (*tsdb.DB, error) {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = o.Retention.Milliseconds()
	opts.MaxBytes = o.RetentionBytes
	opts.MinBlockDuration = (2 * time.Hour).Milliseconds()
	// Prometheus' rule: blocks of at most a tenth of the retention, and of
	// at most 31 days.
	opts.MaxBlockDuration = max(opts.MinBlockDuration, min(o.Retention/10, 31*24*time.Hour).Milliseconds())
	opts.OutOfOrderTimeWindow = max(0, o.OutOfOrderWindow.Milliseconds())
	opts.WALCompression = compression.Snappy
	opts.HeadChunksWriteQueueSize = 0
	opts.EnableExemplarStorage = true
	opts.MaxExemplars = 10_000
	// Sized for a lab of some tens of thousands of series, not for millions.
	opts.StripeSize = 4096
	opts.HeadChunksWriteBufferSize = 512 << 10

	db, err := tsdb.Open(filepath.Join(o.DataDir, "tsdb"), log.With("part", "tsdb"), reg, opts, stats)
	if err != nil {
		return nil, fmt.Errorf("opening the samples in %s: %w", o.DataDir, err)
	}
	return db, nil
}

// dbAdmin is what the web API asks of the storage beyond samples.
type dbAdmin struct {
	*tsdb.DB
	stats *tsdb.DBStats
}

func (d dbAdmin) BlockMetas() ([]tsdb.BlockMeta, error) { return d.DB.BlockMetas(), nil }

func (d dbAdmin) Stats(label string, limit int) (*tsdb.Stats, error) {
	return d.DB.Head().Stats(label, limit), nil
}

func (d dbAdmin) WALReplayStatus() (tsdb.WALReplayStatus, error) {
	return d.stats.Head.WALReplayStatus.GetWALReplayStatus(), nil
}
