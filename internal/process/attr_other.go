//go:build unix && !linux

package process

import "syscall"

// attributes: a detached daemon is in a session of its own. Only Linux can end a child with its parent.
func attributes(detached bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: detached}
}
