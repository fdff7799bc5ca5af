package channel_test

import (
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/channel/resolve"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// closing is a channel whose shutdown is complete; the messages of n's peer are written by the test.
type closing struct {
	t    *testing.T
	n    *sim.Node
	sent []lnwire.Message
	txs  []*wire.MsgTx
}

// closingOf stops the pair where n has what it needs to negotiate. n is A, the opener, or B.
func closingOf(t *testing.T, name string) *closing {
	p := sim.Ready(openSetup())
	p.A.Released, p.B.Released = nil, nil
	c := &closing{t: t, n: p.A}
	if name == "B" {
		c.n = p.B
	}
	p.A.Must(channel.Shut{FeeRate: 1000})
	p.A.Commit()
	p.B.Deliver()
	p.B.Commit()
	if name == "A" {
		p.A.Must(channel.Received{Msg: &lnwire.Shutdown{ChannelID: p.A.Machine.Info().ChannelID, Script: sim.Script('b')}})
	}
	c.collect()
	return c
}

// collect takes what n sends.
func (c *closing) collect() {
	c.n.Released = func(_ *sim.Node, msg lnwire.Message) { c.sent = append(c.sent, msg) }
	c.n.Handler = func(out *channel.Effects) { c.txs = append(c.txs, out.Broadcast...) }
	c.n.Commit()
}

// last is n's last closing_signed.
func (c *closing) last() *lnwire.ClosingSigned {
	c.t.Helper()
	m, ok := c.sent[len(c.sent)-1].(*lnwire.ClosingSigned)
	require.True(c.t, ok, "%T", c.sent[len(c.sent)-1])
	return m
}

// receive gives n a closing_signed of its peer, which signs as asked.
func (c *closing) receive(fee btcutil.Amount, bound *lnwire.FeeRange) {
	c.t.Helper()
	i, peer := c.n.Peer.Machine.Info(), c.n.Peer
	p := paramsOf(i)
	scripts := [2][]byte{sim.Script('a'), sim.Script('b')}
	balances := [2]btcutil.Amount{700_000, 300_000}
	if !i.Opener {
		scripts[0], scripts[1], balances[0], balances[1] = scripts[1], scripts[0], balances[1], balances[0]
	}
	tx, err := commitment.Closing(p, scripts, balances, fee, p.Opener)
	require.NoError(c.t, err)
	sig, err := peer.Signer.SignClosing(p, tx)
	require.NoError(c.t, err)
	c.n.Must(channel.Received{Msg: &lnwire.ClosingSigned{ChannelID: i.ChannelID, Fee: fee, Signature: sig, FeeRange: bound}})
	c.n.Commit()
}

func paramsOf(i channel.Info) *commitment.Params {
	opener := commitment.Remote
	if i.Opener {
		opener = commitment.Local
	}
	return &commitment.Params{Format: commitment.Anchors, Funding: i.Funding, Capacity: i.Capacity, Opener: opener, Parties: [2]commitment.Party{
		{Basepoints: i.Local.Basepoints, DustLimit: i.Local.DustLimit, ToSelfDelay: i.Remote.ToSelfDelay},
		{Basepoints: i.Remote.Basepoints, DustLimit: i.Remote.DustLimit, ToSelfDelay: i.Local.ToSelfDelay},
	}}
}

func (c *closing) agreed(fee btcutil.Amount) {
	c.t.Helper()
	require.Len(c.t, c.txs, 1)
	require.EqualValues(c.t, 1_000_000-int64(fee), c.txs[0].TxOut[0].Value+c.txs[0].TxOut[1].Value)
	require.NotNil(c.t, c.n.Machine.Info().Close.ClosingTx)
}

func (c *closing) complained(text string) {
	c.t.Helper()
	require.Empty(c.t, c.txs)
	switch m := c.sent[len(c.sent)-1].(type) {
	case *lnwire.Warning:
		require.Contains(c.t, string(m.Data), text)
	default:
		require.Failf(c.t, "no warning", "%T", m)
	}
}

func TestFeeThatIsAgreedOnTwiceIsToldOnce(t *testing.T) {
	c := closingOf(t, "B")
	c.receive(500, nil)
	c.agreed(500)
	sent := len(c.sent)
	c.receive(500, nil) // as LND does, which repeats what it has agreed on
	c.agreed(500)
	require.Len(t, c.sent, sent)
}

func TestTheOpenerTakesItsOwnFee(t *testing.T) {
	c := closingOf(t, "A")
	require.Equal(t, &lnwire.FeeRange{Min: 171, Max: 1352}, c.last().FeeRange)
	c.receive(c.last().Fee, nil)
	c.agreed(676)
}

func TestTheOpenerTakesAFeeInItsRangeAndRepeatsIt(t *testing.T) {
	for _, fee := range []btcutil.Amount{171, 1000, 1352} {
		c := closingOf(t, "A")
		c.receive(fee, &lnwire.FeeRange{Min: 100, Max: 2000})
		require.Equal(t, fee, c.last().Fee)
		c.agreed(fee)
	}
}

func TestTheOpenerWarnsOfARangeThatDoesNotOverlap(t *testing.T) {
	for _, r := range []lnwire.FeeRange{{Min: 1353, Max: 5000}, {Min: 1, Max: 170}} {
		c := closingOf(t, "A")
		c.receive(r.Min, &r)
		c.complained("does not overlap")
	}
}

func TestTheOpenerFailsTheChannelOverAFeeOutsideTheOverlap(t *testing.T) {
	c := closingOf(t, "A")
	c.receive(1353, &lnwire.FeeRange{Min: 1000, Max: 5000})
	require.IsType(t, &lnwire.Error{}, c.sent[len(c.sent)-1])
	require.True(t, c.n.Machine.Info().Close.Forced)
}

func TestTheOpenerHagglesWithPeersWithoutARange(t *testing.T) {
	c := closingOf(t, "A")
	c.receive(1500, nil)
	require.EqualValues(t, (1500+676)/2, c.last().Fee)
	c.receive(1400, nil)
	require.EqualValues(t, (1400+1088)/2, c.last().Fee)
	c.receive(1400, nil)
	c.complained("not strictly between 1400 and 1244")

	c = closingOf(t, "A")
	c.receive(9000, nil)
	require.EqualValues(t, 1352, c.last().Fee, "no more than it may pay")
	c.receive(8000, nil)
	c.complained("cannot be met")
}

func TestTheAccepterTakesAnyFeeThatMinersTake(t *testing.T) {
	for _, fee := range []btcutil.Amount{171, 676, 50_000} {
		c := closingOf(t, "B")
		c.receive(fee, &lnwire.FeeRange{Min: 100, Max: 60_000})
		require.Equal(t, fee, c.last().Fee)
		c.agreed(fee)
	}
	c := closingOf(t, "B")
	c.receive(170, &lnwire.FeeRange{Min: 100, Max: 500})
	require.EqualValues(t, 171, c.last().Fee)
	require.Empty(t, c.txs)
	c.receive(171, &lnwire.FeeRange{Min: 100, Max: 500})
	c.agreed(171)

	c = closingOf(t, "B")
	c.receive(100, &lnwire.FeeRange{Min: 100, Max: 170})
	c.complained("does not overlap")
}

func TestTheAccepterHoldsTheOpenerToItsAnswer(t *testing.T) {
	c := closingOf(t, "B")
	c.receive(100, &lnwire.FeeRange{Min: 100, Max: 500})
	require.EqualValues(t, 171, c.last().Fee)
	c.receive(300, &lnwire.FeeRange{Min: 100, Max: 500})
	require.IsType(t, &lnwire.Error{}, c.sent[len(c.sent)-1])
	require.True(t, c.n.Machine.Info().Close.Forced)
}

func TestTheAccepterRaisesAnOldOpener(t *testing.T) {
	c := closingOf(t, "B")
	c.receive(100, nil)
	require.EqualValues(t, 171, c.last().Fee)
	c.receive(150, nil)
	require.IsType(t, &lnwire.Warning{}, c.sent[len(c.sent)-1], "below the floor there is nothing to meet")

	c = closingOf(t, "B")
	c.receive(100, nil)
	c.receive(171, nil)
	c.agreed(171)
}

func TestABadClosingSignatureIsComplainedAbout(t *testing.T) {
	c := closingOf(t, "A")
	c.n.Must(channel.Received{Msg: &lnwire.ClosingSigned{ChannelID: c.n.Machine.Info().ChannelID, Fee: 676, Signature: lnwire.Sig{1}}})
	c.n.Commit()
	c.complained("signature")
	for _, fee := range []btcutil.Amount{-1, 700_001, 1 << 60} {
		c = closingOf(t, "A")
		c.n.Must(channel.Received{Msg: &lnwire.ClosingSigned{ChannelID: c.n.Machine.Info().ChannelID, Fee: fee}})
		c.n.Commit()
		c.complained("fee_satoshis")
	}
}

func TestShutdownScriptsFollowTheUpfrontScript(t *testing.T) {
	s := openSetup()
	p := sim.NewPair(s)
	params := s.OpenParams(p.A, p.B)
	params.UpfrontShutdown = sim.Script('u')
	p.Propose(params, s)
	p.Settle()
	p.Confirm(3)
	p.Settle()
	require.ErrorIs(t, p.A.Step(channel.Shut{Script: sim.Script('o')}), channel.ErrRefused)
	bad := channel.Received{Msg: &lnwire.Shutdown{ChannelID: p.B.Machine.Info().ChannelID, Script: sim.Script('o')}}
	require.Contains(t, warns(t, p.B, bad), "upfront")
	require.Equal(t, channel.PhaseOpen, p.B.Machine.Info().Phase)
	sim.Connect(p.A, p.B)
	p.Settle()
	p.A.Must(channel.Shut{})
	p.Settle()
	require.Equal(t, sim.Script('u'), p.B.Machine.Info().Remote.Shutdown)
	require.NotNil(t, p.B.Machine.Info().Close.ClosingTx)
}

func TestShutBeforeChannelReadyClosesTheEmptyChannel(t *testing.T) {
	p := sim.Open(openSetup())
	p.B.Must(channel.Shut{})
	p.Settle()
	a, b := p.A.Machine.Info(), p.B.Machine.Info()
	require.NotNil(t, a.Close.ClosingTx)
	require.Equal(t, a.Close.ClosingTx, b.Close.ClosingTx)
}

func TestACooperativeCloseEndsWhenItIsDeep(t *testing.T) {
	p := sim.Ready(openSetup())
	var tx *wire.MsgTx
	p.A.Handler = func(out *channel.Effects) {
		if len(out.Broadcast) > 0 {
			tx = out.Broadcast[0]
		}
	}
	p.A.Must(channel.Shut{})
	p.Settle()
	require.NotNil(t, tx)
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: p.A.Machine.Info().Funding, Tx: tx, Height: 0}})
	require.Equal(t, channel.PhaseClosing, p.A.Machine.Info().Phase, "unconfirmed")
	p.A.Must(channel.Spent{Fact: resolve.Fact{OutPoint: p.A.Machine.Info().Funding, Tx: tx, Height: 1010}})
	require.Equal(t, resolve.Cooperative, p.A.Machine.Info().Close.Kind)
	p.A.Must(channel.Block{Height: 1200})
	p.A.Commit()
	require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)
	require.ErrorIs(t, p.A.Step(channel.Shut{}), channel.ErrRefused)
	p.A.Crash()
	require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)
}

func TestAnErrorAfterTheClosingIsAgreedPublishesTheClosing(t *testing.T) {
	p := sim.Ready(openSetup())
	p.A.Must(channel.Shut{})
	p.Settle()
	var out channel.Effects
	require.NoError(t, p.A.Machine.Step(channel.Received{Msg: &lnwire.Error{Data: []byte("late")}}, &out))
	require.Len(t, out.Broadcast, 1)
	require.Equal(t, wire.MaxTxInSequenceNum, out.Broadcast[0].TxIn[0].Sequence)
	require.False(t, p.A.Machine.Info().Close.Forced)
}
