package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"go.etcd.io/etcd/client/pkg/v3/logutil"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// DamagedError tells that etcd cannot read the data that an earlier run has left.
type DamagedError struct {
	Dir string
	Err error
}

// Error says in one line what can be done: the rest of the environment's data is fine.
func (e *DamagedError) Error() string {
	why := strings.Join(strings.Fields(e.Err.Error()), " ")
	return fmt.Sprintf("the cluster's data is damaged (%s): `mv %s %s.damaged` sets it aside, and the next `up` begins "+
		"with a new cluster; samples and events stay", why, e.Dir, e.Dir)
}

// Unwrap returns what etcd said.
func (e *DamagedError) Unwrap() error { return e.Err }

// startEtcd starts etcd. What it says in ending the process or in a panic, over data
// that it cannot read, is an error here.
func startEtcd(config *embed.Config) (server *embed.Etcd, err error) {
	existed := hasData(config.Dir)
	starting := &atomic.Bool{}
	starting.Store(true)
	defer starting.Store(false)
	if err := logTo(config, starting); err != nil {
		return nil, err
	}
	defer func() {
		if said := recover(); said != nil {
			server, err = nil, panicked(said)
		}
		if err != nil && existed && damaged(err) {
			err = &DamagedError{Dir: config.Dir, Err: err}
		}
	}()
	return embed.StartEtcd(config)
}

func hasData(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// logTo gives etcd a log on stderr, without stack traces, whose last words can be
// caught for as long as it starts.
func logTo(config *embed.Config, starting *atomic.Bool) error {
	log := logutil.DefaultZapLoggerConfig
	log.Level = zap.NewAtomicLevelAt(logutil.ConvertToZapLevel(config.LogLevel))
	log.OutputPaths, log.ErrorOutputPaths = config.LogOutputs, config.LogOutputs
	log.DisableStacktrace = true
	logger, err := log.Build(
		zap.WithFatalHook(lastWords{starting, zapcore.WriteThenFatal}),
		zap.WithPanicHook(lastWords{starting, zapcore.WriteThenPanic}),
	)
	if err != nil {
		return fmt.Errorf("making etcd's log: %w", err)
	}
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	return nil
}

// lastWords are what etcd logs and then ends.
type lastWords struct {
	starting *atomic.Bool
	// otherwise is what follows once it has started.
	otherwise zapcore.CheckWriteHook
}

// OnWrite implements zapcore.CheckWriteHook.
func (l lastWords) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	if !l.starting.Load() {
		l.otherwise.OnWrite(entry, fields)
		return
	}
	for _, field := range fields {
		if err, ok := field.Interface.(error); ok {
			panic(saidError{fmt.Errorf("%s: %w", entry.Message, err)})
		}
	}
	panic(saidError{errors.New(entry.Message)})
}

// saidError is an error that etcd has logged.
type saidError struct{ error }

func (e saidError) Unwrap() error { return e.error }

// panicError is a panic of what reads data.
type panicError struct{ error }

func panicked(said any) error {
	if err, ok := said.(saidError); ok {
		return err.error
	}
	return panicError{fmt.Errorf("%v", said)}
}

// damaged tells whether an error is about what the data holds, not about the disk or
// the network.
func damaged(err error) bool {
	if errors.As(err, new(syscall.Errno)) {
		return false
	}
	if errors.As(err, new(panicError)) || strings.Contains(err.Error(), "failed to open database") {
		return true
	}
	return slices.ContainsFunc([]error{
		wal.ErrCRCMismatch, wal.ErrFileNotFound, wal.ErrMetadataConflict, wal.ErrSnapshotMismatch,
		wal.ErrSnapshotNotFound, wal.ErrSliceOutOfRange, wal.ErrDecoderNotFound,
		snap.ErrCRCMismatch, snap.ErrNoSnapshot, snap.ErrEmptySnapshot, snap.ErrNoDBSnapshot, io.ErrUnexpectedEOF,
	}, func(known error) bool { return errors.Is(err, known) })
}
