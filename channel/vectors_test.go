package channel_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/channel"
	"github.com/fulmen-ln/fulmen/channel/commitment"
	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// figureHTLCs of BOLT 3, Appendix C: amount, expiry, first byte of the preimage, and whether the local node offers it.
var figureHTLCs = []struct {
	amount lnwire.MilliSatoshi
	expiry uint32
	secret byte
	local  bool
}{
	{1_000_000, 500, 0, false}, {2_000_000, 501, 1, false}, {2_000_000, 502, 2, true}, {3_000_000, 503, 3, true},
	{4_000_000, 504, 4, false}, {5_000_000, 506, 5, true}, {5_000_001, 505, 5, true},
}

// figureNumber is the commitment number of the vectors.
const figureNumber = 42

// figureKeys sign with the vectors' keys. Secrets but that of commitment 42 come from a seed, so that a dance may lead there.
type figureKeys struct {
	*commitment.Secrets
	funding, payment *btcec.PrivateKey
	base             commitment.Basepoints
	secret           *lnwire.Secret
}

func key(t *testing.T, text string) *btcec.PrivateKey {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	k, _ := btcec.PrivKeyFromBytes(b)
	return k
}

func repeat(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

// newFigureKeys: the payment and HTLC basepoints are the same; the others are repeated bytes as well.
func newFigureKeys(t *testing.T, seed byte, funding string, payment, delayed, revocation byte) *figureKeys {
	k := &figureKeys{Secrets: commitment.NewSecrets([32]byte{seed}), funding: key(t, funding), payment: key(t, repeat(payment))}
	pub := func(p *btcec.PrivateKey) lnwire.PubKey { return lnwire.NewPubKey(p.PubKey()) }
	k.base = commitment.Basepoints{Funding: pub(k.funding), Payment: pub(k.payment), HTLC: pub(k.payment),
		Delayed: pub(key(t, repeat(delayed))), Revocation: pub(key(t, repeat(revocation)))}
	return k
}

func (k *figureKeys) Basepoints() commitment.Basepoints { return k.base }

func (k *figureKeys) Point(n uint64) lnwire.PubKey {
	if n == figureNumber && k.secret != nil {
		p, err := commitment.PointOf(*k.secret)
		if err != nil {
			panic(err)
		}
		return p
	}
	return k.Secrets.Point(n)
}

func signInput(p *btcec.PrivateKey, tx *wire.MsgTx, script []byte, amount int64, how txscript.SigHashType) lnwire.Sig {
	prev := txscript.NewCannedPrevOutputFetcher(script, amount)
	d, err := txscript.CalcWitnessSigHash(script, txscript.NewTxSigHashes(tx, prev), how, tx, 0, amount)
	if err != nil {
		panic(err)
	}
	return lnwire.NewSig(ecdsa.Sign(p, d))
}

func (k *figureKeys) signFunding(p *commitment.Params, tx *wire.MsgTx) lnwire.Sig {
	_, script := commitment.FundingScript(p.Parties[0].Funding, p.Parties[1].Funding)
	return signInput(k.funding, tx, script, int64(p.Capacity), txscript.SigHashAll)
}

// SignRemote signs with the tweaked HTLC key: "privkey = basepoint_secret + SHA256(per_commitment_point || basepoint)".
func (k *figureKeys) SignRemote(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	tweak := sha256.Sum256(append(append([]byte{}, c.Keys.Point[:]...), k.base.HTLC[:]...))
	var scalar btcec.ModNScalar
	scalar.SetBytes(&tweak)
	scalar.Add(&k.payment.Key)
	var sigs []lnwire.Sig
	for _, h := range c.HTLCs {
		sigs = append(sigs, signInput(btcec.PrivKeyFromScalar(&scalar), h.Tx, h.Script, int64(h.Amount.Satoshis()), txscript.SigHashSingle|txscript.SigHashAnyOneCanPay))
	}
	return k.signFunding(p, c.Tx), sigs, nil
}

func (k *figureKeys) SignLocal(p *commitment.Params, c *commitment.Commitment) (lnwire.Sig, error) {
	return k.signFunding(p, c.Tx), nil
}

func (k *figureKeys) SignClosing(p *commitment.Params, tx *wire.MsgTx) (lnwire.Sig, error) {
	return k.signFunding(p, tx), nil
}

func (k *figureKeys) SignDigest(chainhash.Hash) lnwire.Sig { return lnwire.Sig{} }

// TestTheDanceLeadsToTheCommitmentsOfAppendixF opens a channel with the vectors' keys and funding, adds their HTLCs, changes
// the fee until commitment 42, and publishes that.
func TestTheDanceLeadsToTheCommitmentsOfAppendixF(t *testing.T) {
	for _, f := range anchorFigures {
		t.Run(f.name, func(t *testing.T) {
			local, remote := f.local, f.remote
			for _, i := range f.htlcs {
				if figureHTLCs[i].local {
					local += uint64(figureHTLCs[i].amount)
				} else {
					remote += uint64(figureHTLCs[i].amount)
				}
			}
			require.EqualValues(t, 10_000_000_000, local+remote)
			s := sim.Setup{Seed: 1, Capacity: 10_000_000, Push: lnwire.MilliSatoshi(remote), FeeRate: 300}
			s.Limits[0].DustLimit = btcutil.Amount(f.dust)
			s.Limits[1].ToSelfDelay = 144
			p := sim.NewPair(s)
			a := newFigureKeys(t, 1, "30ff4956bbdd3222d44cc5e8a1261dab1e07957bdac5ae88fe3261ef321f3749", 0x11, 0x33, 0x55)
			a.secret = (*lnwire.Secret)(key(t, "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100").Serialize())
			p.A.Signer.Signer = a
			p.B.Signer.Signer = newFigureKeys(t, 2, "1552dfba4f6cf29a62a0af13c8d6981d36d0ef8d61ba10fb0fe90da7634d7e13", 0x44, 0x66, 0x22)
			openFigure(t, p, s)
			published, htlcSigs := danceTo42(t, p, f.htlcs, lnwire.FeePerKW(f.rate))
			require.Equal(t, f.commitment, published)
			require.Equal(t, f.htlcSigs, htlcSigs)
		})
	}
}

func openFigure(t *testing.T, p *sim.Pair, s sim.Setup) {
	t.Helper()
	b, err := hex.DecodeString(fundingFigure)
	require.NoError(t, err)
	p.Funding = new(wire.MsgTx)
	require.NoError(t, p.Funding.Deserialize(bytes.NewReader(b)))
	p.A.Handler = func(out *channel.Effects) {
		if out.Fund != nil {
			p.A.Must(channel.Funded{Tx: p.Funding})
		}
	}
	params := s.OpenParams(p.A, p.B)
	p.Propose(params, s)
	p.Settle()
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Block{Height: 400})
		n.Must(channel.Confirmed{SCID: lnwire.NewShortChannelID(390, 1, 0), Output: *p.Funding.TxOut[0], Height: 400})
		n.Height = 400
	}
	// The heights of the vectors' HTLCs are below those of the harness.
	for _, n := range []*sim.Node{p.A, p.B} {
		n.Must(channel.Block{Height: 400})
	}
	p.Settle()
	require.True(t, p.A.Machine.Info().Active)
}

func danceTo42(t *testing.T, p *sim.Pair, htlcs []int, rate lnwire.FeePerKW) (published string, htlcSigs []string) {
	t.Helper()
	p.B.Released = func(_ *sim.Node, msg lnwire.Message) {
		if m, ok := msg.(*lnwire.CommitmentSigned); ok {
			htlcSigs = nil
			for _, s := range m.HTLCSigs {
				sig, err := s.Parse()
				require.NoError(t, err)
				htlcSigs = append(htlcSigs, hex.EncodeToString(sig.Serialize()))
			}
		}
	}
	for _, i := range htlcs {
		h := figureHTLCs[i]
		secret := lnwire.Preimage(bytes.Repeat([]byte{h.secret}, 32))
		from := p.B
		if h.local {
			from = p.A
		}
		require.NoError(t, from.Step(channel.Offer{Amount: h.amount, Hash: sha256.Sum256(secret[:]), Expiry: h.expiry,
			Onion: new([lnwire.OnionPacketSize]byte)}))
	}
	p.Settle()
	for i := lnwire.FeePerKW(0); ; i++ {
		next := 300 + i%2
		last := p.A.Machine.Info().LocalNumber == figureNumber-1
		if last {
			next = rate
		}
		require.NoError(t, p.A.Step(channel.SetFee{FeeRate: next}))
		p.Settle()
		if last {
			break
		}
	}
	require.EqualValues(t, figureNumber, p.A.Machine.Info().LocalNumber)
	var out channel.Effects
	require.NoError(t, p.A.Machine.Step(channel.Shut{Force: true}, &out))
	var b bytes.Buffer
	require.NoError(t, out.Broadcast[0].Serialize(&b))
	return hex.EncodeToString(b.Bytes()), htlcSigs
}
