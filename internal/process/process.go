// Package process starts daemons for tests, the lab and the demo, and finds them again: by another process, after ids were
// used anew.
package process

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// ID names a process for good: numbers are used again, together with the time of the start they are not.
type ID struct {
	PID     int
	Started string // by the kernel's clock; empty where it does not say
}

// Of names a running process.
func Of(pid int) ID { return ID{PID: pid, Started: startTime(pid)} }

// Alive says whether this very process runs still.
func (p ID) Alive() bool {
	if p.PID == 0 || syscall.Kill(p.PID, 0) != nil {
		return false
	}
	return startTime(p.PID) == p.Started
}

// Signal sends to the process if it is still the same one; false where it is gone.
func (p ID) Signal(s syscall.Signal) bool { return p.Alive() && syscall.Kill(p.PID, s) == nil }

// startTime is the 22nd field of /proc/<id>/stat; "ended" for a zombie, empty where there is no such file.
func startTime(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the name in brackets, which may hold anything.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return "ended"
	}
	return fields[19]
}

// Child is a daemon that this process started.
type Child struct {
	Command *exec.Cmd
	Ended   chan struct{} // closed when it has ended
	Err     error         // how; to be read after Ended
}

// Spawn starts the binary with its output appended to a file. A daemon that is not detached is killed when this process ends.
//
// One thread starts it and waits for it: the signal that ends the child with its parent is sent when the thread ends that was
// the parent.
func Spawn(binary string, args []string, log string, detached bool) (*Child, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	c := &Child{Command: exec.Command(binary, args...), Ended: make(chan struct{})}
	c.Command.Stdout, c.Command.Stderr = out, out
	c.Command.SysProcAttr = attributes(detached)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := c.Command.Start()
		started <- err
		if err == nil {
			c.Err = c.Command.Wait()
		}
		close(c.Ended)
	}()
	err = <-started
	return c, errors.Join(err, out.Close())
}

// Tail is the end of a log file, or why it cannot be read.
func Tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const length = 2000
	return path + ":\n" + string(b[max(0, len(b)-length):])
}

// Ports for daemons lie below those that systems give to outgoing connections: a daemon that restarts finds its own free.
const firstPort, lastPort = 10_000, 32_000

// FreeAddresses finds n ports of this machine that nobody listens on.
func FreeAddresses(n int) ([]string, error) {
	const tries = 1000
	var addresses []string
	for range tries {
		if len(addresses) == n {
			break
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err != nil {
			continue // taken
		}
		defer l.Close() // all at the end, so that they differ
		addresses = append(addresses, l.Addr().String())
	}
	if len(addresses) < n {
		return nil, fmt.Errorf("found %d free ports of %d in %d tries", len(addresses), n, tries)
	}
	return addresses, nil
}
