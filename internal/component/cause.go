package component

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// BlockedError is what a probe returns of a component that answers, but cannot work
// for a reason outside of it, such as a full disk: it is not Ready, and another run
// would be no better.
type BlockedError struct{ Reason string }

// Error returns the reason.
func (e *BlockedError) Error() string { return e.Reason }

func blocked(err error) bool { return errors.As(err, new(*BlockedError)) }

// ExitDamaged is what a process ends with that cannot read its data: that is what
// sysexits.h calls EX_DATAERR. Its last error says all that there is to say.
const ExitDamaged = 65

// SpaceNeeded is how much has to be free on the disk of an environment's folder: with
// less, etcd cannot begin a new log, and the backend takes no samples.
const SpaceNeeded = 64 << 20

// CheckSpace returns an error if a disk has less space left than SpaceNeeded.
func CheckSpace(dir string) error {
	var stat unix.Statfs_t
	if unix.Statfs(dir, &stat) != nil {
		return nil // a folder that cannot be asked is no full disk
	}
	// The types of the fields differ between systems.
	free := uint64(stat.Bavail) * uint64(stat.Bsize)
	if free >= SpaceNeeded {
		return nil
	}
	return fmt.Errorf("no space left: %d MiB are free in %s, at least %d are needed", free>>20, dir, SpaceNeeded>>20)
}

// why adds to how a run ended what its log, which had begun bytes before it, gives as
// the reason, and that the disk is full. What was ended by a signal did not say why.
func why(reason, log string, begun int64) string {
	said := ""
	if !strings.HasPrefix(reason, "signal:") {
		said = logfile.LastError(logfile.Since(log, begun))
	}
	if said != "" {
		reason += ": " + said
	}
	if err := CheckSpace(filepath.Dir(log)); err != nil && log != "" {
		// The log is on that disk, too, and may lack its end.
		reason += "; " + err.Error()
	}
	return reason
}
