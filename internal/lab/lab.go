package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fulmen-ln/fulmen/internal/process"
	"github.com/fulmen-ln/fulmen/internal/regtest"
)

// MaxNodes bounds a lab: every node is a process, and all share this machine.
const MaxNodes = 26

var (
	// ErrNoLab: there is no lab in the folder.
	ErrNoLab = errors.New("there is no lab here; `fulmen lab up` makes one")
	// ErrExists: there is one already.
	ErrExists = errors.New("there is a lab here already; `fulmen lab down` removes it")
	// ErrNoNode: the lab has no node of that name.
	ErrNoNode = errors.New("the lab has no such node")
	// ErrNoFulmend: the daemon's binary was not found.
	ErrNoFulmend = errors.New("fulmend is neither beside this program nor on PATH; `make build` makes it, $FULMEND names another")
)

// Options of a new lab.
type Options struct {
	Nodes    int
	Topology Topology
	Chain    regtest.Kind
	Binary   string   // fulmend; empty: found
	Args     []string // more arguments for every node
	Detached bool     // the processes outlive this one
}

// Lab is a chain and its nodes.
type Lab struct {
	Chain    *regtest.Chain
	dir      string
	state    state
	children map[string]*process.Child
}

// state is the file lab.json.
type state struct {
	Binary   string
	Args     []string
	Detached bool
	Topology Topology
	Nodes    []*Node
}

const stateFile = "lab.json"

// names of nodes, in order.
var names = [MaxNodes]string{
	"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim", "leo", "mallory", "niaj",
	"olivia", "peggy", "quentin", "rupert", "sybil", "trent", "ursula", "victor", "walter", "xena", "yves", "zoe",
}

// Up makes a lab in dir and starts it: chain, nodes, and no channels. On an error nothing is left running.
func Up(ctx context.Context, dir string, o Options) (*Lab, error) {
	if o.Nodes < 0 || o.Nodes > MaxNodes {
		return nil, fmt.Errorf("a lab has at most %d nodes, not %d", MaxNodes, o.Nodes)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, stateFile)); err == nil {
		return nil, ErrExists
	}
	if o.Binary == "" {
		if o.Binary, err = findBinary(); err != nil {
			return nil, err
		}
	}
	l := &Lab{dir: dir, children: make(map[string]*process.Child),
		state: state{Binary: o.Binary, Args: o.Args, Detached: o.Detached, Topology: o.Topology}}
	var chain []regtest.Option
	if o.Detached {
		chain = append(chain, regtest.Detached())
	}
	if l.Chain, err = regtest.Start(ctx, filepath.Join(dir, "chain"), o.Chain, chain...); err != nil {
		return nil, fmt.Errorf("start the chain: %w", err)
	}
	if err := l.grow(ctx, o.Nodes); err != nil {
		return nil, errors.Join(err, l.Down(ctx))
	}
	return l, nil
}

// grow mines what miners need to pay with, and starts n nodes.
func (l *Lab) grow(ctx context.Context, n int) error {
	const maturity = 101
	if _, err := l.Chain.Mine(ctx, maturity); err != nil {
		return fmt.Errorf("mine: %w", err)
	}
	for i := range n {
		if _, err := l.Add(ctx, names[i]); err != nil {
			return err
		}
	}
	return nil
}

// Attach finds a lab that another process made.
func Attach(ctx context.Context, dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoLab
	}
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir, children: make(map[string]*process.Child)}
	if err := json.Unmarshal(b, &l.state); err != nil {
		return nil, fmt.Errorf("read %s: %w", stateFile, err)
	}
	if l.Chain, err = regtest.Attach(ctx, filepath.Join(dir, "chain")); err != nil {
		return nil, fmt.Errorf("find the chain: %w", err)
	}
	return l, nil
}

// Dir is the lab's folder.
func (l *Lab) Dir() string { return l.dir }

// Topology that the lab was made with.
func (l *Lab) Topology() Topology { return l.state.Topology }

// Nodes lists them in order.
func (l *Lab) Nodes() []*Node { return l.state.Nodes }

// Node finds one by name, or ErrNoNode with the names that there are.
func (l *Lab) Node(name string) (*Node, error) {
	var all []string
	for _, n := range l.state.Nodes {
		if n.Name == name {
			return n, nil
		}
		all = append(all, n.Name)
	}
	return nil, fmt.Errorf("%w: %q; there are %v", ErrNoNode, name, all)
}

// save writes lab.json, whole or not at all.
func (l *Lab) save() error {
	b, err := json.MarshalIndent(&l.state, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, stateFile)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Halt stops nodes and chain and keeps the folder.
func (l *Lab) Halt(ctx context.Context) error {
	var errs []error
	for _, n := range l.state.Nodes {
		errs = append(errs, l.Stop(ctx, n.Name))
	}
	if l.Chain != nil {
		errs = append(errs, l.Chain.Stop(ctx))
	}
	return errors.Join(errs...)
}

// Down stops everything and removes what the lab made.
func (l *Lab) Down(ctx context.Context) error {
	if err := l.Halt(ctx); err != nil {
		return err
	}
	for _, n := range l.state.Nodes {
		if err := os.RemoveAll(n.Dir); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(filepath.Join(l.dir, "chain")), os.RemoveAll(filepath.Join(l.dir, stateFile)))
}

// findBinary looks for fulmend: $FULMEND, beside this program, on PATH.
func findBinary() (string, error) {
	if path := os.Getenv("FULMEND"); path != "" {
		return path, nil
	}
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), "fulmend")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	path, err := lookPath("fulmend")
	if err != nil {
		return "", ErrNoFulmend
	}
	return path, nil
}
