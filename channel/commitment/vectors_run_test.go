package commitment

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
	"github.com/fulmen-ln/fulmen/internal/curve"
	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/stretchr/testify/require"
)

// The channel of Appendices C and F: local is the opener, and its commitment 42 is built.
const (
	vectorNumber   = 42
	vectorCapacity = btcutil.Amount(10_000_000)
	vectorDelay    = 144
)

// vectorHTLCs are those of Appendix C; the preimage of each is 32 times the byte.
var vectorHTLCs = []struct {
	offerer  Side
	msat     lnwire.MilliSatoshi
	expiry   uint32
	preimage byte
}{
	{Remote, 1000000, 500, 0},
	{Remote, 2000000, 501, 1},
	{Local, 2000000, 502, 2},
	{Local, 3000000, 503, 3},
	{Remote, 4000000, 504, 4},
	{Local, 5000000, 506, 5},
	{Local, 5000001, 505, 5},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func privateKey(t testing.TB, s string) *curve.PrivateKey {
	k, _ := btcec.PrivKeyFromBytes(unhex(t, s))
	return k
}

func repeat(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func pubKey(t testing.TB, s string) lnwire.PubKey { return lnwire.PubKey(unhex(t, s)) }

// vectorSecrets are the two parties' keys. Those that the appendices do not need are arbitrary.
func vectorSecrets(t testing.TB) (local, remote *Secrets) {
	local = &Secrets{
		funding: privateKey(t, "30ff4956bbdd3222d44cc5e8a1261dab1e07957bdac5ae88fe3261ef321f3749"),
		payment: privateKey(t, repeat(0x11)), htlc: privateKey(t, repeat(0x11)),
		delayed: privateKey(t, repeat(0x33)), revocation: privateKey(t, repeat(0x55)),
	}
	remote = &Secrets{
		funding: privateKey(t, "1552dfba4f6cf29a62a0af13c8d6981d36d0ef8d61ba10fb0fe90da7634d7e13"),
		payment: privateKey(t, repeat(0x44)), htlc: privateKey(t, repeat(0x44)),
		delayed: privateKey(t, repeat(0x66)), revocation: privateKey(t, repeat(0x22)),
	}
	local.publish()
	remote.publish()
	return local, remote
}

func vectorParams(t testing.TB, f Format, dust btcutil.Amount) *Params {
	local, remote := vectorSecrets(t)
	txid, err := chainhash.NewHashFromStr("8984484a580b825b9972d7adb15050b3ab624ccd731946b3eeddb92f4e7ef6be")
	require.NoError(t, err)
	return &Params{
		Format: f, Funding: wire.OutPoint{Hash: *txid}, Capacity: vectorCapacity, Opener: Local,
		Parties: [2]Party{
			{Basepoints: local.Basepoints(), DustLimit: dust, ToSelfDelay: vectorDelay},
			{Basepoints: remote.Basepoints(), DustLimit: dust, ToSelfDelay: vectorDelay},
		},
	}
}

func (v *txVector) state() *State {
	s := &State{
		Number: vectorNumber, FeeRate: lnwire.FeePerKW(v.rate),
		Balances: [2]lnwire.MilliSatoshi{lnwire.MilliSatoshi(v.local), lnwire.MilliSatoshi(v.remote)},
	}
	for _, i := range v.htlcs {
		h := &vectorHTLCs[i]
		preimage := bytes.Repeat([]byte{h.preimage}, 32)
		s.HTLCs = append(s.HTLCs, HTLC{
			Offerer: h.offerer, ID: uint64(i), Amount: h.msat, Hash: sha256.Sum256(preimage), Expiry: h.expiry,
		})
	}
	return s
}

// mirror is the channel as the counterparty sees it.
func mirror(p *Params) *Params {
	m := *p
	m.Opener = p.Opener.Other()
	m.Parties[Local], m.Parties[Remote] = p.Parties[Remote], p.Parties[Local]
	return &m
}

func mirrorState(s *State) *State {
	m := *s
	m.Balances[Local], m.Balances[Remote] = s.Balances[Remote], s.Balances[Local]
	m.HTLCs = nil
	for _, h := range s.HTLCs {
		h.Offerer = h.Offerer.Other()
		m.HTLCs = append(m.HTLCs, h)
	}
	return &m
}

func sigOf(t testing.TB, der string) lnwire.Sig {
	parsed, err := ecdsa.ParseDERSignature(unhex(t, der))
	require.NoError(t, err)
	var sig lnwire.Sig
	r, s := parsed.R(), parsed.S()
	r.PutBytesUnchecked(sig[:32])
	s.PutBytesUnchecked(sig[32:])
	return sig
}

func hexOf(t testing.TB, tx *wire.MsgTx) string {
	var b bytes.Buffer
	require.NoError(t, tx.Serialize(&b))
	return hex.EncodeToString(b.Bytes())
}

func vectorPoint(t testing.TB) lnwire.PubKey {
	secret := lnwire.Secret(unhex(t, "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"))
	point, err := PointOf(secret)
	require.NoError(t, err)
	return point
}

func TestAppendixCAndFTransactionsAndSignatures(t *testing.T) {
	for _, group := range []struct {
		format  Format
		vectors []txVector
	}{{StaticRemoteKey, staticRemoteKeyVectors}, {Anchors, anchorsVectors}} {
		for i := range group.vectors {
			v := &group.vectors[i]
			t.Run(group.format.String()+"/"+v.name, func(t *testing.T) { runTxVector(t, group.format, v) })
		}
	}
}

func runTxVector(t *testing.T, f Format, v *txVector) {
	p := vectorParams(t, f, v.dust)
	local, remote := vectorSecrets(t)
	c, err := Build(p, Local, vectorPoint(t), v.state())
	require.NoError(t, err)
	require.Len(t, c.HTLCs, len(v.secondLevel))
	require.Len(t, c.Trimmed, len(v.htlcs)-len(v.secondLevel))

	// The counterparty builds the same transaction from its own view and signs it.
	theirs, err := Build(mirror(p), Remote, vectorPoint(t), mirrorState(v.state()))
	require.NoError(t, err)
	sig, htlcSigs, err := remote.SignRemote(mirror(p), theirs)
	require.NoError(t, err)
	require.Equal(t, sigOf(t, v.remoteSig), sig)
	require.Len(t, htlcSigs, len(v.secondLevel))
	require.NoError(t, Verify(p, c, sig, htlcSigs))

	ours, err := local.SignLocal(p, c)
	require.NoError(t, err)
	full := Witnessed(p, c.Tx, ours, sig)
	require.Equal(t, v.tx, hexOf(t, full))

	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		require.Equal(t, sigOf(t, v.secondLevel[i].remoteSig), htlcSigs[i])
		r := &Recipe{Kind: SpendHTLCTimeout, Format: f, Script: h.Script, Point: c.Keys.Point, PeerSig: htlcSigs[i]}
		if h.Offerer == Remote {
			r.Kind = SpendHTLCSuccess
			copy(r.Preimage[:], bytes.Repeat([]byte{vectorHTLCs[h.ID].preimage}, 32))
		}
		out := c.Tx.TxOut[h.Index]
		tx := h.Tx.Copy()
		tx.TxIn[0].Witness, err = local.Witness(r, tx, 0, txscript.NewCannedPrevOutputFetcher(out.PkScript, out.Value))
		require.NoError(t, err)
		require.Equal(t, v.secondLevel[i].tx, hexOf(t, tx))
		runEngine(t, tx, 0, out)
		require.LessOrEqual(t, witnessWeight(tx.TxIn[0].Witness), r.WitnessWeight())
	}
	runEngine(t, full, 0, wire.NewTxOut(int64(p.Capacity), fundingPkScript(p)))
}

func fundingPkScript(p *Params) []byte {
	pkScript, _ := FundingScript(p.Parties[Local].Funding, p.Parties[Remote].Funding)
	return pkScript
}

func witnessWeight(w wire.TxWitness) int64 { return int64(w.SerializeSize()) }

// runEngine lets Bitcoin's script interpreter judge one input.
func runEngine(t testing.TB, tx *wire.MsgTx, index int, prev *wire.TxOut) {
	t.Helper()
	fetcher := txscript.NewCannedPrevOutputFetcher(prev.PkScript, prev.Value)
	engine, err := txscript.NewEngine(prev.PkScript, tx, index, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(tx, fetcher), prev.Value, fetcher)
	require.NoError(t, err)
	require.NoError(t, engine.Execute())
}

func TestAppendixBFundingOutput(t *testing.T) {
	local, remote := vectorSecrets(t)
	require.Equal(t, pubKey(t, "023da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb"), local.Basepoints().Funding)
	require.Equal(t, pubKey(t, "030e9f7b623d2ccc7c9bd44d66d5ce21ce504c0acf6385a132cec6d3c39fa711c1"), remote.Basepoints().Funding)
	pkScript, script := FundingScript(remote.Basepoints().Funding, local.Basepoints().Funding)
	require.Equal(t, "5221023da092f6980e58d2c037173180e9a465476026ee50f96695963e8efe436f54eb21030e9f7b623d2ccc7c9bd44d66d5ce21ce504c0acf6385a132cec6d3c39fa711c152ae", hex.EncodeToString(script))

	var tx wire.MsgTx
	require.NoError(t, tx.Deserialize(bytes.NewReader(unhex(t, "0200000001adbb20ea41a8423ea937e76e8151636bf6093b70eaff942930d20576600521fd000000006b48304502210090587b6201e166ad6af0227d3036a9454223d49a1f11839c1a362184340ef0240220577f7cd5cca78719405cbf1de7414ac027f0239ef6e214c90fcaab0454d84b3b012103535b32d5eb0a6ed0982a0479bbadc9868d9836f6ba94dd5a63be16d875069184ffffffff028096980000000000220020c015c4a6be010e21657068fc2e6a9d02b27ebe4d490a25846f7237f104d1a3cd20256d29010000001600143ca33c2e4446f4a305f23c80df8ad1afdcf652f900000000"))))
	p := vectorParams(t, StaticRemoteKey, 546)
	require.Equal(t, p.Funding.Hash, tx.TxHash())
	require.Equal(t, pkScript, tx.TxOut[p.Funding.Index].PkScript)
	require.EqualValues(t, p.Capacity, tx.TxOut[p.Funding.Index].Value)
}

func TestAppendixCKeysAndObscurer(t *testing.T) {
	p := vectorParams(t, StaticRemoteKey, 546)
	k, err := DeriveKeys(p, Local, vectorPoint(t))
	require.NoError(t, err)
	require.Equal(t, pubKey(t, "030d417a46946384f88d5f3337267c5e579765875dc4daca813e21734b140639e7"), k.HTLC[Local])
	require.Equal(t, pubKey(t, "0394854aa6eab5b2a8122cc726e9dded053a2184d88256816826d6231c068d4a5b"), k.HTLC[Remote])
	require.Equal(t, pubKey(t, "03fd5960528dc152014952efdb702a88f71e3c1653b2314431701ec77e57fde83c"), k.Delayed)
	require.Equal(t, pubKey(t, "0212a140cd0c6539d07cd08dfe09984dec3251ea808b892efeac3ede9402bf2b19"), k.Revocation)
	require.Equal(t, pubKey(t, "032c0b7cf95324a07d05398b240174dc0c2be444d96b159aa6c7f7b1e668680991"), k.ToRemote)
	require.EqualValues(t, 0x2bb038521914, p.obscurer())
}

func TestAppendixDSecretsAreGenerated(t *testing.T) {
	for _, v := range generateVectors {
		secret := generate([32]byte(unhex(t, v.seed)), v.index)
		require.Equal(t, v.secret, hex.EncodeToString(secret[:]), v.name)
	}
}

func TestAppendixDSecretsAreStored(t *testing.T) {
	for _, v := range storageVectors {
		var c Shachain
		for i, s := range v.secrets {
			before := c
			err := c.Insert(lnwire.Secret(unhex(t, s)))
			if v.refused && i == len(v.secrets)-1 {
				require.ErrorIs(t, err, ErrSecret, v.name)
				require.Equal(t, before, c, "a refused secret changes nothing")
			} else {
				require.NoError(t, err, "%s: %d", v.name, i)
			}
		}
	}
}

func TestAppendixEKeyDerivation(t *testing.T) {
	base := privateKey(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	revealed, err := scalar(lnwire.Secret(unhex(t, "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100")))
	require.NoError(t, err)
	basepoint := pubKey(t, "036d6caac248af96f6afa7f904f550253a0f3ef3f5aa2fe6838a95b216691468e2")
	point := pubKey(t, "025f7117a78150fe2ef97db7cfc83bd57b2e2c0d0dd25eaf467a4a1c2a45ce1486")
	require.Equal(t, basepoint, lnwire.NewPubKey(base.PubKey()))
	require.Equal(t, point, vectorPoint(t))

	compressed := func(s curve.Sum) lnwire.PubKey {
		var to [1][33]byte
		require.NoError(t, curve.Compress(to[:], []curve.Sum{s}))
		return to[0]
	}
	local, err := tweakedKey(basepoint, point)
	require.NoError(t, err)
	require.Equal(t, pubKey(t, "0235f2dbfaa89b57ec7b055afe29849ef7ddfeb1cefdb9ebdc43f5494984db29e5"), compressed(local))
	require.Equal(t, "cbced912d3b21bf196a766651e436aff192362621ce317704ea2f75d87e7be0f",
		hex.EncodeToString(tweakedSecret(base, basepoint, point).Serialize()))

	pt, err := point.Parse()
	require.NoError(t, err)
	revocation, err := revocationKey(basepoint, point, pt)
	require.NoError(t, err)
	require.Equal(t, pubKey(t, "02916e326636d19c33f13e8c0c3a03dd157f332f3e99c317c141dd865eb01f8ff0"), compressed(revocation))
	require.Equal(t, "d09ffff62ddb2297ab000cc85bcb4283fdeb6aa052affbc9dddcf33b61078110",
		hex.EncodeToString(revocationSecret(base, basepoint, point, revealed).Serialize()))
}
