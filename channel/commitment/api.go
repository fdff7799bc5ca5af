package commitment

import (
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/fulmen-ln/fulmen/lnwire"
)

// Keys are the public keys of one commitment, derived from its owner's per-commitment point.
type Keys struct {
	Owner      Side
	Point      lnwire.PubKey
	HTLC       [2]lnwire.PubKey // by Side
	Delayed    lnwire.PubKey    // the owner's
	Revocation lnwire.PubKey    // the other's, once the secret is revealed
	ToRemote   lnwire.PubKey    // the other's
}

func DeriveKeys(p *Params, owner Side, point lnwire.PubKey) (*Keys, error) { panic("soon") }

// PointOf is the per-commitment point of a secret; a secret that is no valid scalar is refused.
func PointOf(s lnwire.Secret) (lnwire.PubKey, error) { panic("soon") }

// Output is one output of a commitment besides HTLCs.
type Output struct {
	Index  int    // -1: absent
	Script []byte // witness script; nil for a P2WPKH output
}

// HTLCOutput is an untrimmed HTLC with its second-level transaction.
type HTLCOutput struct {
	HTLC
	Index  uint32
	Script []byte      // witness script
	Tx     *wire.MsgTx // HTLC-timeout or HTLC-success of the owner, without witness
}

// Commitment is one party's commitment transaction, without witness.
type Commitment struct {
	Tx       *wire.MsgTx
	Owner    Side
	Number   uint64
	Keys     *Keys
	HTLCs    []HTLCOutput   // in output order, which is the order of the signatures
	Trimmed  []HTLC         // without an output, in the order of State.HTLCs
	ToLocal  Output         // the owner's, delayed
	ToRemote Output         // the other's
	Anchors  [2]Output      // by Side
	Fee      btcutil.Amount // what the transaction pays in fact: base fee, trimmed HTLCs and outputs, roundings
}

// Build makes owner's commitment for the per-commitment point of owner.
func Build(p *Params, owner Side, point lnwire.PubKey, s *State) (*Commitment, error) { panic("soon") }

// Build is Build with keys that are derived already.
func (k *Keys) Build(p *Params, s *State) (*Commitment, error) { panic("soon") }

// Secrets are a channel's private keys in memory.
type Secrets struct{}

func NewSecrets(seed [32]byte) *Secrets          { panic("soon") }
func (s *Secrets) Basepoints() Basepoints        { panic("soon") }
func (s *Secrets) Point(n uint64) lnwire.PubKey  { panic("soon") }
func (s *Secrets) Secret(n uint64) lnwire.Secret { panic("soon") }
func (s *Secrets) SignRemote(p *Params, c *Commitment) (lnwire.Sig, []lnwire.Sig, error) {
	panic("soon")
}
func (s *Secrets) SignLocal(p *Params, c *Commitment) (lnwire.Sig, error)    { panic("soon") }
func (s *Secrets) SignClosing(p *Params, tx *wire.MsgTx) (lnwire.Sig, error) { panic("soon") }
func (s *Secrets) SignDigest(d chainhash.Hash) lnwire.Sig                    { panic("soon") }
func (s *Secrets) Witness(r *Recipe, tx *wire.MsgTx, index int, prevouts txscript.PrevOutputFetcher) (wire.TxWitness, error) {
	panic("soon")
}

// Verify checks the counterparty's signatures on OUR commitment.
func Verify(p *Params, c *Commitment, sig lnwire.Sig, htlcSigs []lnwire.Sig) error { panic("soon") }

// VerifyClosing checks the counterparty's signature on a closing transaction.
func VerifyClosing(p *Params, tx *wire.MsgTx, sig lnwire.Sig) error { panic("soon") }

// Witnessed returns a copy of a commitment or closing transaction that carries both signatures of the funding input.
func Witnessed(p *Params, tx *wire.MsgTx, local, remote lnwire.Sig) *wire.MsgTx { panic("soon") }

// Closing makes the closing transaction of closing_signed. balances are whole satoshis before the fee, which payer pays.
// An output below its owner's dust limit is omitted.
func Closing(p *Params, scripts [2][]byte, balances [2]btcutil.Amount, fee btcutil.Amount, payer Side) (*wire.MsgTx, error) {
	panic("soon")
}

// ClosingVariants are all closing transactions that a peer may have signed, the one of Closing first.
func ClosingVariants(p *Params, scripts [2][]byte, balances [2]btcutil.Amount, fee btcutil.Amount, payer Side) ([]*wire.MsgTx, error) {
	panic("soon")
}

// ClosingWeight is the expected weight of a closing transaction with these outputs.
func ClosingWeight(scripts [2][]byte) int64 { panic("soon") }

// ValidShutdownScript says whether BOLT 2 allows script in shutdown.
func ValidShutdownScript(script []byte, anySegwit bool) bool { panic("soon") }

// FundingScript returns the funding output's script and its witness script.
func FundingScript(a, b lnwire.PubKey) (pkScript, witnessScript []byte) { panic("soon") }

// Shachain stores the counterparty's revealed secrets (BOLT 3: Efficient Per-commitment Secret Storage).
type Shachain struct{}

func (c *Shachain) Insert(s lnwire.Secret) error          { panic("soon") } // secret of number Len(); ErrSecret where it does not fit
func (c *Shachain) Lookup(n uint64) (lnwire.Secret, bool) { panic("soon") }
func (c *Shachain) Len() uint64                           { panic("soon") } // secrets inserted
func (c *Shachain) Encode() []byte                        { panic("soon") }
func DecodeShachain(b []byte) (*Shachain, error)          { panic("soon") }

// CommitmentFee is the base fee of a commitment with so many untrimmed HTLCs.
func CommitmentFee(f Format, rate lnwire.FeePerKW, numHTLCs int) btcutil.Amount { panic("soon") }

// CommitmentWeight is the expected weight with so many untrimmed HTLCs.
func CommitmentWeight(f Format, numHTLCs int) int64 { panic("soon") }

// AnchorsCost is what the opener pays for both anchors.
func AnchorsCost(f Format) btcutil.Amount { panic("soon") }

// Trimmed says whether h has no output in owner's commitment at that rate.
func Trimmed(p *Params, owner Side, rate lnwire.FeePerKW, h *HTLC) bool { panic("soon") }

// Untrimmed counts the HTLCs that have an output in owner's commitment.
func Untrimmed(p *Params, owner Side, rate lnwire.FeePerKW, hs []HTLC) int { panic("soon") }

// OpenerBalance is what the opener keeps of s in owner's commitment after fee and anchors; false where it cannot pay.
func OpenerBalance(p *Params, owner Side, s *State) (lnwire.MilliSatoshi, bool) { panic("soon") }

// SpikeFee is the fee that the opener should still afford after one more HTLC: twice the rate (BOLT 2: fee spike buffer).
func SpikeFee(f Format, rate lnwire.FeePerKW, numHTLCs int) btcutil.Amount { panic("soon") }

// DustExposure is the sum of the HTLCs that owner's commitment trims at the buffered rate (BOLT 2: max_dust_htlc_exposure_msat).
func DustExposure(p *Params, owner Side, rate lnwire.FeePerKW, hs []HTLC) lnwire.MilliSatoshi {
	panic("soon")
}

// Recipe says how a claimed output is signed; Secrets.Witness follows it.
type Recipe struct{}

func (r *Recipe) Encode() []byte             { panic("soon") }
func DecodeRecipe(b []byte) (*Recipe, error) { panic("soon") }
