package controlplane

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testListeners reads what the kernel says about the programs' sockets.
func (l *lab) testListeners(t *testing.T) {
	for name, program := range l.programs {
		addresses := listeners(t, program.cmd.Process.Pid)
		if len(addresses) == 0 {
			t.Errorf("%s listens nowhere", name)
		}
		for _, address := range addresses {
			if !address.IsLoopback() {
				t.Errorf("%s listens on %s", name, address)
			}
		}
	}
}

// listeners returns the addresses that a process listens on.
func listeners(t *testing.T, pid int) []net.IP {
	t.Helper()
	const listening = "0A"
	sockets := socketsOf(t, pid)
	var addresses []net.IP
	for _, table := range []string{"tcp", "tcp6"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n")[1:] {
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != listening || !sockets[fields[9]] {
				continue
			}
			addresses = append(addresses, parseAddress(t, fields[1]))
		}
	}
	return addresses
}

// socketsOf returns the inodes of a process's sockets.
func socketsOf(t *testing.T, pid int) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	sockets := map[string]bool{}
	for _, file := range files {
		// A file that was closed meanwhile is no listener.
		if target, err := os.Readlink(file); err == nil && strings.HasPrefix(target, "socket:[") {
			sockets[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	return sockets
}

// parseAddress reads the kernel's form: words of four bytes, least first.
func parseAddress(t *testing.T, text string) net.IP {
	t.Helper()
	word, _, _ := strings.Cut(text, ":")
	address, err := hex.DecodeString(word)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(address, 4) {
		slices.Reverse(chunk)
	}
	return net.IP(address)
}
