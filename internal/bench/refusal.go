package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// refusal measures how long it takes until a collector configuration is refused that
// does not load.
func (b *bench) refusal(runs int) error {
	return b.inLab(func(l lab) error {
		path := filepath.Join(l.home, "collector.yaml")
		if err := os.WriteFile(path, []byte("receivers:\n  nonsense: {}\n"), 0o600); err != nil {
			return err
		}
		var samples []float64
		for range runs {
			began := time.Now()
			_, err := l.diorama("up", "--ports", "auto", "--collector-config", path)
			samples = append(samples, time.Since(began).Seconds())
			if err == nil || !strings.Contains(err.Error(), path+":2: ") {
				return errors.Join(fmt.Errorf("%s was not refused for its second line", path), err)
			}
		}
		b.add("a collector configuration that does not load: until it is refused", "s", new(2.0), samples...)
		return nil
	})
}
