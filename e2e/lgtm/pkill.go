package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pkill sends SIGTERM, or the signal of -9 or -STOP, to the processes of a name.
func pkill(proc string, args []string) error {
	signals := map[string]syscall.Signal{
		"-9": syscall.SIGKILL, "-KILL": syscall.SIGKILL, "-TERM": syscall.SIGTERM, "-STOP": syscall.SIGSTOP, "-CONT": syscall.SIGCONT,
	}
	signal := syscall.SIGTERM
	if len(args) == 2 {
		var known bool
		if signal, known = signals[args[0]]; !known {
			return fmt.Errorf("pkill: %s is no signal that is known here", args[0])
		}
		args = args[1:]
	}
	if len(args) != 1 {
		return errors.New("pkill: use pkill [-SIGNAL] NAME")
	}
	names, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	if err != nil {
		return err
	}
	found := false
	for _, file := range names {
		name, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(name)) != args[0] {
			continue // another, or one that has ended since
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, signal); err != nil {
			return fmt.Errorf("pkill: process %d: %w", pid, err)
		}
		found = true
	}
	if !found {
		return fmt.Errorf("pkill: no process is named %s", args[0])
	}
	return nil
}
