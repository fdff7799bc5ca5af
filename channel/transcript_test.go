package channel_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

var rewrite = flag.Bool("rewrite", false, "write what the machines do into the transcripts")

// TestTranscripts runs testdata/transcripts: blocks of commands, "----", and what left the nodes.
// `go test ./channel -run Transcripts -rewrite` writes them anew; the difference is for the eye.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := runTranscript(string(text))
			if *rewrite {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(text), got)
		})
	}
}

func runTranscript(text string) string {
	var out strings.Builder
	s := &stage{out: &out}
	for i, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			out.WriteString("\n")
		}
		commands, _, _ := strings.Cut(block, "\n----")
		out.WriteString(commands + "\n----\n")
		for _, line := range strings.Split(commands, "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				s.run(line)
			}
		}
	}
	return out.String()
}

// stage is where a transcript plays.
type stage struct {
	pair *sim.Pair
	out  *strings.Builder
	hold bool // no commit after each command
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// args are key=value words.
type args map[string]string

func (a args) num(key string, other uint64) uint64 {
	v, ok := a[key]
	if !ok {
		return other
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func parse(line string) (words []string, a args) {
	a = args{}
	for _, w := range strings.Fields(line) {
		if k, v, ok := strings.Cut(w, "="); ok {
			a[k] = v
		} else {
			words = append(words, w)
		}
	}
	return words, a
}

func (s *stage) node(name string) *sim.Node {
	if name == "A" {
		return s.pair.A
	}
	return s.pair.B
}

func (s *stage) run(line string) {
	words, a := parse(line)
	switch words[0] {
	case "open", "ready":
		s.begin(words[0], a)
	case "confirm":
		s.pair.Confirm(uint32(a.num("depth", 3)))
	case "connect":
		sim.Connect(s.pair.A, s.pair.B)
	case "disconnect":
		sim.Disconnect(s.pair.A, s.pair.B)
	case "run":
		s.pair.Settle()
	case "hold":
		s.hold = a["off"] == ""
	case "info":
		s.info()
	default:
		s.event(words, a)
	}
	if s.pair != nil && !s.hold {
		for s.pair.A.Dirty() || s.pair.B.Dirty() {
			s.pair.A.Commit()
			s.pair.B.Commit()
		}
	}
}

func (s *stage) begin(how string, a args) {
	setup := sim.Setup{Seed: byte(a.num("seed", 1)), Capacity: btcutil.Amount(a.num("capacity", 1_000_000)),
		Push: lnwire.MilliSatoshi(a.num("push", 300_000_000)), FeeRate: lnwire.FeePerKW(a.num("rate", 1000)), Announce: a["announce"] == "yes"}
	if how == "ready" {
		s.pair = sim.Ready(setup)
	} else {
		s.pair = sim.NewPair(setup)
		s.watch()
		s.pair.Begin(setup)
	}
	s.watch()
}

func (s *stage) watch() {
	for _, n := range []*sim.Node{s.pair.A, s.pair.B} {
		n.Released = func(from *sim.Node, msg lnwire.Message) { s.say("%s> %s", from.Name, describe(msg)) }
		n.Handler = func(out *channel.Effects) { s.effects(n, out) }
	}
}

// event applies "name node …".
func (s *stage) event(words []string, a args) {
	n := s.node(words[1])
	id := a.num("id", 0)
	var ev channel.Event
	switch words[0] {
	case "deliver":
		for range a.num("n", 1) {
			if !n.Deliver() {
				s.say("%s nothing waits", n.Name)
			}
		}
		return
	case "commit":
		n.Commit()
		return
	case "crash":
		n.Crash()
		return
	case "inject":
		n.Must(channel.Received{Msg: s.forge(n, words[2], a)})
		return
	case "flush":
		ev = channel.Flush{}
	case "offer":
		ev = channel.Offer{Amount: lnwire.MilliSatoshi(a.num("amount", 0)), Hash: hashOf(byte(a.num("secret", 1))), Expiry: uint32(a.num("expiry", 1100)),
			Onion: &[lnwire.OnionPacketSize]byte{}, Origin: channel.Origin{ID: a.num("origin", 7)}}
	case "settle":
		ev = channel.Settle{ID: id, Preimage: preimage(byte(a.num("secret", 1)))}
	case "reject":
		ev = channel.Reject{ID: id, Reason: []byte("because")}
	case "malformed":
		ev = channel.RejectMalformed{ID: id, Code: uint16(a.num("code", 0xc005))}
	case "fee":
		ev = channel.SetFee{FeeRate: lnwire.FeePerKW(a.num("rate", 2000))}
	case "block":
		n.Height = lnwire.Height(a.num("height", 0))
		ev = channel.Block{Height: n.Height}
	case "shut":
		ev = channel.Shut{FeeRate: lnwire.FeePerKW(a.num("rate", 0)), Force: a["force"] == "yes"}
	case "spent":
		ev = channel.Spent{Fact: resolve.Fact{OutPoint: s.pair.A.Machine.Info().Funding, Tx: s.published(a["tx"]), Height: lnwire.Height(a.num("height", 1010))}}
	default:
		panic("no command " + words[0])
	}
	if err := n.Step(ev); err != nil {
		s.say("%s %v", n.Name, err)
	}
}

func (s *stage) effects(n *sim.Node, out *channel.Effects) {
	if out.Fund != nil {
		s.say("%s fund %d", n.Name, out.Fund.Amount)
		s.pair.Funding = sim.FundingTx(1, out.Fund)
		n.Must(channel.Funded{Tx: s.pair.Funding})
	}
	for _, tx := range out.Broadcast {
		s.say("%s broadcast %s", n.Name, s.txName(tx))
	}
	for _, h := range out.Incoming {
		s.say("%s incoming %d of %d, doomed %v", n.Name, h.ID, h.Amount, h.Doomed)
	}
	for _, o := range out.Outcomes {
		s.say("%s outcome %d for %d: %s", n.Name, o.ID, o.Origin.ID, describeOutcome(o))
	}
	for _, w := range out.Watch {
		s.say("%s watch output %d", n.Name, w.OutPoint.Index)
	}
	for _, c := range out.Claims {
		s.say("%s claim %d of output %d, mature at %d, deadline %d", n.Name, c.Output.Value, c.OutPoint.Index, c.MatureAt(), c.Deadline)
	}
	if out.Announce != nil {
		s.say("%s announce %v", n.Name, out.Announce.SCID)
	}
	for _, x := range out.Notices {
		s.say("%s notice %s", n.Name, describeNotice(x))
	}
	if out.Disconnect {
		s.say("%s disconnects", n.Name)
	}
}

func (s *stage) info() {
	for _, n := range []*sim.Node{s.pair.A, s.pair.B} {
		i := n.Machine.Info()
		s.say("%s %v active=%v local=%d remote=%d spendable=%d receivable=%d rate=%d commitments=%d/%d", n.Name, i.Phase, i.Active,
			i.Local.Balance, i.Remote.Balance, i.Spendable, i.Receivable, i.FeeRate, i.LocalNumber, i.RemoteNumber)
		for _, h := range i.HTLCs {
			s.say("  incoming=%v %d %v of %d", h.Incoming, h.ID, h.Stage, h.Amount)
		}
	}
}
