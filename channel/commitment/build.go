package commitment

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Commitment is one party's commitment transaction, without witness. It is immutable: Witnessed copies it.
type Commitment struct {
	Tx       *wire.MsgTx
	Owner    Side
	Number   uint64
	Keys     *Keys
	HTLCs    []HTLCOutput   // in output order, which is the order of their signatures
	Trimmed  []HTLC         // those without an output, in the order of State.HTLCs
	ToLocal  Output         // the owner's, delayed
	ToRemote Output         // the other's
	Anchors  [2]Output      // by Side
	Fee      btcutil.Amount // what the transaction pays in fact: base fee, trimmed HTLCs and outputs, roundings
}

// Output is one output of a commitment besides HTLCs.
type Output struct {
	Index  int    // -1: absent
	Script []byte // witness script; nil for a P2WPKH output
}

// Exists says whether the commitment has the output.
func (o Output) Exists() bool { return o.Index >= 0 }

// HTLCOutput is an untrimmed HTLC with the second-level transaction of the commitment's owner.
type HTLCOutput struct {
	HTLC
	Index  uint32
	Script []byte      // witness script
	Tx     *wire.MsgTx // HTLC-timeout or HTLC-success, without witness
}

var (
	// ErrEmpty: nobody's output reaches the dust limit, so that there is no valid transaction.
	ErrEmpty = errors.New("commitment without outputs")
	// ErrOverdrawn: the opener cannot even pay the anchors, so that the outputs would exceed the capacity.
	ErrOverdrawn = errors.New("outputs exceed the capacity")
)

// Build makes owner's commitment for the per-commitment point of owner. An opener that cannot pay the fee pays what it
// has, as BOLT 3's vectors do; OpenerBalance tells.
func Build(p *Params, owner Side, point lnwire.PubKey, s *State) (*Commitment, error) {
	k, err := DeriveKeys(p, owner, point)
	if err != nil {
		return nil, err
	}
	return k.Build(p, s)
}

// draft is an output on its way into the transaction.
type draft struct {
	out    *wire.TxOut
	expiry uint32 // breaks ties between HTLCs
	place  func(c *Commitment, index int)
}

// Build is Build with keys that are derived already. It follows BOLT 3: Commitment Transaction Construction.
func (k *Keys) Build(p *Params, s *State) (*Commitment, error) {
	if err := s.check(p); err != nil {
		return nil, err
	}
	c := &Commitment{
		Owner: k.Owner, Number: s.Number, Keys: k,
		ToLocal: Output{Index: -1}, ToRemote: Output{Index: -1}, Anchors: [2]Output{{Index: -1}, {Index: -1}},
	}
	drafts := k.htlcDrafts(p, s, c)
	drafts = k.mainDrafts(p, s, c, drafts)
	if len(drafts) == 0 {
		return nil, ErrEmpty
	}
	// BOLT 3: "first according to their value, smallest first [...] followed by scriptpubkey [...] finally, for HTLC
	// outputs, in increasing cltv_expiry order".
	slices.SortStableFunc(drafts, func(a, b draft) int {
		return cmp.Or(cmp.Compare(a.out.Value, b.out.Value), bytes.Compare(a.out.PkScript, b.out.PkScript),
			cmp.Compare(a.expiry, b.expiry))
	})
	c.Tx = p.commitmentTx(s.Number)
	c.Tx.TxOut = make([]*wire.TxOut, len(drafts))
	c.Fee = p.Capacity
	for i := range drafts {
		c.Tx.TxOut[i] = drafts[i].out
		c.Fee -= btcutil.Amount(drafts[i].out.Value)
		drafts[i].place(c, i)
	}
	if c.Fee < 0 {
		return nil, ErrOverdrawn
	}
	k.secondLevel(p, s.FeeRate, c)
	return c, nil
}

// htlcDrafts drafts an output for each HTLC that is not trimmed; the others go to c.Trimmed.
func (k *Keys) htlcDrafts(p *Params, s *State, c *Commitment) []draft {
	scripter := newHTLCScripter(p.Format, k)
	drafts := make([]draft, 0, len(s.HTLCs)+4)
	c.HTLCs = make([]HTLCOutput, 0, len(s.HTLCs))
	for i := range s.HTLCs {
		h := &s.HTLCs[i]
		if Trimmed(p, k.Owner, s.FeeRate, h) {
			c.Trimmed = append(c.Trimmed, *h)
			continue
		}
		script := scripter.script(h.Offerer, HashOf(h.Hash), h.Expiry)
		drafts = append(drafts, draft{
			out:    wire.NewTxOut(int64(h.Amount.Satoshis()), WitnessScriptHash(script)),
			expiry: h.Expiry,
			place: func(c *Commitment, index int) {
				c.HTLCs = append(c.HTLCs, HTLCOutput{HTLC: *h, Index: uint32(index), Script: script})
			},
		})
	}
	return drafts
}

// mainDrafts adds to_local, to_remote and the anchors to the HTLCs' drafts.
func (k *Keys) mainDrafts(p *Params, s *State, c *Commitment, drafts []draft) []draft {
	numHTLCs := len(drafts)
	cost := CommitmentFee(p.Format, s.FeeRate, numHTLCs) + AnchorsCost(p.Format)
	amounts := [2]btcutil.Amount{s.Balances[Local].Satoshis(), s.Balances[Remote].Satoshis()}
	amounts[p.Opener] = max(amounts[p.Opener]-cost, 0)
	dust := p.Parties[k.Owner].DustLimit

	add := func(amount btcutil.Amount, pkScript, script []byte, to *Output) {
		drafts = append(drafts, draft{
			out:   wire.NewTxOut(int64(amount), pkScript),
			place: func(_ *Commitment, index int) { *to = Output{Index: index, Script: script} },
		})
	}
	other := k.Owner.Other()
	var exists [2]bool
	// An amount of zero is no output, whatever the dust limit: the opener without enough for the fee has none.
	if a := amounts[k.Owner]; a >= dust && a > 0 {
		script := k.DelayedScript(p.Parties[k.Owner].ToSelfDelay)
		add(a, WitnessScriptHash(script), script, &c.ToLocal)
		exists[k.Owner] = true
	}
	if a := amounts[other]; a >= dust && a > 0 {
		pkScript, script := toRemoteScript(p.Format, k.ToRemote)
		add(a, pkScript, script, &c.ToRemote)
		exists[other] = true
	}
	if p.Format.traits().anchors {
		// BOLT 3: "if to_local exists or there are untrimmed HTLCs, add a to_local_anchor output", and likewise for
		// to_remote.
		for side := range exists {
			if exists[side] || numHTLCs > 0 {
				script := anchorScript(p.Parties[side].Funding)
				add(AnchorAmount, WitnessScriptHash(script), script, &c.Anchors[side])
			}
		}
	}
	return drafts
}

// secondLevel makes the owner's HTLC transactions, now that the commitment's txid is known.
func (k *Keys) secondLevel(p *Params, rate lnwire.FeePerKW, c *Commitment) {
	txid := c.Tx.TxHash()
	pkScript := WitnessScriptHash(k.DelayedScript(p.Parties[k.Owner].ToSelfDelay))
	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		offered := h.Offerer == k.Owner
		// BOLT 3: "locktime: 0 for HTLC-success, cltv_expiry for HTLC-timeout".
		var lockTime uint32
		if offered {
			lockTime = h.Expiry
		}
		h.Tx = &wire.MsgTx{
			Version:  2,
			LockTime: lockTime,
			TxIn: []*wire.TxIn{{
				PreviousOutPoint: wire.OutPoint{Hash: txid, Index: h.Index},
				Sequence:         p.Format.HTLCSequence(),
			}},
			TxOut: []*wire.TxOut{{
				Value:    int64(h.Amount.Satoshis() - p.Format.HTLCFee(rate, offered)),
				PkScript: pkScript,
			}},
		}
	}
}

// commitmentTx is the transaction without outputs.
// BOLT 3: "locktime: upper 8 bits are 0x20, lower 24 bits are the lower 24 bits of the obscured commitment number [...]
// sequence: upper 8 bits are 0x80, lower 24 bits are upper 24 bits of the obscured commitment number".
func (p *Params) commitmentTx(number uint64) *wire.MsgTx {
	obscured := number ^ p.obscurer()
	return &wire.MsgTx{
		Version:  2,
		LockTime: 0x20<<24 | uint32(obscured&0xffffff),
		TxIn:     []*wire.TxIn{{PreviousOutPoint: p.Funding, Sequence: 0x80<<24 | uint32(obscured>>24)}},
	}
}

// obscurer is the lower 48 bits of BOLT 3's "SHA256(payment_basepoint from open_channel || payment_basepoint from
// accept_channel)".
func (p *Params) obscurer() uint64 {
	opener, accepter := p.Parties[p.Opener].Payment, p.Parties[p.Opener.Other()].Payment
	h := sha256.Sum256(append(opener[:], accepter[:]...))
	return binary.BigEndian.Uint64(h[24:]) & MaxNumber
}

// NumberOf reads the commitment number of a transaction that spends the funding output; false where it is no commitment.
func (p *Params) NumberOf(tx *wire.MsgTx) (uint64, bool) {
	if len(tx.TxIn) != 1 || tx.TxIn[0].PreviousOutPoint != p.Funding {
		return 0, false
	}
	sequence := tx.TxIn[0].Sequence
	if tx.LockTime>>24 != 0x20 || sequence>>24 != 0x80 {
		return 0, false
	}
	obscured := uint64(sequence&0xffffff)<<24 | uint64(tx.LockTime&0xffffff)
	return obscured ^ p.obscurer(), true
}

// Weight of the transaction with its witness, at most.
func (c *Commitment) Weight() int64 {
	const header = 2 // segwit marker and flag
	return int64(4*c.Tx.SerializeSizeStripped()) + header + fundingWitnessWeight
}
