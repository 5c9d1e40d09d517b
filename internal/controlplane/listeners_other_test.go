//go:build !linux

package controlplane

import "testing"

func (l *lab) testListeners(t *testing.T) { t.Skip("reads Linux' /proc") }
