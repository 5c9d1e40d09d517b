//go:build !linux

package logfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirect lets what is written to a file go to another one from now on.
func redirect(to, from *os.File) error { return unix.Dup2(int(to.Fd()), int(from.Fd())) }
