package backend

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// flip changes three bytes in the middle of a file.
func flip(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		data[len(bytes.TrimRight(data, "\x00"))/3+i] ^= 0xff
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

// fillLog stores so much that a log of several pages is left, and stops.
func fillLog(t *testing.T, dir string) {
	t.Helper()
	b := start(t, Options{DataDir: dir})
	now := time.Now().Add(-time.Minute)
	for second := range 60 {
		md := pmetric.NewMetrics()
		for node := range 200 {
			at := now.Add(time.Duration(second) * time.Second)
			gauge(resource(md, "service.name", strconv.Itoa(node)), "used", "", at, rand.Float64())
		}
		mustPush(t, b.url, md)
	}
	b.stop()
}

// What a damaged log has lost is said for as long as the copy of it is there.
func TestDamagedLogIsReported(t *testing.T) {
	dir := t.TempDir()
	fillLog(t, dir)
	path := filepath.Join(dir, "tsdb", "wal", "00000000")
	damaged := flip(t, path)
	b := start(t, Options{DataDir: dir})
	said := ingestion(t, b.url).Damages
	if len(said) != 1 || !strings.Contains(said[0], "the log of samples was damaged: ") ||
		!strings.Contains(said[0], " could be read, its last sample is of ") || strings.Contains(said[0], "\n") {
		t.Fatalf("it says %q", said)
	}
	copies, err := filepath.Glob(filepath.Join(dir, "samples-damaged-*", "logs-before", "wal", "00000000"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("the copies are %q, %v", copies, err)
	}
	if kept, err := os.ReadFile(copies[0]); err != nil || !bytes.Equal(kept, damaged) {
		t.Errorf("the copy has %d bytes, %v; the log had %d", len(kept), err, len(damaged))
	}
	b.stop()
	b = start(t, Options{DataDir: dir})
	if again := ingestion(t, b.url).Damages; len(again) != 1 || again[0] != said[0] {
		t.Errorf("after another start it says %q", again)
	}
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(filepath.Dir(copies[0])))); err != nil {
		t.Fatal(err)
	}
	if left := ingestion(t, b.url).Damages; len(left) != 0 {
		t.Errorf("without the copy it says %q", left)
	}
}

// A good log, and one whose end was being written, are nothing to speak of.
func TestTornLogIsNotReported(t *testing.T) {
	dir := t.TempDir()
	fillLog(t, dir)
	segments, err := filepath.Glob(filepath.Join(dir, "tsdb", "wal", "0*"))
	if err != nil {
		t.Fatal(err)
	}
	last := segments[len(segments)-1]
	b := start(t, Options{DataDir: dir})
	if said := ingestion(t, b.url).Damages; len(said) != 0 {
		t.Errorf("of a good log it says %q", said)
	}
	b.stop()
	info, err := os.Stat(last)
	if err == nil {
		err = os.Truncate(last, info.Size()-100)
	}
	if err != nil {
		t.Fatal(err)
	}
	b = start(t, Options{DataDir: dir})
	if said := ingestion(t, b.url).Damages; len(said) != 0 {
		t.Errorf("of a torn log it says %q", said)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "logs-before")); err != nil || len(left) != 0 {
		t.Errorf("it has left %q, %v", left, err)
	}
}

// Events that cannot be read are set aside, and do not keep the samples from being
// served.
func TestDamagedEventsAreBegunAnew(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"flipped": func(t *testing.T, path string) { flip(t, path) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			start(t, Options{DataDir: dir}).stop()
			path := filepath.Join(dir, "events.db")
			damage(t, path)
			b := start(t, Options{DataDir: dir})
			said := ingestion(t, b.url).Damages
			if name == "flipped" && len(said) == 0 {
				return // three bytes that hold nothing
			}
			if len(said) != 1 || !strings.Contains(said[0], "the stored events were damaged") {
				t.Errorf("it says %q", said)
			}
		})
	}
}
