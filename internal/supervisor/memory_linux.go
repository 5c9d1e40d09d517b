package supervisor

import (
	"context"

	"github.com/shirou/gopsutil/v4/process"
)

// memoryShare reads both from one look: a process that grows between two would
// have a share larger than itself.
func memoryShare(ctx context.Context, p *process.Process) (resident, share uint64, known bool) {
	maps, err := p.MemoryMapsWithContext(ctx, true)
	if err != nil || len(*maps) != 1 || (*maps)[0].Pss == 0 {
		return 0, 0, false
	}
	// They are in KiB.
	return (*maps)[0].Rss << 10, (*maps)[0].Pss << 10, true
}
