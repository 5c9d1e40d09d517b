package backend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/internal/backend/events"
)

// What cannot be read is set aside, in a folder of its own next to the data, with a
// file that says what happened. It is reported for as long as the folder is there.
const (
	damagedFolders = "*-damaged-*"
	damageFile     = "what.txt"
	// tornLog is how much the end of a log may hold of what was being written when
	// the process ended, or found no space: a page. Nobody was told that it is stored.
	tornLog = 32 << 10
)

// sampleLogs are the folders of the samples' logs, in tsdb/.
func sampleLogs() []string { return []string{"wal", "wbl"} }

// keepLogs links the samples' logs into a folder, before they are opened: opening
// repairs a damaged one by removing all that follows the damage. It returns how large
// they are; they are not kept on a disk that has no links.
func keepLogs(o Options) (kept string, size int64) {
	kept = filepath.Join(o.DataDir, "logs-before")
	err := os.RemoveAll(kept)
	for _, name := range sampleLogs() {
		if err == nil {
			err = linkAll(filepath.Join(o.DataDir, "tsdb", name), filepath.Join(kept, name))
		}
	}
	if err != nil {
		o.Logger.Warn("a damaged log would be repaired without a copy", "err", err)
	}
	return kept, sizeOf(kept)
}

func segmentsOf(log string) ([]string, error) { return filepath.Glob(filepath.Join(log, "[0-9]*")) }

// linkAll links the segments of a log.
func linkAll(from, to string) error {
	segments, err := segmentsOf(from)
	if err == nil && len(segments) > 0 {
		err = os.MkdirAll(to, 0o700)
	}
	for _, segment := range segments {
		err = errors.Join(err, os.Link(segment, filepath.Join(to, filepath.Base(segment))))
	}
	return err
}

// openEvents opens the events, anew if what is there cannot be read.
func (in *instance) openEvents() error {
	path := filepath.Join(in.opts.DataDir, "events.db")
	limits := events.Limits{Rows: in.opts.EventsMax, Age: in.opts.EventsMaxAge}
	var err error
	in.events, err = events.Open(path, limits, in.opts.Logger)
	if !errors.Is(err, events.ErrDamaged) {
		return err
	}
	what := fmt.Sprintf("the stored events were damaged (%v) and are begun anew", err)
	if err := setAside(in.opts.DataDir, "events", what, path, path+"-wal", path+"-shm"); err != nil {
		return err
	}
	in.events, err = events.Open(path, limits, in.opts.Logger)
	return err
}

// noteRepair makes of the kept logs a copy that stays if they were damaged, and
// removes them if not.
func (in *instance) noteRepair(kept string, before int64) error {
	after := int64(0)
	for _, name := range sampleLogs() {
		// The same files as were kept: no checkpoints.
		segments, err := segmentsOf(filepath.Join(in.db.Dir(), name))
		if err != nil {
			return err
		}
		for _, segment := range segments {
			after += sizeOf(segment)
		}
	}
	repaired := in.numbers().sum("prometheus_tsdb_wal_corruptions_total") > 0
	if !repaired || before-after < tornLog {
		return os.RemoveAll(kept)
	}
	last := "no sample of it is left"
	if in.db.Head().NumSeries() > 0 {
		last = "its last sample is of " + time.UnixMilli(in.db.Head().MaxTime()).Format(time.TimeOnly)
	}
	what := fmt.Sprintf("the log of samples was damaged: %s of %s could be read, %s", inKiB(after), inKiB(before), last)
	return setAside(in.opts.DataDir, "samples", what, kept)
}

// setAside moves what is damaged into a folder that says what was lost.
func setAside(dataDir, name, what string, paths ...string) error {
	folder := filepath.Join(dataDir, name+"-damaged-"+time.Now().Format("20060102-150405"))
	err := os.MkdirAll(folder, 0o700)
	for _, path := range paths {
		if err == nil {
			err = os.Rename(path, filepath.Join(folder, filepath.Base(path)))
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, damageFile), []byte(what+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("setting damaged data aside: %w", err)
	}
	return nil
}

// damages says what was set aside, and where it is.
func damages(dataDir string) []string {
	var all []string
	// The pattern is a good one.
	folders, _ := filepath.Glob(filepath.Join(dataDir, damagedFolders))
	for _, folder := range folders {
		what, err := os.ReadFile(filepath.Join(folder, damageFile))
		if err != nil {
			continue // it is being made, or removed
		}
		all = append(all, fmt.Sprintf("%s; what there was is in %s: remove it, and this is not said any more",
			strings.TrimSpace(string(what)), folder))
	}
	return all
}

// sizeOf is how much a file takes, or the files of a folder.
func sizeOf(dir string) int64 {
	total := int64(0)
	// What cannot be looked at counts nothing.
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

func inKiB(bytes int64) string { return fmt.Sprintf("%d KiB", bytes>>10) }
