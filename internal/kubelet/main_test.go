package kubelet

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

// Every test ends its servers and watches.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}
