package resolve

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
)

const (
	local  = commitment.Local
	remote = commitment.Remote
)

// testHTLC lives in the states from … to (inclusive), of both parties' commitments.
type testHTLC struct {
	commitment.HTLC
	from, to uint64
	preimage lnwire.Preimage
	known    bool          // its receiver knows the preimage and is entitled to it
	learnt   lnwire.Height // from then on; 0: always
}

// party is one end of the channel, with its own view of it: itself is Local.
type party struct {
	side     commitment.Side // as the test sees it
	secrets  *commitment.Secrets
	params   *commitment.Params
	contract *Contract
	wallet   []byte
}

// world is a channel of which all commitments of both parties are at hand.
type world struct {
	t       require.TestingT
	parties [2]*party
	htlcs   []testHTLC
	current uint64
	next    [2]bool // by owner: the next commitment is signed too
	built   map[[3]uint64]*commitment.Commitment
}

const worldCapacity btcutil.Amount = 1_000_000

// newWorld makes a channel that has reached state current. delays are what the parties wait for their own outputs.
func newWorld(t require.TestingT, f commitment.Format, current uint64, delays [2]uint16, next [2]bool, htlcs []testHTLC) *world {
	w := &world{t: t, htlcs: htlcs, current: current, next: next, built: map[[3]uint64]*commitment.Commitment{}}
	secrets := [2]*commitment.Secrets{commitment.NewSecrets([32]byte{1}), commitment.NewSecrets([32]byte{2})}
	for side := range secrets {
		other := 1 - side
		w.parties[side] = &party{
			side: commitment.Side(side), secrets: secrets[side],
			wallet: append([]byte{txscript.OP_0, 20, byte(side)}, make([]byte, 19)...),
			params: &commitment.Params{
				Format: f, Funding: wire.OutPoint{Hash: chainhash.Hash{9}}, Capacity: worldCapacity,
				Opener: commitment.Side(side),
				Parties: [2]commitment.Party{
					{Basepoints: secrets[side].Basepoints(), DustLimit: 354, ToSelfDelay: delays[side]},
					{Basepoints: secrets[other].Basepoints(), DustLimit: 354, ToSelfDelay: delays[other]},
				},
			},
		}
	}
	for _, p := range w.parties {
		p.contract = w.contract(p, current, current)
	}
	return w
}

// state of number n as the party sees it. An HTLC that has ended went to its receiver where the preimage is known.
func (w *world) state(p *party, n uint64) *commitment.State {
	s := &commitment.State{Number: n, FeeRate: 253}
	total := lnwire.FromSatoshis(worldCapacity)
	s.Balances = [2]lnwire.MilliSatoshi{total / 2, total / 2}
	for _, h := range w.htlcs {
		offerer := h.Offerer ^ p.side
		switch {
		case n < h.from:
			continue
		case n <= h.to:
			x := h.HTLC
			x.Offerer = offerer
			s.HTLCs = append(s.HTLCs, x)
		case h.known:
			s.Balances[offerer.Other()] += h.Amount
		default:
			continue
		}
		s.Balances[offerer] -= h.Amount
	}
	return s
}

// build makes owner's commitment n as viewer sees it.
func (w *world) build(viewer *party, owner commitment.Side, n uint64) *commitment.Commitment {
	key := [3]uint64{uint64(viewer.side), uint64(owner), n}
	if c := w.built[key]; c != nil {
		return c
	}
	o := w.parties[owner]
	c, err := commitment.Build(viewer.params, owner^viewer.side, o.secrets.Point(n), w.state(viewer, n))
	require.NoError(w.t, err)
	w.built[key] = c
	return c
}

// contract is what the party knows with its own commitment number own, its peer's being at theirs.
func (w *world) contract(p *party, own, theirs uint64) *Contract {
	other := w.parties[p.side.Other()]
	c := &Contract{Channel: lnwire.NewChannelID(p.params.Funding), Archive: &archive{w, p}, Secrets: new(commitment.Shachain)}
	for n := range theirs {
		require.NoError(w.t, c.Secrets.Insert(other.secrets.Secret(n)))
	}
	sig, htlcSigs, err := other.secrets.SignRemote(other.params, w.build(other, p.side, own))
	require.NoError(w.t, err)
	ours := w.build(p, p.side, own)
	require.NoError(w.t, commitment.Verify(p.params, ours, sig, htlcSigs))
	f := Funding{
		Params: p.params, Local: Signed{Commitment: ours, Sig: sig, HTLCSigs: htlcSigs}, Height: startHeight - 10,
		Remote: []*commitment.Commitment{w.build(p, other.side, theirs)},
	}
	if w.next[other.side] {
		f.Remote = append(f.Remote, w.build(p, other.side, theirs+1))
	}
	c.Fundings = []Funding{f}
	for _, h := range w.htlcs {
		if h.to < min(own, theirs) {
			continue
		}
		x := HTLC{HTLC: h.HTLC}
		x.Offerer ^= p.side
		if x.Offerer == remote && h.known && h.learnt == 0 {
			x.Preimage = &h.preimage
		}
		c.HTLCs = append(c.HTLCs, x)
	}
	return c
}

// archive is the channel's own: records of what the peer has revoked.
type archive struct {
	w *world
	p *party
}

func (a *archive) Point(n uint64) lnwire.PubKey { return a.p.secrets.Point(n) }

func (a *archive) Revoked(n uint64) (RevokedRecord, bool) {
	c := a.w.build(a.p, a.p.side.Other(), n)
	if len(c.HTLCs) == 0 {
		return RevokedRecord{}, false
	}
	r, err := DecodeRevokedRecord(NewRevokedRecord(c).Encode())
	require.NoError(a.w.t, err)
	return r, true
}

// publish completes the party's own commitment.
func (w *world) publish(p *party, c *Contract) *wire.MsgTx {
	l := &c.Fundings[0].Local
	sig, err := p.secrets.SignLocal(p.params, l.Commitment)
	require.NoError(w.t, err)
	return commitment.Witnessed(p.params, l.Commitment.Tx, sig, l.Sig)
}

// closing makes the cooperative closing transaction.
func (w *world) closing(a, b *party) *wire.MsgTx {
	tx, err := commitment.Closing(a.params, [2][]byte{a.wallet, b.wallet},
		[2]btcutil.Amount{worldCapacity / 2, worldCapacity / 2}, 500, local)
	require.NoError(w.t, err)
	ours, err := a.secrets.SignClosing(a.params, tx)
	require.NoError(w.t, err)
	theirs, err := b.secrets.SignClosing(b.params, tx)
	require.NoError(w.t, err)
	return commitment.Witnessed(a.params, tx, ours, theirs)
}

// htlc makes the i-th HTLC of a world.
func makeHTLC(i int, offerer commitment.Side, sat btcutil.Amount, expiry uint32, from, to uint64, known bool) testHTLC {
	preimage := lnwire.Preimage(sha256.Sum256(fmt.Appendf(nil, "preimage %d", i)))
	return testHTLC{
		HTLC: commitment.HTLC{
			Offerer: offerer, ID: uint64(i), Amount: lnwire.FromSatoshis(sat) + lnwire.MilliSatoshi(i),
			Hash: sha256.Sum256(preimage[:]), Expiry: expiry,
		},
		from: from, to: to, preimage: preimage, known: known,
	}
}

// sweep makes a transaction of claims with equal lock times that pays to the party. Claims with a paired output come
// first, so that inputs and outputs match; extra is an input of the wallet that is put behind them, with a change output.
func (w *world) sweep(p *party, claims []Claim, extra *utxo) *wire.MsgTx {
	claims = slices.Clone(claims)
	slices.SortStableFunc(claims, func(a, b Claim) int { return boolToInt(a.Paired == nil) - boolToInt(b.Paired == nil) })
	tx := wire.NewMsgTx(2)
	prevouts := txscript.NewMultiPrevOutFetcher(nil)
	var sum int64
	for i := range claims {
		c := &claims[i]
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: c.OutPoint, Sequence: c.Sequence})
		prevouts.AddPrevOut(c.OutPoint, &c.Output)
		tx.LockTime = max(tx.LockTime, c.LockTime)
		if c.Paired != nil {
			tx.AddTxOut(c.Paired)
		} else {
			sum += c.Output.Value
		}
	}
	if extra != nil {
		tx.AddTxIn(&wire.TxIn{PreviousOutPoint: extra.op, Sequence: replaceable})
		prevouts.AddPrevOut(extra.op, extra.out)
		sum += extra.out.Value
	}
	if sum > 0 {
		tx.AddTxOut(wire.NewTxOut(sum, p.wallet))
	}
	for i := range claims {
		encoded, err := commitment.DecodeRecipe(claims[i].Recipe.Encode())
		require.NoError(w.t, err)
		witness, err := p.secrets.Witness(encoded, tx, i, prevouts)
		require.NoError(w.t, err)
		tx.TxIn[i].Witness = witness
		require.LessOrEqual(w.t, int64(witness.SerializeSize()), claims[i].WitnessWeight)
	}
	return tx
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
