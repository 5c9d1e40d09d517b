// Command bench measures what diorama promises, with the binary that users
// run, and writes the figures as JSON with the machine they were taken on.
//
// It is no test: a figure says what one machine did, and is read by people.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// report is the file that is written.
type report struct {
	Taken   time.Time `json:"taken"`
	Version string    `json:"version"`
	Machine machine   `json:"machine"`
	Figures []figure  `json:"figures"`
}

// figure is one measured number.
type figure struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Value is the middle of Samples, or the one that there is.
	Value float64 `json:"value"`
	// AtMost is what was promised; absent where the figure only informs.
	AtMost  *float64  `json:"atMost,omitempty"`
	Samples []float64 `json:"samples,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	binary := flag.String("binary", "bin/diorama", "the diorama to measure")
	output := flag.String("output", "out/bench.json", "file for the figures")
	runs := flag.Int("runs", 3, "how often up and down are measured")
	warmUp := flag.Duration("warm-up", time.Minute, "how long an environment runs before its memory is read")
	history := flag.Duration("history", 0,
		"how long it runs on before its dashboards are measured; with 1h the last hour is full")
	hold := flag.Duration("hold", 5*time.Minute,
		"how long the large cluster is watched for failed scrapes; 0 leaves it out")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()

	path, err := filepath.Abs(*binary)
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, binary: path}
	measured := errors.Join(b.small(*runs, *warmUp, *history), b.refusal(5))
	if *hold > 0 {
		measured = errors.Join(measured, b.large(*hold))
	}
	version, err := b.version()
	if err != nil {
		return errors.Join(measured, err)
	}
	r := report{
		Taken: time.Now().UTC().Truncate(time.Second), Version: version, Machine: thisMachine(), Figures: b.figures,
	}
	return errors.Join(measured, write(*output, r))
}

func write(path string, r report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if _, err := os.Stdout.Write(data); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
