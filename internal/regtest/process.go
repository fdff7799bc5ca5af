package regtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fulmen-ln/fulmen/internal/process"
)

const (
	// startTimeout is how long a daemon may take to answer, stopTimeout to end before it is killed.
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	// pollEvery is how often a daemon is asked whether it is there yet.
	pollEvery = 20 * time.Millisecond
)

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
	child, err := process.Spawn(c.state.Binary, c.arguments(), log, c.state.Detached)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.state.Binary, err)
	}
	c.child = child
	c.state.Process = process.Of(child.Command.Process.Pid)
	if err := c.save(); err != nil {
		return errors.Join(err, c.end(ctx))
	}
	if err := c.ready(ctx); err != nil {
		return errors.Join(err, c.end(ctx), errors.New(process.Tail(log)))
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
		ended = c.child.Ended
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
			return fmt.Errorf("%s ended: %w", c.Kind, c.child.Err)
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
		c.state.Process.Signal(syscall.SIGKILL) // one that is gone already is as good
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
		case <-c.child.Ended:
			return false
		default:
			return true
		}
	}
	return c.state.Process.Alive()
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
	c.child, c.state.Process = nil, process.ID{}
	if err := c.save(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
