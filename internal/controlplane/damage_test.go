package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/etcd/server/v3/storage/wal"
)

func TestDamaged(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a sum":         {fmt.Errorf("%w: expected: 1 computed: 2: in file 'x'", wal.ErrCRCMismatch), true},
		"said":          {fmt.Errorf("failed to read WAL: %w", wal.ErrFileNotFound), true},
		"a panic":       {panicError{errors.New("unmarshal should never fail")}, true},
		"the database":  {errors.New("failed to open database: invalid database"), true},
		"a full disk":   {fmt.Errorf("failed to read WAL, cannot be repaired: %w", full), false},
		"a port":        {fmt.Errorf("listen: %w", syscall.EADDRINUSE), false},
		"a certificate": {errors.New("tls: failed to find any PEM data in certificate input"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := damaged(test.err); got != test.want {
				t.Errorf("%v is damage: %t", test.err, got)
			}
		})
	}
	said := (&DamagedError{Dir: "/x/data/etcd", Err: errors.New("a\nb")}).Error()
	if strings.Contains(said, "\n") || !strings.Contains(said, "`mv /x/data/etcd /x/data/etcd.damaged`") {
		t.Errorf("it says %q", said)
	}
}
