package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

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
	return fmt.Sprintf("the cluster's data cannot be read (%s): `mv %s %s.damaged` sets it aside, and the next start "+
		"begins with a new cluster; samples and events stay", why, e.Dir, e.Dir)
}

// Unwrap returns what etcd said.
func (e *DamagedError) Unwrap() error { return e.Err }

// startEtcd starts etcd. What it says in ending the process or in a panic, over data
// that it cannot read, is an error here.
func startEtcd(ctx context.Context, config *embed.Config) (*embed.Etcd, error) {
	existed := hasData(config.Dir)
	words := &lastWords{said: make(chan error, 1)}
	if err := logTo(config, words); err != nil {
		return nil, err
	}
	var server *embed.Etcd
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if said := recover(); said != nil {
				ended <- panicError{fmt.Errorf("%v", said)}
			}
		}()
		started, err := embed.StartEtcd(config)
		server = started
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case err = <-words.said:
	}
	words.over.Store(true)
	if err == nil && existed {
		err = awaitWrites(ctx, server)
	}
	if err != nil && existed && damaged(err) {
		err = &DamagedError{Dir: config.Dir, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return server, nil
}

// writesLimit is how long etcd may take to write what it has to say of itself. It cannot
// if its log ends before what its database has.
const writesLimit = 30 * time.Second

var errNoWrites = fmt.Errorf("nothing could be written for %s: the disk is very slow, or the log lacks what the "+
	"database has", writesLimit)

func awaitWrites(ctx context.Context, server *embed.Etcd) error {
	timer := time.NewTimer(writesLimit)
	defer timer.Stop()
	select {
	case <-server.Server.ReadyNotify():
	case <-server.Server.StopNotify():
	case <-ctx.Done():
	case <-timer.C:
		return errNoWrites // it cannot be closed either: its process ends
	}
	return nil
}

func hasData(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// logTo gives etcd a log on stderr, without stack traces, whose last words are heard
// for as long as it starts.
func logTo(config *embed.Config, words *lastWords) error {
	log := logutil.DefaultZapLoggerConfig
	log.Level = zap.NewAtomicLevelAt(logutil.ConvertToZapLevel(config.LogLevel))
	log.OutputPaths, log.ErrorOutputPaths = config.LogOutputs, config.LogOutputs
	log.DisableStacktrace = true
	logger, err := log.Build(
		zap.WithFatalHook(hook{words, zapcore.WriteThenFatal}),
		zap.WithPanicHook(hook{words, zapcore.WriteThenPanic}),
	)
	if err != nil {
		return fmt.Errorf("making etcd's log: %w", err)
	}
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	return nil
}

// lastWords are what etcd logs and would then end with, on one of its goroutines.
type lastWords struct {
	said chan error
	// over tells that it has started, or failed to.
	over atomic.Bool
}

// hook hears last words, and ends their goroutine only.
type hook struct {
	words *lastWords
	// otherwise is what follows once etcd has started.
	otherwise zapcore.CheckWriteHook
}

// OnWrite implements zapcore.CheckWriteHook.
func (h hook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	if h.words.over.Load() {
		h.otherwise.OnWrite(entry, fields)
		return
	}
	said := errors.New(entry.Message)
	for _, field := range fields {
		if err, ok := field.Interface.(error); ok {
			said = fmt.Errorf("%s: %w", entry.Message, err)
		}
	}
	select {
	case h.words.said <- said:
	default: // others have ended, too
	}
	runtime.Goexit()
}

// panicError is a panic of what reads data.
type panicError struct{ error }

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
		errNoWrites,
	}, func(known error) bool { return errors.Is(err, known) })
}
