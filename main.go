// Command diorama is a Kubernetes observability lab in one binary.
package main

import (
	"os"

	"github.com/diorama-lab/diorama/internal/cli"
)

func main() {
	os.Exit(cli.Main(cli.Arguments(os.Args), os.Stdout, os.Stderr))
}
