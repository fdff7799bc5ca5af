package channel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func fastSetup() sim.Setup {
	s := openSetup()
	s.Fast = true
	return s
}

// scenes are the situations into which strange messages are thrown.
var scenes = []func(testing.TB) *sim.Pair{
	func(testing.TB) *sim.Pair { p := sim.NewPair(fastSetup()); p.Begin(fastSetup()); return p },
	func(testing.TB) *sim.Pair { return sim.Open(fastSetup()) },
	busy,
	func(t testing.TB) *sim.Pair { p := busy(t); sim.Disconnect(p.A, p.B); sim.Connect(p.A, p.B); return p },
	func(t testing.TB) *sim.Pair { p := busy(t); p.A.Must(channel.Shut{}); return p },
	func(testing.TB) *sim.Pair {
		p := sim.Ready(fastSetup())
		p.A.Must(channel.Shut{})
		p.A.Commit()
		p.B.Deliver()
		return p
	},
	func(t testing.TB) *sim.Pair { p := busy(t); p.A.Must(channel.Shut{Force: true}); return p },
}

// FuzzMessages: no message of a peer, in any situation, makes a machine panic, lose money or contradict its records.
func FuzzMessages(f *testing.F) {
	c := sim.Ready(fastSetup()).A.Machine.Info().ChannelID
	for i, msg := range []lnwire.Message{
		&lnwire.AcceptChannel{ChannelType: lnwire.NewFeatures(12, 22)}, &lnwire.FundingCreated{}, &lnwire.FundingSigned{ChannelID: c},
		&lnwire.ChannelReady{ChannelID: c}, &lnwire.Shutdown{ChannelID: c, Script: sim.Script('x')}, &lnwire.ClosingSigned{ChannelID: c},
		&lnwire.UpdateAddHTLC{ChannelID: c, ID: 4, Amount: 1_000_000, Expiry: 1100}, &lnwire.UpdateFulfillHTLC{ChannelID: c, Preimage: preimage(1)},
		&lnwire.UpdateFailHTLC{ChannelID: c, ID: 1}, &lnwire.UpdateFailMalformedHTLC{ChannelID: c, ID: 1, FailureCode: 0x8001},
		&lnwire.UpdateFee{ChannelID: c, FeeRate: 500}, &lnwire.CommitmentSigned{ChannelID: c}, &lnwire.RevokeAndAck{ChannelID: c},
		&lnwire.ChannelReestablish{ChannelID: c, NextCommitment: 1}, &lnwire.AnnouncementSignatures{ChannelID: c}, &lnwire.Error{}, &lnwire.Warning{},
		&lnwire.Stfu{ChannelID: c}, &lnwire.OpenChannel{}, &lnwire.Ping{}, &lnwire.Unknown{MsgType: 12345},
	} {
		b, err := lnwire.Marshal(msg)
		require.NoError(f, err)
		for scene := range scenes {
			f.Add(uint8(scene), i%2 == 0, b, b)
		}
	}
	f.Fuzz(func(t *testing.T, scene uint8, toA bool, first, second []byte) {
		p := scenes[int(scene)%len(scenes)](t)
		n := p.B
		if toA {
			n = p.A
		}
		n.Commit()
		n.Released, n.Handler = nil, nil
		for _, b := range [][]byte{first, second} {
			msg, err := lnwire.Unmarshal(b)
			if err != nil {
				continue
			}
			n.Must(channel.Received{Msg: msg})
		}
		n.Must(channel.Flush{})
		n.Commit()
		i := n.Machine.Info()
		if i.Phase > channel.PhaseOpening && len(n.Disk) > 0 {
			require.LessOrEqual(t, i.Local.Balance+i.Remote.Balance, lnwire.FromSatoshis(i.Capacity))
			n.Crash()
		}
	})
}
