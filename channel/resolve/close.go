package resolve

import (
	"bytes"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// closing is the confirmed spend of a funding output, understood.
type closing struct {
	kind    Close
	funding *Funding
	tx      *wire.MsgTx
	height  lnwire.Height

	known   *commitment.Commitment // LocalCommitment, RemoteCommitment
	keys    *commitment.Keys       // RevokedCommitment, OutdatedCommitment
	secret  lnwire.Secret          // RevokedCommitment
	revoked RevokedRecord          // RevokedCommitment
}

// findClosing looks for the confirmed spend of one of the fundings; nil where there is none.
func findClosing(c *Contract, spent map[wire.OutPoint]*Fact) *closing {
	for i := range c.Fundings {
		if s := spent[c.Fundings[i].Params.Funding]; s != nil {
			return classify(c, &c.Fundings[i], s)
		}
	}
	return nil
}

// classify tells by which kind of transaction the funding output is spent.
func classify(c *Contract, funding *Funding, s *Fact) *closing {
	x := &closing{funding: funding, tx: s.Tx, height: s.Height}
	if x.known = funding.find(s.Tx); x.known != nil {
		x.kind = LocalCommitment
		if x.known.Owner == commitment.Remote {
			x.kind = RemoteCommitment
		}
		return x
	}
	number, ok := funding.Params.NumberOf(s.Tx)
	switch {
	case !ok && paysOnly(s.Tx, c.Scripts):
		x.kind = Cooperative
	case !ok:
		x.kind = Unknown
	case x.isRevoked(c, number):
		x.kind = RevokedCommitment
	case x.isOutdated(c, number):
		x.kind = OutdatedCommitment
	default:
		// BOLT 5: "It can detect the data loss state, because it has signed the transaction, and the commitment number is
		// greater than expected."
		x.kind = FutureCommitment
	}
	return x
}

// find returns the unrevoked commitment that tx is.
func (f *Funding) find(tx *wire.MsgTx) *commitment.Commitment {
	txid := tx.TxHash()
	if l := f.Local.Commitment; l != nil && l.Tx.TxHash() == txid {
		return l
	}
	for _, r := range f.Remote {
		if r.Tx.TxHash() == txid {
			return r
		}
	}
	return nil
}

// paysOnly says whether each output of tx goes to one of the scripts.
func paysOnly(tx *wire.MsgTx, scripts [2][]byte) bool {
	for _, out := range tx.TxOut {
		known := false
		for _, s := range scripts {
			known = known || len(s) > 0 && bytes.Equal(out.PkScript, s)
		}
		if !known {
			return false
		}
	}
	return true
}

// isRevoked recognises a commitment of the peer whose secret it has revealed. One of ours may have the same number, so
// one of its outputs must be recognised; where none is, there is nothing to punish.
func (x *closing) isRevoked(c *Contract, number uint64) bool {
	if c.Secrets == nil {
		return false
	}
	secret, ok := c.Secrets.Lookup(number)
	if !ok {
		return false
	}
	point, err := commitment.PointOf(secret)
	if err != nil {
		return false
	}
	keys, err := commitment.DeriveKeys(x.funding.Params, commitment.Remote, point)
	if err != nil {
		return false
	}
	record, _ := c.Archive.Revoked(number) // a commitment without HTLC outputs has no record
	p := x.funding.Params
	toRemote, _ := commitment.ToRemoteScript(p, commitment.Local)
	known := paysTo(x.tx, toRemote) || paysTo(x.tx, secondLevelScript(p, keys))
	for i := 0; i < len(record.HTLCs) && !known; i++ {
		known = paysTo(x.tx, commitment.WitnessScriptHash(record.HTLCs[i].script(p, keys)))
	}
	if known {
		x.keys, x.secret, x.revoked = keys, secret, record
	}
	return known
}

// isOutdated recognises a revoked commitment of our own. Where we know none of ours, any may have been published before our
// memory was lost.
func (x *closing) isOutdated(c *Contract, number uint64) bool {
	l := x.funding.Local.Commitment
	if l != nil && number >= l.Number {
		return false
	}
	p := x.funding.Params
	keys, err := commitment.DeriveKeys(p, commitment.Local, c.Archive.Point(number))
	if err != nil {
		return false
	}
	toRemote, _ := commitment.ToRemoteScript(p, commitment.Remote)
	if !paysTo(x.tx, secondLevelScript(p, keys)) && !paysTo(x.tx, toRemote) {
		return false
	}
	x.keys = keys
	return true
}

func paysTo(tx *wire.MsgTx, pkScript []byte) bool {
	for _, out := range tx.TxOut {
		if bytes.Equal(out.PkScript, pkScript) {
			return true
		}
	}
	return false
}

// secondLevelScript is the output script of to_local and of the owner's HTLC transactions.
func secondLevelScript(p *commitment.Params, keys *commitment.Keys) []byte {
	return commitment.WitnessScriptHash(delayedScript(p, keys))
}

func delayedScript(p *commitment.Params, keys *commitment.Keys) []byte {
	return keys.DelayedScript(p.Parties[keys.Owner].ToSelfDelay)
}

// script is the witness script of the HTLC's output.
func (h *RevokedHTLC) script(p *commitment.Params, keys *commitment.Keys) []byte {
	return keys.HTLCScript(p.Format, h.Offerer, h.Hash, h.Expiry)
}
