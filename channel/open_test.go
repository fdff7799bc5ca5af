package channel_test

import (
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

func openSetup() sim.Setup {
	return sim.Setup{Seed: 1, Capacity: 1_000_000, Push: 300_000_000, FeeRate: 1000}
}

// proposal is what A sends.
func proposal(t *testing.T, s sim.Setup) (*sim.Pair, *lnwire.OpenChannel) {
	t.Helper()
	p := sim.NewPair(s)
	var out channel.Effects
	m, err := channel.Open(s.OpenParams(p.A, p.B), channel.Enforce(p.A.Signer), &out)
	require.NoError(t, err)
	p.A.Machine = m
	require.Len(t, out.Send, 1)
	return p, out.Send[0].(*lnwire.OpenChannel)
}

func TestOpenChannelThatBreaksARuleIsRefusedWithItsName(t *testing.T) {
	bad := lnwire.PubKey{4}
	for _, c := range []struct {
		text string
		turn func(*lnwire.OpenChannel)
	}{
		{"chain_hash", func(m *lnwire.OpenChannel) { m.ChainHash = chainhash.Hash{2} }},
		{"no channel_type", func(m *lnwire.OpenChannel) { m.ChannelType = nil }},
		{"not suitable", func(m *lnwire.OpenChannel) { m.ChannelType = lnwire.NewFeatures(12) }},
		{"not suitable", func(m *lnwire.OpenChannel) { m.ChannelType = lnwire.NewFeatures(12, 22, 46) }},
		{"not suitable", func(m *lnwire.OpenChannel) { m.ChannelType = lnwire.NewFeatures(12, 22, 50) }},
		{"funding_satoshis", func(m *lnwire.OpenChannel) { m.Funding = 0 }},
		{"funding_satoshis", func(m *lnwire.OpenChannel) { m.Funding = channel.MaxSmallCapacity + 1 }},
		{"push_msat", func(m *lnwire.OpenChannel) { m.Push = lnwire.FromSatoshis(m.Funding) + 1 }},
		{"to_self_delay", func(m *lnwire.OpenChannel) { m.ToSelfDelay = channel.MaxToSelfDelay + 1 }},
		{"max_accepted_htlcs 484", func(m *lnwire.OpenChannel) { m.MaxAcceptedHTLCs = 484 }},
		{"max_accepted_htlcs", func(m *lnwire.OpenChannel) { m.MaxAcceptedHTLCs = 0 }},
		{"feerate_per_kw", func(m *lnwire.OpenChannel) { m.FeeRate = 252 }},
		{"feerate_per_kw", func(m *lnwire.OpenChannel) { m.FeeRate = channel.MaxFeeRate + 1 }},
		{"funding_pubkey", func(m *lnwire.OpenChannel) { m.FundingKey = bad }},
		{"revocation_basepoint", func(m *lnwire.OpenChannel) { m.RevocationBasepoint = bad }},
		{"htlc_basepoint", func(m *lnwire.OpenChannel) { m.HTLCBasepoint = bad }},
		{"payment_basepoint", func(m *lnwire.OpenChannel) { m.PaymentBasepoint = bad }},
		{"delayed_payment_basepoint", func(m *lnwire.OpenChannel) { m.DelayedBasepoint = bad }},
		{"first_per_commitment_point", func(m *lnwire.OpenChannel) { m.FirstPoint = bad }},
		{"greater than channel_reserve", func(m *lnwire.OpenChannel) { m.DustLimit, m.Reserve = 500, 499 }},
		{"smaller than 354", func(m *lnwire.OpenChannel) { m.DustLimit = 353 }},
		{"too large", func(m *lnwire.OpenChannel) { m.DustLimit = channel.MaxDustLimit + 1 }},
		{"channel_reserve_satoshis", func(m *lnwire.OpenChannel) { m.Reserve = m.Funding/5 + 1 }},
		{"max_htlc_value_in_flight_msat", func(m *lnwire.OpenChannel) { m.MaxInFlight = 0 }},
		{"htlc_minimum_msat", func(m *lnwire.OpenChannel) {
			m.HTLCMinimum, m.MaxInFlight = 1_000_000_001, 2_000_000_000
		}},
		{"full fee payment", func(m *lnwire.OpenChannel) { m.Push = lnwire.FromSatoshis(m.Funding) }},
		{"at most channel_reserve", func(m *lnwire.OpenChannel) {
			m.Push, m.Funding, m.Reserve, m.FeeRate = 1_000_000, 25_000, 5_000, 18_000
		}},
		{"upfront_shutdown_script", func(m *lnwire.OpenChannel) { m.UpfrontShutdown = []byte{1, 2, 3} }},
	} {
		t.Run(c.text, func(t *testing.T) {
			s := openSetup()
			p, msg := proposal(t, s)
			c.turn(msg)
			params := s.AcceptParams(p.A, p.B)
			params.LocalFeatures = params.LocalFeatures.Clear(lnwire.FeatureLargeChannel.Optional())
			params.Policy.MaxCapacity = btcutil.MaxSatoshi
			var out channel.Effects
			m, err := channel.Accept(params, msg, p.B.Signer, &out)
			require.Nil(t, m)
			var v *channel.Violation
			require.ErrorAs(t, err, &v)
			require.Contains(t, v.Text, c.text)
			require.Empty(t, out.Send)
		})
	}
}

func TestOpenChannelAtTheLimitsIsAccepted(t *testing.T) {
	for name, turn := range map[string]func(*lnwire.OpenChannel){
		"dust limit":    func(m *lnwire.OpenChannel) { m.DustLimit, m.Reserve = 354, 354 },
		"htlcs":         func(m *lnwire.OpenChannel) { m.MaxAcceptedHTLCs = 483 },
		"delay":         func(m *lnwire.OpenChannel) { m.ToSelfDelay = channel.MaxToSelfDelay },
		"fee floor":     func(m *lnwire.OpenChannel) { m.FeeRate = 253 },
		"capacity":      func(m *lnwire.OpenChannel) { m.Funding = channel.MaxSmallCapacity },
		"unknown flags": func(m *lnwire.OpenChannel) { m.Flags = 0xfe },
		"taproot close": func(m *lnwire.OpenChannel) { m.UpfrontShutdown = append([]byte{0x51, 32}, make([]byte, 32)...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openSetup()
			p, msg := proposal(t, s)
			turn(msg)
			var out channel.Effects
			m, err := channel.Accept(s.AcceptParams(p.A, p.B), msg, p.B.Signer, &out)
			require.NoError(t, err)
			require.False(t, m.Info().Announce)
		})
	}
}

func TestLargeChannelsNeedTheFeatureAndThePolicy(t *testing.T) {
	s := openSetup()
	s.Capacity = 50_000_000
	p := sim.NewPair(s)
	_, err := channel.Open(s.OpenParams(p.A, p.B), p.A.Signer, new(channel.Effects))
	require.ErrorIs(t, err, channel.ErrRefused)
	s.Policy.MaxCapacity = 50_000_000
	small := s.OpenParams(p.A, p.B)
	small.RemoteFeatures = small.RemoteFeatures.Clear(lnwire.FeatureLargeChannel.Optional())
	_, err = channel.Open(small, p.A.Signer, new(channel.Effects))
	require.ErrorIs(t, err, channel.ErrRefused)
	pair := sim.Ready(s)
	require.True(t, pair.A.Machine.Info().Active)
	require.EqualValues(t, 50_000_000, pair.B.Machine.Info().Capacity)
}

func TestAcceptChannelThatBreaksARuleEndsTheOpening(t *testing.T) {
	for _, c := range []struct {
		text string
		turn func(*lnwire.AcceptChannel)
	}{
		{"temporary_channel_id", func(m *lnwire.AcceptChannel) { m.TempID[0]++ }},
		{"minimum_depth", func(m *lnwire.AcceptChannel) { m.MinimumDepth = channel.MaxMinimumDepth + 1 }},
		{"no channel_type", func(m *lnwire.AcceptChannel) { m.ChannelType = nil }},
		{"not the one proposed", func(m *lnwire.AcceptChannel) { m.ChannelType = lnwire.NewFeatures(12) }},
		{"below our dust_limit", func(m *lnwire.AcceptChannel) { m.DustLimit, m.Reserve = 354, 399 }},
		{"above our channel_reserve", func(m *lnwire.AcceptChannel) { m.DustLimit, m.Reserve = 600, 20_000 }},
		{"smaller than 354", func(m *lnwire.AcceptChannel) { m.DustLimit = 353 }},
		{"to_self_delay", func(m *lnwire.AcceptChannel) { m.ToSelfDelay = channel.MaxToSelfDelay + 1 }},
		{"max_accepted_htlcs", func(m *lnwire.AcceptChannel) { m.MaxAcceptedHTLCs = 484 }},
		{"htlc_basepoint", func(m *lnwire.AcceptChannel) { m.HTLCBasepoint = lnwire.PubKey{} }},
		{"first_per_commitment_point", func(m *lnwire.AcceptChannel) { m.FirstPoint = lnwire.PubKey{} }},
		{"upfront_shutdown_script", func(m *lnwire.AcceptChannel) { m.UpfrontShutdown = []byte{0x6a} }},
	} {
		t.Run(c.text, func(t *testing.T) {
			s := openSetup()
			s.Limits[0] = channel.Limits{DustLimit: 400, Reserve: 500}
			p, msg := proposal(t, s)
			var out channel.Effects
			_, err := channel.Accept(s.AcceptParams(p.A, p.B), msg, p.B.Signer, &out)
			require.NoError(t, err)
			reply := out.Send[0].(*lnwire.AcceptChannel)
			c.turn(reply)
			out.Reset()
			require.NoError(t, p.A.Machine.Step(channel.Received{Msg: reply}, &out))
			require.Contains(t, string(out.Send[0].(*lnwire.Error).Data), c.text)
			require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)
			require.Nil(t, out.Fund)
			require.Empty(t, out.Records)
		})
	}
}

// untilFunding plays the opening to the point where the wallet is asked.
func untilFunding(t *testing.T) (*sim.Pair, *channel.FundRequest) {
	t.Helper()
	p := sim.NewPair(openSetup())
	var fund *channel.FundRequest
	p.A.Handler = func(out *channel.Effects) {
		if out.Fund != nil {
			fund = out.Fund
		}
	}
	p.Begin(openSetup())
	p.Settle()
	require.NotNil(t, fund)
	return p, fund
}

func TestFundingMustPayTheChannelExactly(t *testing.T) {
	p, fund := untilFunding(t)
	good := sim.FundingTx(1, fund)
	for name, turn := range map[string]func(*wire.MsgTx){
		"less":   func(tx *wire.MsgTx) { tx.TxOut[0].Value-- },
		"more":   func(tx *wire.MsgTx) { tx.TxOut[0].Value++ },
		"script": func(tx *wire.MsgTx) { tx.TxOut[0].PkScript[5]++ },
		"none":   func(tx *wire.MsgTx) { tx.TxOut = nil },
	} {
		tx := good.Copy()
		turn(tx)
		before := channel.Dump(p.A.Machine)
		require.ErrorIs(t, p.A.Step(channel.Funded{Tx: tx}), channel.ErrRefused, name)
		require.Equal(t, before, channel.Dump(p.A.Machine))
	}
	p.Funding = good
	p.A.Must(channel.Funded{Tx: good})
	p.Settle()
	require.Equal(t, channel.PhasePending, p.B.Machine.Info().Phase)
}

func TestFundingIsBroadcastOnlyWithTheRecordsOfAValidSignature(t *testing.T) {
	p, fund := untilFunding(t)
	p.A.Must(channel.Funded{Tx: sim.FundingTx(1, fund)})
	var out channel.Effects
	bad := &lnwire.FundingSigned{ChannelID: p.A.Machine.Info().ChannelID, Signature: lnwire.Sig{1}}
	require.NoError(t, p.A.Machine.Step(channel.Received{Msg: bad}, &out))
	require.Empty(t, out.Broadcast)
	require.Empty(t, out.Records)
	require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)

	p, fund = untilFunding(t)
	tx := sim.FundingTx(1, fund)
	p.A.Must(channel.Funded{Tx: tx})
	var seen bool
	p.A.Handler = func(out *channel.Effects) {
		if len(out.Broadcast) > 0 {
			seen = true
			require.NotEmpty(t, out.Records)
			require.Equal(t, tx.TxHash(), out.Broadcast[0].TxHash())
		}
	}
	p.Settle()
	require.True(t, seen)
}

func TestFundingCreatedWithABadSignatureEndsTheOpening(t *testing.T) {
	p, _ := untilFunding(t)
	var out channel.Effects
	bad := &lnwire.FundingCreated{TempID: p.B.Machine.Info().TempID, FundingTxid: chainhash.Hash{1}, Signature: lnwire.Sig{1}}
	require.NoError(t, p.B.Machine.Step(channel.Received{Msg: bad}, &out))
	require.Contains(t, string(out.Send[0].(*lnwire.Error).Data), "funding_created")
	require.Equal(t, bad.TempID, out.Send[0].(*lnwire.Error).ChannelID)
	require.Equal(t, channel.PhaseClosed, p.B.Machine.Info().Phase)
	require.Empty(t, out.Records)
}

func TestAnOpeningEndsWithTheConnectionTheWalletOrTheUser(t *testing.T) {
	for name, ev := range map[string]channel.Event{
		"connection": channel.Linked{}, "wallet": channel.FundingFailed{Err: "no coins"}, "user": channel.Shut{},
		"peer": channel.Received{Msg: &lnwire.Error{Data: []byte("no")}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := untilFunding(t)
			var out channel.Effects
			require.NoError(t, p.A.Machine.Step(ev, &out))
			require.Equal(t, channel.PhaseClosed, p.A.Machine.Info().Phase)
			require.Empty(t, out.Records)
			require.Equal(t, channel.NoticeAbandoned, out.Notices[len(out.Notices)-1].Kind)
			require.ErrorIs(t, p.A.Step(channel.Shut{}), channel.ErrRefused)
		})
	}
}

func TestTheAccepterForgetsAfter2016Blocks(t *testing.T) {
	p := sim.Open(openSetup())
	last := sim.StartHeight + channel.ForgetAfter
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Block{Height: last - 1})
	}
	p.Settle()
	require.Equal(t, channel.PhasePending, p.B.Machine.Info().Phase)
	require.NotEmpty(t, p.B.Disk)
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Block{Height: last})
	}
	p.Settle()
	require.Equal(t, channel.PhaseClosed, p.B.Machine.Info().Phase)
	require.Empty(t, p.B.Disk)
	require.Equal(t, channel.PhasePending, p.A.Machine.Info().Phase, "the opener remembers")
}

func TestAFundingOutputThatIsNotOursFailsTheChannel(t *testing.T) {
	p := sim.Open(openSetup())
	out := *p.Funding.TxOut[0]
	out.Value--
	p.B.Must(channel.Confirmed{SCID: lnwire.NewShortChannelID(1001, 1, 0), Output: out, Height: 1003})
	require.Equal(t, channel.PhaseOnchain, p.B.Machine.Info().Phase)
}

func TestCoinbaseFundingWaits100Blocks(t *testing.T) {
	p := sim.Open(openSetup())
	at := channel.Confirmed{SCID: lnwire.NewShortChannelID(1001, 0, 0), Output: *p.Funding.TxOut[0], Height: 1099}
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(at)
	}
	p.Settle()
	require.Equal(t, channel.PhasePending, p.A.Machine.Info().Phase)
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Block{Height: 1100})
	}
	p.Settle()
	require.Equal(t, channel.PhaseOpen, p.A.Machine.Info().Phase)
}

func TestRestartsDuringTheOpeningLoseNothing(t *testing.T) {
	p := sim.Open(openSetup())
	var published int
	p.A.Handler = func(out *channel.Effects) { published += len(out.Broadcast) }
	p.A.Crash()
	p.B.Crash()
	p.A.Commit()
	require.Equal(t, 1, published, "the funding is published again")
	sim.Connect(p.A, p.B)
	p.Confirm(2)
	p.Settle()
	p.A.Crash()
	p.Confirm(3)
	sim.Connect(p.A, p.B)
	p.Settle()
	require.True(t, p.A.Machine.Info().Active)
	require.True(t, p.B.Machine.Info().Active)
	require.EqualValues(t, 1<<40|6, p.A.Machine.Info().RemoteAlias)
}

func TestAReorganizationMovesTheChannelAndItsAnnouncement(t *testing.T) {
	s := openSetup()
	s.Announce = true
	p := sim.Open(s)
	var announced []lnwire.ShortChannelID
	p.A.Handler = func(out *channel.Effects) {
		if out.Announce != nil {
			announced = append(announced, out.Announce.SCID)
		}
	}
	p.Confirm(6)
	p.Settle()
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Unconfirmed{})
	}
	p.Settle()
	require.EqualValues(t, 0, p.A.Machine.Info().Confirmations)
	require.True(t, p.A.Machine.Info().Active)
	moved := lnwire.NewShortChannelID(1002, 9, 0)
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Confirmed{SCID: moved, Output: *p.Funding.TxOut[0], Height: 1010})
	}
	p.Settle()
	require.Equal(t, []lnwire.ShortChannelID{lnwire.NewShortChannelID(1001, 3, 0), moved}, announced)
}
