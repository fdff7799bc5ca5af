package regtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// startTimeout is how long a daemon may take to answer, stopTimeout to end before it is killed.
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	// pollEvery is how often a daemon is asked whether it is there yet.
	pollEvery = 20 * time.Millisecond
)

// process names a process for good: ids are used again, together with the time of the start they are not.
type process struct {
	ID      int
	Started string // by the kernel's clock; empty where it does not say
}

func nameProcess(id int) process { return process{ID: id, Started: startTime(id)} }

// alive says whether this very process runs still.
func (p process) alive() bool {
	if p.ID == 0 || syscall.Kill(p.ID, 0) != nil {
		return false
	}
	return startTime(p.ID) == p.Started
}

// startTime is the 22nd field of /proc/<id>/stat; empty for a zombie, or where there is no such file.
func startTime(id int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
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

// child is a daemon that this process started.
type child struct {
	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
	err     error         // how; to be read after ended
}

// spawn starts the binary with its output in a file. One thread starts it and waits for it: the signal that ends the child with
// its parent is sent when the thread ends that was the parent.
func spawn(binary string, args []string, log string, detached bool) (*child, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.Command(binary, args...), ended: make(chan struct{})}
	c.command.Stdout, c.command.Stderr = out, out
	c.command.SysProcAttr = attributes(detached)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := c.command.Start()
		started <- err
		if err == nil {
			c.err = c.command.Wait()
		}
		close(c.ended)
	}()
	err = <-started
	return c, errors.Join(err, out.Close())
}

// launch starts the daemon and waits until it answers.
func (c *Chain) launch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Kind == Btcd {
		// Else btcd reads the user's own.
		if err := os.WriteFile(filepath.Join(c.dir, "btcd.conf"), nil, 0o600); err != nil {
			return err
		}
	}
	log := filepath.Join(c.dir, string(c.Kind)+".log")
	child, err := spawn(c.state.Binary, c.arguments(), log, c.state.Detached)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.state.Binary, err)
	}
	c.child = child
	c.state.Process = nameProcess(child.command.Process.Pid)
	if err := c.save(); err != nil {
		return errors.Join(err, c.end(ctx))
	}
	if err := c.ready(ctx); err != nil {
		return errors.Join(err, c.end(ctx), errors.New(tail(log)))
	}
	if err := c.replay(ctx); err != nil {
		return errors.Join(err, c.end(ctx))
	}
	return nil
}

// ready polls until the daemon answers.
func (c *Chain) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var ended <-chan struct{}
	if c.child != nil {
		ended = c.child.ended
	}
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		version, err := c.askVersion(ctx)
		if err == nil {
			c.version = version
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("%s ended: %w", c.Kind, c.child.err)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w): %w", c.Kind, err, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Stop ends the daemon and waits for it.
func (c *Chain) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end(ctx)
}

// Restart ends the daemon, if it runs, and starts it again on the same ports and data.
func (c *Chain) Restart(ctx context.Context) error {
	if err := c.Stop(ctx); err != nil {
		return err
	}
	return c.launch(ctx)
}

// Kill ends the daemon without warning, as a power cut does.
func (c *Chain) Kill(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kill(ctx)
}

// end asks the daemon to stop, and kills it when it does not.
func (c *Chain) end(ctx context.Context) error {
	if !c.running() {
		return c.noteEnd()
	}
	patience, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := c.rpc.Call(patience, "stop", nil); err == nil {
		if c.wait(patience) == nil {
			return c.noteEnd()
		}
	}
	return c.kill(ctx)
}

func (c *Chain) kill(ctx context.Context) error {
	if c.running() {
		if err := syscall.Kill(c.state.Process.ID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill %s: %w", c.Kind, err)
		}
		// Even where ctx has ended: a killed process ends at once.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := c.wait(last); err != nil {
			return err
		}
	}
	return c.noteEnd()
}

func (c *Chain) running() bool {
	if c.child != nil {
		select {
		case <-c.child.ended:
			return false
		default:
			return true
		}
	}
	return c.state.Process.alive()
}

// wait returns when the daemon has ended.
func (c *Chain) wait(ctx context.Context) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for c.running() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to end: %w", c.Kind, ctx.Err())
		case <-ticker.C: // another process's child does not tell us
		}
	}
	return nil
}

// noteEnd takes the process out of the state file, unless the whole folder is gone.
func (c *Chain) noteEnd() error {
	c.child, c.state.Process = nil, process{}
	if err := c.save(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// tail is the end of a log file.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const length = 2000
	return path + ":\n" + string(b[max(0, len(b)-length):])
}

// freeAddresses finds n ports of this machine that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all at the end, so that they differ
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
