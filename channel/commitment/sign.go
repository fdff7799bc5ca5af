package commitment

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
)

var (
	// ErrSignature: a signature of the counterparty does not verify, or has a high s.
	ErrSignature = errors.New("invalid signature")
	// ErrSignatureCount: not one signature for each untrimmed HTLC.
	ErrSignatureCount = errors.New("wrong number of HTLC signatures")
	// ErrOwner: a commitment of the wrong side.
	ErrOwner = errors.New("commitment belongs to the other side")
)

// fundingDigest is what both parties sign to spend the funding output.
func fundingDigest(p *Params, tx *wire.MsgTx) [32]byte {
	_, script := FundingScript(p.Parties[Local].Funding, p.Parties[Remote].Funding)
	return newMidstate(tx).digest(0, script, p.Capacity, txscript.SigHashAll)
}

// digest is what the counterparty of the owner signs for the owner's HTLC transaction.
func (h *HTLCOutput) digest(f Format) [32]byte {
	return newMidstate(h.Tx).digest(0, h.Script, h.Amount.Satoshis(), f.traits().peerSigHash)
}

// signAll signs each HTLC transaction of c with key, over the cores.
func (c *Commitment) signAll(f Format, key *curve.PrivateKey) []lnwire.Sig {
	sigs := make([]lnwire.Sig, len(c.HTLCs))
	forkJoin(len(sigs), func(i int) bool {
		digest := c.HTLCs[i].digest(f)
		sigs[i] = curve.Sign(key, &digest)
		return true
	})
	return sigs
}

// Verify checks the counterparty's signatures on OUR commitment: the funding input's and one for each untrimmed HTLC.
// BOLT 2: "if signature is not valid for its local commitment transaction OR non-compliant with LOW-S-standard rule [...]
// if num_htlcs is not equal to the number of HTLC outputs [...] if any htlc_signature is not valid".
func Verify(p *Params, c *Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error {
	if c.Owner != Local {
		return ErrOwner
	}
	if len(htlcSigs) != len(c.HTLCs) {
		return fmt.Errorf("%w: %d for %d HTLCs", ErrSignatureCount, len(htlcSigs), len(c.HTLCs))
	}
	if err := VerifyFunding(p, c.Tx, sig); err != nil {
		return fmt.Errorf("commitment: %w", err)
	}
	if len(htlcSigs) == 0 {
		return nil
	}
	key, err := c.Keys.HTLC[Remote].Parse()
	if err != nil {
		return err
	}
	verify := func(digest *[32]byte, sig *[64]byte) bool { return curve.Verify(key, digest, sig) }
	if len(htlcSigs) >= curve.PrepareFrom {
		verify = curve.Prepare(key).Verify
	}
	bad := forkJoin(len(htlcSigs), func(i int) bool {
		digest := c.HTLCs[i].digest(p.Format)
		return verify(&digest, (*[64]byte)(&htlcSigs[i]))
	})
	if bad >= 0 {
		return fmt.Errorf("HTLC %d of output %d: %w", c.HTLCs[bad].ID, c.HTLCs[bad].Index, ErrSignature)
	}
	return nil
}

// VerifyFunding checks the counterparty's signature on a transaction that spends the funding output alone: a commitment
// or a closing transaction.
func VerifyFunding(p *Params, tx *wire.MsgTx, sig lnwire.Sig) error {
	key, err := p.Parties[Remote].Funding.Parse()
	if err != nil {
		return fmt.Errorf("funding_pubkey: %w", err)
	}
	digest := fundingDigest(p, tx)
	if !curve.Verify(key, &digest, (*[64]byte)(&sig)) {
		return ErrSignature
	}
	return nil
}

// Witnessed returns a copy of a commitment or closing transaction with both signatures of the funding input.
// BOLT 3: "txin[0] witness: 0 <signature_for_pubkey1> <signature_for_pubkey2>".
func Witnessed(p *Params, tx *wire.MsgTx, local, remote lnwire.Sig) *wire.MsgTx {
	a, b := p.Parties[Local].Funding, p.Parties[Remote].Funding
	_, script := FundingScript(a, b)
	first, second := der(local, txscript.SigHashAll), der(remote, txscript.SigHashAll)
	if string(a[:]) > string(b[:]) {
		first, second = second, first
	}
	out := tx.Copy()
	out.TxIn[0].Witness = wire.TxWitness{nil, first, second, script}
	return out
}

// der is the signature as scripts take it.
func der(sig lnwire.Sig, hashType txscript.SigHashType) []byte {
	var r, s btcec.ModNScalar
	r.SetByteSlice(sig[:32])
	s.SetByteSlice(sig[32:])
	return append(ecdsa.NewSignature(&r, &s).Serialize(), byte(hashType))
}

// forkFrom is the number of signatures from which starting goroutines pays.
const forkFrom = 4

// forkJoin calls do(0) … do(n-1) over the cores and returns when all calls have; at most GOMAXPROCS goroutines. It
// returns an index for which do was false, the first one found, and may skip the rest then; -1 where there is none.
func forkJoin(n int, do func(i int) bool) int {
	workers := min(runtime.GOMAXPROCS(0), n)
	if n < forkFrom || workers < 2 {
		for i := range n {
			if !do(i) {
				return i
			}
		}
		return -1
	}
	var next, bad atomic.Int64
	bad.Store(-1)
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n || bad.Load() >= 0 {
				return
			}
			if !do(i) {
				bad.CompareAndSwap(-1, int64(i))
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return int(bad.Load())
}
