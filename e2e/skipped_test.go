//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// skipped has the names of the tests that this machine cannot run, by the reason.
var skipped struct {
	sync.Mutex
	tests map[string][]string
}

// skip ends a test that this machine cannot run. Without -v `go test` does not
// mention it, so TestMain does.
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	skipped.Lock()
	if skipped.tests == nil {
		skipped.tests = map[string][]string{}
	}
	skipped.tests[reason] = append(skipped.tests[reason], t.Name())
	skipped.Unlock()
	t.Skip(reason)
}

// reportSkipped says what did not run, and why.
func reportSkipped() {
	for _, reason := range slices.Sorted(maps.Keys(skipped.tests)) {
		tests := skipped.tests[reason]
		fmt.Printf("skipped, %s: %d tests (%s)\n", reason, len(tests), strings.Join(tests, " "))
	}
}
