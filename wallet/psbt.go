package wallet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// DefaultPSBTLease is how long the coins of a PSBT are held where the request does not say.
const DefaultPSBTLease = 10 * time.Minute

// PSBTRequest funds Outputs, or a Packet, whose inputs, where it has any, are spent and no others: they must be ours.
type PSBTRequest struct {
	Packet  *psbt.Packet
	Outputs []wire.TxOut
	LockID  LockID        // zero: a new one
	Lease   time.Duration // 0: DefaultPSBTLease
	Selection
}

// FundedPSBT has inputs with their UTXO and derivation fields, and leases on them.
type FundedPSBT struct {
	Packet *psbt.Packet
	Change int32 // index of the change output, -1 for none
	Leases []Lease
}

// FundPSBT adds coins and change. The order of a packet's own outputs is kept; change comes last.
func (w *Wallet) FundPSBT(ctx context.Context, r PSBTRequest) (*FundedPSBT, error) {
	p := payment{keep: w.Reserved()}
	for _, out := range r.Outputs {
		p.outputs = append(p.outputs, wire.TxOut{Value: out.Value, PkScript: out.PkScript})
	}
	if r.Packet != nil {
		if len(r.Outputs) > 0 {
			return nil, fmt.Errorf("%w: both a packet and outputs", ErrBadRequest)
		}
		for _, out := range r.Packet.UnsignedTx.TxOut {
			p.outputs = append(p.outputs, *out)
		}
		for _, in := range r.Packet.UnsignedTx.TxIn {
			r.Coins = append(r.Coins, in.PreviousOutPoint)
		}
	}
	if r.Lease == 0 {
		r.Lease = DefaultPSBTLease
	}
	d := &draft{id: r.LockID}
	if d.id == (LockID{}) {
		if _, err := rand.Read(d.id[:]); err != nil {
			return nil, fmt.Errorf("draw lease id: %w", err)
		}
	}
	if err := w.compose(ctx, d, &r.Selection, p, r.Lease); err != nil {
		return nil, err
	}
	f, err := w.packet(d, r.Packet)
	if err != nil {
		return nil, errors.Join(err, w.release(d))
	}
	return f, nil
}

// packet turns a draft into a PSBT, keeping what the given one, if any, says of its outputs.
func (w *Wallet) packet(d *draft, given *psbt.Packet) (*FundedPSBT, error) {
	d.arrange()
	p, err := psbt.NewFromUnsignedTx(d.tx)
	if err != nil {
		return nil, fmt.Errorf("make psbt: %w", err)
	}
	if given != nil {
		copy(p.Outputs, given.Outputs)
		p.Unknowns = given.Unknowns
	}
	f := &FundedPSBT{Packet: p, Change: int32(d.change)}
	for i, c := range d.coins {
		if err := w.describe(&p.Inputs[i], c); err != nil {
			return nil, err
		}
		f.Leases = append(f.Leases, Lease{ID: d.id, OutPoint: c.OutPoint, Amount: c.Amount, Script: c.Script, Expiry: d.expiry})
	}
	return f, nil
}

// arrange undoes the shuffle: requested outputs in their order, change last.
func (d *draft) arrange() {
	outputs := make([]*wire.TxOut, 0, len(d.tx.TxOut))
	for i, at := range d.place {
		outputs = append(outputs, d.tx.TxOut[at])
		d.place[i] = i
	}
	if d.change >= 0 {
		outputs = append(outputs, d.tx.TxOut[d.change])
		d.change = len(outputs) - 1
	}
	d.tx.TxOut = outputs
}

// describe fills in what a signer has to know of a coin.
func (w *Wallet) describe(in *psbt.PInput, c Coin) error {
	in.WitnessUtxo = &wire.TxOut{Value: int64(c.Amount), PkScript: c.Script}
	path, err := w.core.FetchDerivationInfo(c.Script)
	if err != nil {
		return fmt.Errorf("derivation of %v: %w", c.OutPoint, err)
	}
	in.Bip32Derivation = []*psbt.Bip32Derivation{path}
	if c.Type == P2TR {
		key := path.PubKey[1:]
		in.TaprootInternalKey = key
		in.TaprootBip32Derivation = []*psbt.TaprootBip32Derivation{{
			XOnlyPubKey: key, MasterKeyFingerprint: path.MasterKeyFingerprint, Bip32Path: path.Bip32Path,
		}}
		return nil
	}
	// BIP 174 wants the whole previous transaction for segwit v0, so that the amount cannot be lied about.
	d, err := w.details(c.OutPoint.Hash)
	if err != nil {
		return err
	}
	if d != nil {
		in.NonWitnessUtxo = &d.MsgTx
	}
	return nil
}

// SignPSBT adds a signature to each input that is ours and has none, and returns their indexes.
func (w *Wallet) SignPSBT(p *psbt.Packet) ([]uint32, error) {
	prevouts, err := packetOutputs(p)
	if err != nil {
		return nil, err
	}
	hashes := txscript.NewTxSigHashes(p.UnsignedTx, prevouts)
	var signed []uint32
	for i, txIn := range p.UnsignedTx.TxIn {
		in, out := &p.Inputs[i], prevouts.FetchPrevOutput(txIn.PreviousOutPoint)
		if len(in.FinalScriptWitness) > 0 || scriptType(out.PkScript) == 0 || !w.Owns(out.PkScript) {
			continue
		}
		if err := w.honest(txIn.PreviousOutPoint, in, out); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		witness, err := w.witness(p.UnsignedTx, i, out, hashes, in.SighashType)
		if err != nil {
			return nil, err
		}
		if scriptType(out.PkScript) == P2TR {
			in.TaprootKeySpendSig = witness[0]
		} else {
			in.PartialSigs = []*psbt.PartialSig{{Signature: witness[0], PubKey: witness[1]}}
		}
		signed = append(signed, uint32(i))
	}
	return signed, nil
}

// honest checks the amount that a packet claims for a coin of ours. A segwit v0 signature commits to the amount of its
// own input only: two packets that lie about different inputs would let the fee be all of both.
func (w *Wallet) honest(op wire.OutPoint, in *psbt.PInput, out *wire.TxOut) error {
	if in.NonWitnessUtxo != nil || scriptType(out.PkScript) == P2TR {
		return nil
	}
	d, err := w.details(op.Hash)
	if err != nil {
		return err
	}
	if d == nil || int(op.Index) >= len(d.MsgTx.TxOut) || d.MsgTx.TxOut[op.Index].Value != out.Value {
		return fmt.Errorf("%w: the amount cannot be verified without the previous transaction", ErrBadRequest)
	}
	return nil
}

// packetOutputs are the outputs that the packet says it spends; a whole previous transaction must be the one named.
func packetOutputs(p *psbt.Packet) (*txscript.MultiPrevOutFetcher, error) {
	f := txscript.NewMultiPrevOutFetcher(nil)
	for i, txIn := range p.UnsignedTx.TxIn {
		in, op := &p.Inputs[i], txIn.PreviousOutPoint
		if whole := in.NonWitnessUtxo; whole != nil {
			if whole.TxHash() != op.Hash || int(op.Index) >= len(whole.TxOut) {
				return nil, fmt.Errorf("%w: input %d spends another transaction than it shows", ErrBadRequest, i)
			}
			f.AddPrevOut(op, whole.TxOut[op.Index])
		} else if in.WitnessUtxo != nil {
			f.AddPrevOut(op, in.WitnessUtxo)
		} else {
			return nil, fmt.Errorf("%w: input %d does not show what it spends", ErrBadRequest, i)
		}
	}
	return f, nil
}

// FinalizePSBT signs what is ours, completes every input, and returns the transaction, which it does not publish.
func (w *Wallet) FinalizePSBT(p *psbt.Packet) (*wire.MsgTx, error) {
	if _, err := w.SignPSBT(p); err != nil {
		return nil, err
	}
	if err := psbt.MaybeFinalizeAll(p); err != nil {
		return nil, fmt.Errorf("finalize psbt: %w", err)
	}
	tx, err := psbt.Extract(p)
	if err != nil {
		return nil, fmt.Errorf("extract psbt: %w", err)
	}
	return tx, nil
}
