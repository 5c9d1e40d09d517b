package controlplane

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// programEnv makes the test binary one of the control plane's programs: they
// share global state, so that each needs a process of its own.
const programEnv = "DIORAMA_TEST_PROGRAM"

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	name := os.Getenv(programEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := runProgram(name, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runProgram runs until SIGTERM, or until the test that started it has gone:
// standard input is a pipe whose other end the kernel closes then.
func runProgram(name string, args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	for _, program := range Programs() {
		if program.Name == name {
			return program.Run(ctx, args)
		}
	}
	return fmt.Errorf("there is no program %q", name)
}
