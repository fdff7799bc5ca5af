package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func public() sim.Setup {
	s := openSetup()
	s.Announce = true
	return s
}

// ends says what verifies: key and signature of both nodes and both funding keys.
func verifyAnnouncement(t *testing.T, a *lnwire.ChannelAnnouncement) {
	t.Helper()
	d := a.Digest()
	for _, x := range []struct {
		key lnwire.PubKey
		sig lnwire.Sig
	}{{a.Node1, a.NodeSig1}, {a.Node2, a.NodeSig2}, {a.Bitcoin1, a.BitcoinSig1}, {a.Bitcoin2, a.BitcoinSig2}} {
		k, err := x.key.Parse()
		require.NoError(t, err)
		s, err := x.sig.Parse()
		require.NoError(t, err)
		require.True(t, s.Verify(d[:], k))
	}
}

func TestTheAnnouncementIsCompleteAndInOrder(t *testing.T) {
	for seed := range byte(4) {
		s := public()
		s.Seed = 10 * seed
		p := sim.Open(s)
		var got []*lnwire.ChannelAnnouncement
		for _, n := range []*sim.Node{p.A, p.B} {
			n.Handler = func(out *channel.Effects) {
				if out.Announce != nil {
					got = append(got, out.Announce)
				}
			}
		}
		p.Confirm(5)
		p.Settle()
		require.Empty(t, got)
		p.Confirm(6)
		p.Settle()
		require.Len(t, got, 2)
		require.Equal(t, got[0], got[1])
		verifyAnnouncement(t, got[0])
		require.Less(t, string(got[0].Node1[:]), string(got[0].Node2[:]))
	}
}

func TestAnAnnouncementSurvivesLostHalves(t *testing.T) {
	for _, restart := range []bool{false, true} {
		p := sim.Open(public())
		count := map[*sim.Node]int{}
		for _, n := range []*sim.Node{p.A, p.B} {
			n.Handler = func(out *channel.Effects) {
				if out.Announce != nil {
					count[n]++
				}
			}
		}
		p.Confirm(3)
		p.Settle()
		p.Confirm(6)
		p.A.Commit()
		p.B.Commit()
		require.True(t, p.A.Deliver()) // A has B's half; B has nothing
		p.A.Commit()
		sim.Disconnect(p.A, p.B)
		if restart {
			p.A.Crash()
			p.B.Crash()
		}
		sim.Connect(p.A, p.B)
		p.Settle()
		require.Equal(t, map[*sim.Node]int{p.A: 1, p.B: 1}, count)
	}
}

func TestHalvesThatComeEarlyWait(t *testing.T) {
	p := sim.Open(public())
	announced := false
	p.B.Handler = func(out *channel.Effects) { announced = announced || out.Announce != nil }
	p.Confirm(3)
	p.Settle()
	p.A.Height += 10
	p.A.Must(channel.Block{Height: p.A.Height})
	p.Settle()
	require.False(t, announced)
	p.B.Must(channel.Block{Height: p.A.Height})
	p.Settle()
	require.True(t, announced)
}

func TestBadAnnouncementSignaturesAreComplainedAbout(t *testing.T) {
	p := sim.Ready(public())
	i := p.A.Machine.Info()
	for text, msg := range map[string]*lnwire.AnnouncementSignatures{
		"short_channel_id": {ChannelID: i.ChannelID, SCID: i.SCID + 1},
		"not correct":      {ChannelID: i.ChannelID, SCID: i.SCID, NodeSig: lnwire.Sig{1}, BitcoinSig: lnwire.Sig{1}},
	} {
		require.Contains(t, warns(t, p.A, channel.Received{Msg: msg}), text)
		sim.Connect(p.A, p.B)
		p.Settle()
	}
	q := sim.Ready(openSetup())
	require.Contains(t, warns(t, q.A, channel.Received{Msg: &lnwire.AnnouncementSignatures{}}), "private")
}
