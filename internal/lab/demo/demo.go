// Package demo shows what the lab's nodes can do, as a story that a person can learn Lightning from: a network from nothing,
// payments over three hops with the fees that routers earn, a payment that fails, a node killed in mid-payment, a cooperative
// and a forced close. It ends with the books: not a satoshi may be missing.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/btcutil/v2"

	"github.com/fulmen-ln/fulmen/internal/lab"
	"github.com/fulmen-ln/fulmen/internal/regtest"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// The cast: four nodes in a line, so that alice's payment to dave crosses two routers.
const (
	alice = "alice"
	bob   = "bob"
	carol = "carol"
	dave  = "dave"
)

const (
	coins    = btcutil.Amount(10_000_000) // for each of the three that open channels
	capacity = btcutil.Amount(5_000_000)
)

// show is the story so far.
type show struct {
	*lab.Lab
	out    io.Writer
	step   int
	points []string // alice–bob, bob–carol, carol–dave
	funded btcutil.Amount
}

// Run tells the story in dir, which it leaves empty unless something goes wrong, and writes it to out. Any step that does not do what it says is an error.
func Run(ctx context.Context, out io.Writer, dir string, chain regtest.Kind) (err error) {
	s := &show{out: out}
	s.chapter("A chain and four nodes")
	s.say("Lightning moves bitcoin without writing to the chain each time, but its channels begin and end there. This chain is a",
		"private one (regtest): blocks come when we ask for them.")
	if s.Lab, err = lab.Up(ctx, dir, lab.Options{Nodes: 4, Topology: lab.Line, Chain: chain}); err != nil {
		return err
	}
	defer func() {
		end := s.Down
		if err != nil {
			end = s.Halt // the logs stay
		}
		err = errors.Join(err, end(context.WithoutCancel(ctx)))
	}()
	s.fact("chain: %v", s.Chain)
	for _, n := range s.Nodes() {
		s.fact("%-6s %s@%s", n.Name, n.Key, n.Peer)
	}
	for _, part := range []func(context.Context) error{
		s.channels, s.payments, s.failure, s.crash, s.cooperative, s.forced, s.books,
	} {
		if err := part(ctx); err != nil {
			return fmt.Errorf("in part %d: %w", s.step, err)
		}
	}
	return nil
}

// channels funds three nodes and opens the line.
func (s *show) channels(ctx context.Context) error {
	s.chapter("Channels")
	s.say("A channel is an output on the chain that two nodes can only spend together. alice, bob and carol each put some of their",
		"coins into one. All three are announced, so that everybody can find routes through them.")
	for _, name := range []string{alice, bob, carol} {
		if err := s.Fund(ctx, name, coins); err != nil {
			return err
		}
		s.funded += coins
	}
	for _, pair := range [][2]string{{alice, bob}, {bob, carol}, {carol, dave}} {
		point, err := s.Open(ctx, pair[0], pair[1], &lnrpc.OpenChannelRequest{LocalFundingAmount: int64(capacity)})
		if err != nil {
			return err
		}
		s.points = append(s.points, point)
		s.fact("%-6s opened %v to %-6s  %s", pair[0], capacity, pair[1], point)
	}
	if err := s.Known(ctx, len(s.points)); err != nil {
		return err
	}
	return s.balances(ctx)
}

// balances draws the line with who owns what.
func (s *show) balances(ctx context.Context) error {
	for i, pair := range [][2]string{{alice, bob}, {bob, carol}, {carol, dave}} {
		mine, theirs, err := s.sides(ctx, pair[0], s.points[i])
		if err != nil {
			return err
		}
		s.fact("%-6s %10d sat ├%s┤ %-10d sat %s", pair[0], mine, bar(mine, theirs), theirs, pair[1])
	}
	return nil
}

// bar divides thirty characters as the channel is divided.
func bar(mine, theirs int64) string {
	const width = 30
	at := 0
	if mine+theirs > 0 {
		at = int(mine * width / (mine + theirs))
	}
	b := make([]rune, width)
	for i := range b {
		b[i] = '─'
		if i < at {
			b[i] = '━'
		}
	}
	return string(b)
}

func (s *show) chapter(title string) {
	s.step++
	fmt.Fprintf(s.out, "\n%d. %s\n", s.step, title)
}

func (s *show) say(lines ...string) {
	for _, l := range lines {
		fmt.Fprintf(s.out, "   %s\n", l)
	}
}

func (s *show) fact(format string, args ...any) {
	fmt.Fprintf(s.out, "     "+format+"\n", args...)
}
