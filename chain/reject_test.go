package chain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDaemonsTextsBecomeReasons(t *testing.T) {
	for text, want := range map[string]Reason{
		// Bitcoin Core
		"bad-txns-inputs-missingorspent":                    MissingInputs,
		"missing-inputs":                                    MissingInputs,
		"txn-mempool-conflict":                              Conflict,
		"insufficient fee, rejecting replacement abc":       Conflict,
		"min relay fee not met, 0 < 141":                    FeeTooLow,
		"mempool min fee not met, 100 < 500":                FeeTooLow,
		"non-final":                                         NotFinal,
		"non-BIP68-final":                                   NotFinal,
		"bad-txns-premature-spend-of-coinbase, tried":       NotFinal,
		"mempool-script-verify-flag-failed (Script failed)": BadScript,
		"mandatory-script-verify-flag-failed (Witness)":     BadScript,
		"dust, tx with dust output must be 0-fee":           Dust,
		"too-long-mempool-chain, too many descendants":      TooManyAncestors,
		"too-large-cluster":                                 TooManyAncestors,
		"bad-txns-in-belowout, value in (1) < value out":    Invalid,
		"package-mempool-limits":                            Other,
		// btcd
		"TX rejected: orphan transaction aa references outputs of unknown or fully-spent transaction bb":                      MissingInputs,
		"TX rejected: output already spent in mempool: output=aa:0, tx=bb":                                                    Conflict,
		"TX rejected: aa: replacement transaction has an insufficient absolute fee: needs 2, has 1":                           Conflict,
		"TX rejected: transaction aa has 0 fees which is under the required amount of 110":                                    FeeTooLow,
		"TX rejected: transaction aa has insufficient priority (1 <= 57600000)":                                               FeeTooLow,
		"TX rejected: transaction aa has been rejected by the rate limiter due to low fees":                                   FeeTooLow,
		"TX rejected: transaction aa is not standard: transaction is not finalized":                                           NotFinal,
		"TX rejected: transaction's sequence locks on inputs not met":                                                         NotFinal,
		"TX rejected: failed to validate input aa:0 which references output bb:1":                                             BadScript,
		"TX rejected: transaction aa is not standard: transaction output 1: payment is dust: 100":                             Dust,
		"TX rejected: total value of all transaction inputs for transaction aa is 1 which is less than the amount spent of 2": Invalid,
	} {
		var rejected *Rejected
		require.ErrorAs(t, rejection(text), &rejected, text)
		require.Equal(t, want, rejected.Reason, text)
		require.Equal(t, text, rejected.Text)
		require.Contains(t, rejected.Error(), want.String())
	}
}

func TestWhatIsKnownIsNotRefused(t *testing.T) {
	for _, text := range []string{
		"txn-already-in-mempool", "txn-already-known", "Transaction outputs already in utxo set", "transaction already in block chain",
		"TX rejected: already have transaction in mempool aa", "TX rejected: transaction already exists in blockchain",
	} {
		require.NoError(t, rejection(text), text)
	}
}

func TestEveryReasonHasAName(t *testing.T) {
	for r := Other; r <= TooManyAncestors; r++ {
		require.NotEmpty(t, reasonNames[r])
	}
	require.Equal(t, "reason 200", Reason(200).String())
}
