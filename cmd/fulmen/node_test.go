package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func TestJSONIsPrintedWhereNoTerminalIs(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "", "walletbalance")
	require.Empty(t, complaint)
	require.JSONEq(t, `{"total_balance": "1250000", "confirmed_balance": "1000000", "unconfirmed_balance": "250000",
		"locked_balance": "0", "reserved_balance_anchor_chan": "0", "account_balance": {}}`, out)
	require.True(t, strings.HasPrefix(out, "{\n    \"total_balance\""), out)
}

func TestTableCanBeAskedForBeforeAndAfterTheCommand(t *testing.T) {
	f := newFake(t)
	const want = "" +
		"confirmed    1,000,000 sat\n" +
		"unconfirmed    250,000 sat\n" +
		"total        1,250,000 sat\n"
	for _, args := range [][]string{{"--table", "walletbalance"}, {"walletbalance", "--table"}} {
		out, complaint := f.run(t, "", args...)
		require.Empty(t, complaint)
		require.Equal(t, want, out)
	}
}

func TestChannelsAreListedWithoutTheirPeersEscapeSequences(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "", "listchannels", "--table")
	require.Empty(t, complaint)
	require.Equal(t, ""+
		"CHANNEL  PEER      STATE   CAPACITY SAT  OURS SAT  THEIRS SAT  IN FLIGHT  POINT\n"+
		"103x1x0  bob·[31m  active     1,000,000   400,000     596,530          0  "+someTx+":0\n", out)
}

func TestOpenChannelTakesWordsAndFlagsInAnyOrder(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "", "openchannel", bobKey, "0.005btc", "--private", "1000", "--sat_per_vbyte", "3", "--utxo", someTx+":2", "--fee_rate_ppm", "0")
	require.Empty(t, complaint)
	require.JSONEq(t, `{"funding_txid": "030201", "output_index": 1}`, out)
	r := f.opened
	require.Equal(t, bobKey, hexOf(r.NodePubkey))
	require.Equal(t, int64(500_000), r.LocalFundingAmount)
	require.Equal(t, int64(1000), r.PushSat)
	require.True(t, r.Private)
	require.Equal(t, uint64(3), r.SatPerVbyte)
	require.Equal(t, int32(1), r.MinConfs)
	require.Equal(t, uint32(2), r.Outpoints[0].OutputIndex)
	require.True(t, r.UseFeeRate)
	require.False(t, r.UseBaseFee)
}

func TestOpenChannelWaitsUntilItCanBeUsed(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "", "openchannel", bobKey, "500000", "--wait", "--table")
	require.Empty(t, complaint)
	require.Contains(t, out, "opening: channel 030201:1")
	require.Contains(t, out, "open: channel 030201:1 can be used")
}

func TestCloseChannelFindsAChannelByItsNumber(t *testing.T) {
	f := newFake(t)
	_, complaint := f.run(t, "", "closechannel", "103x1x0", "--force")
	require.Empty(t, complaint)
	require.Equal(t, someTx, f.closed.ChannelPoint.GetFundingTxidStr())
	require.True(t, f.closed.Force)

	_, complaint = f.run(t, "", "closechannel", "104x1x0")
	require.Contains(t, complaint, "there is no open channel 104x1x0")
}

func TestPolicyOfOneChannelAndOfAll(t *testing.T) {
	f := newFake(t)
	_, complaint := f.run(t, "", "updatechanpolicy", "1000", "250", "40")
	require.Empty(t, complaint)
	require.True(t, f.policy.GetGlobal())
	require.Equal(t, uint32(250), f.policy.FeeRatePpm)
	_, complaint = f.run(t, "", "updatechanpolicy", "1000", "40", "103x1x0", "--fee_rate", "0.0001")
	require.Empty(t, complaint)
	require.Equal(t, someTx, f.policy.GetChanPoint().GetFundingTxidStr())
	require.Equal(t, 0.0001, f.policy.FeeRate)
}

func TestInvoiceIsPrintedAsHex(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "", "addinvoice", "1500", "--memo", "coffee")
	require.Empty(t, complaint)
	require.JSONEq(t, `{"r_hash": "cafe", "payment_request": "lnbcrt1", "add_index": "7", "payment_addr": ""}`, out)
	require.Equal(t, int64(1500), f.added.Value)
	require.Equal(t, "coffee", f.added.Memo)
}

func payable() *lnrpc.PayReq {
	return &lnrpc.PayReq{Destination: bobKey, PaymentHash: hash, NumMsat: 2_000_000_500, Timestamp: time.Now().Unix(), Expiry: 3600, Description: "coffee"}
}

func attempt(id uint64, s lnrpc.HTLCAttempt_HTLCStatus, f *lnrpc.Failure) *lnrpc.HTLCAttempt {
	return &lnrpc.HTLCAttempt{AttemptId: id, Status: s, Failure: f, Route: &lnrpc.Route{
		TotalAmtMsat: 2_000_001_500, TotalFeesMsat: 1000, Hops: []*lnrpc.Hop{{PubKey: "03" + strings.Repeat("cd", 32)}, {PubKey: bobKey}},
	}}
}

func TestPaymentShowsItsAttempts(t *testing.T) {
	f := newFake(t)
	f.invoice = payable()
	failed := attempt(1, lnrpc.HTLCAttempt_FAILED, &lnrpc.Failure{Code: lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, FailureSourceIndex: 1})
	f.updates = []*lnrpc.Payment{
		{Status: lnrpc.Payment_IN_FLIGHT, Htlcs: []*lnrpc.HTLCAttempt{attempt(1, lnrpc.HTLCAttempt_IN_FLIGHT, nil)}},
		{Status: lnrpc.Payment_IN_FLIGHT, Htlcs: []*lnrpc.HTLCAttempt{failed}},
		{Status: lnrpc.Payment_SUCCEEDED, PaymentHash: hash, PaymentPreimage: someTx, ValueMsat: 2_000_000_500, FeeMsat: 1000,
			Htlcs: []*lnrpc.HTLCAttempt{failed, attempt(2, lnrpc.HTLCAttempt_SUCCEEDED, nil)}},
	}
	out, complaint := f.run(t, "", "pay", "lnbcrt1", "--table", "--max_parts", "4")
	require.Empty(t, complaint)
	_, rest, _ := strings.Cut(out, "sat\nattempt")
	require.Equal(t, ""+
		" 1: 2,000,000.500 sat over 03cdcdcd…cdcd → bob, fee 1 sat\n"+
		"   failed: temporary channel failure, says 03cdcdcd…cdcd\n"+
		"attempt 2: 2,000,000.500 sat over 03cdcdcd…cdcd → bob, fee 1 sat\n"+
		"   arrived\n"+
		"paid 2,000,000.500 sat, fee 1 sat\n"+
		"preimage  "+someTx+"\n"+
		"hash      "+hash+"\n", rest)
	require.Equal(t, uint32(4), f.paid.MaxParts)
	require.Equal(t, int64(100_000_025), f.paid.FeeLimitMsat)
	require.Equal(t, int32(60), f.paid.TimeoutSeconds)
}

func TestFailedPaymentIsAnErrorAfterItsJSON(t *testing.T) {
	f := newFake(t)
	f.invoice = payable()
	f.updates = []*lnrpc.Payment{{Status: lnrpc.Payment_FAILED, PaymentHash: hash, FailureReason: lnrpc.PaymentFailureReason_FAILURE_REASON_NO_ROUTE}}
	out, complaint := f.run(t, "", "pay", "lnbcrt1")
	require.Contains(t, out, `"status": "FAILED"`)
	require.Contains(t, complaint, "the payment failed: there is no route")
}

func TestAmountIsAskedForExactlyWhereTheInvoiceHasNone(t *testing.T) {
	f := newFake(t)
	f.invoice = payable()
	_, complaint := f.run(t, "", "pay", "lnbcrt1", "--amt", "5")
	require.Contains(t, complaint, "the invoice is over 2,000,000.500 sat")
	f.invoice.NumMsat = 0
	_, complaint = f.run(t, "", "pay", "lnbcrt1")
	require.Contains(t, complaint, "give it with --amt")
	require.Nil(t, f.paid)
	f.updates = []*lnrpc.Payment{{Status: lnrpc.Payment_SUCCEEDED}}
	_, complaint = f.run(t, "", "pay", "lnbcrt1", "--amt", "5", "--fee_limit_percent", "40")
	require.Empty(t, complaint)
	require.Equal(t, int64(5000), f.paid.AmtMsat)
	require.Equal(t, int64(2000), f.paid.FeeLimitMsat)
}

func TestKeysendSendsThePreimageOfItsHash(t *testing.T) {
	f := newFake(t)
	f.updates = []*lnrpc.Payment{{Status: lnrpc.Payment_SUCCEEDED}}
	_, complaint := f.run(t, "", "sendpayment", bobKey, "1000", "--keysend", "--data", "696969=68656c6c6f")
	require.Empty(t, complaint)
	require.Len(t, f.paid.DestCustomRecords[keysendRecord], 32)
	require.Len(t, f.paid.PaymentHash, 32)
	require.Equal(t, "hello", string(f.paid.DestCustomRecords[696969]))
	_, complaint = f.run(t, "", "sendpayment", bobKey, "1000")
	require.Contains(t, complaint, "either a payment hash or --keysend")
}

func TestWalletIsMadeFromStandardInput(t *testing.T) {
	f := newFake(t)
	out, complaint := f.run(t, "correct horse\n", "create", "--stdin")
	require.Empty(t, complaint)
	require.Contains(t, out, `"cipher_seed_mnemonic"`)
	require.Equal(t, "correct horse", string(f.made.WalletPassword))
	require.Zero(t, f.made.RecoveryWindow)

	words := strings.Repeat("zoo ", seedWords)
	out, complaint = f.run(t, "correct horse\n"+words+"\nsalt", "create", "--stdin", "--restore")
	require.Empty(t, complaint)
	require.NotContains(t, out, "zoo", "words that the user has are not printed")
	require.Equal(t, "salt", string(f.made.AezeedPassphrase))
	require.Equal(t, int32(defaultGap), f.made.RecoveryWindow)
	require.Len(t, f.made.CipherSeedMnemonic, seedWords)

	_, complaint = f.run(t, "short\n", "create", "--stdin")
	require.Contains(t, complaint, "at least 8 characters")
	_, complaint = f.run(t, "correct horse\nzoo zoo\n", "create", "--stdin", "--restore")
	require.Contains(t, complaint, "these are 2 words")
	_, complaint = f.run(t, "", "create", "--stdin")
	require.Contains(t, complaint, "the input ended")
}

func TestWalletIsNotMadeTwice(t *testing.T) {
	f := newFake(t)
	f.state = lnrpc.WalletState_LOCKED
	_, complaint := f.run(t, "", "create")
	require.Equal(t, "wallet already exists\nOpen it with `fulmen unlock`.", complaint)
}

func TestComplaintOfTheNodeComesWithAdvice(t *testing.T) {
	f := newFake(t)
	f.err = status.Error(codes.Unknown, "wallet locked, unlock it to enable full RPC access")
	_, complaint := f.run(t, "", "getinfo")
	require.Equal(t, "wallet locked, unlock it to enable full RPC access\nOpen it with `fulmen unlock`.", complaint)
	f.err = nil
	_, complaint = f.run(t, "", "describegraph")
	require.Contains(t, complaint, "does not have this call")
}
