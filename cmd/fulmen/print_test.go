package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

func render(color bool, show func(*page)) string {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	show(&page{w: w, color: color})
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return b.String()
}

func TestTableAlignsTextLeftAndNumbersRight(t *testing.T) {
	tab := newTable("node", ">sat", "state")
	tab.add("alice", sats(1_234_567), cell{"active", green})
	tab.add("žofie …", msats(1500), cell{"no", yellow})
	tab.add("", 0, "")
	require.Equal(t, ""+
		"NODE           SAT  STATE\n"+
		"alice    1,234,567  active\n"+
		"žofie …      1.500  no\n"+
		"                 0\n", render(false, func(p *page) { p.table(tab, "none") }))
}

func TestColourDoesNotMoveColumns(t *testing.T) {
	tab := newTable("a", "b")
	tab.add(cell{"x", red}, "y")
	require.Equal(t, "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n", render(true, func(p *page) { p.table(tab, "") }))
}

func TestEmptyTableSaysSo(t *testing.T) {
	require.Equal(t, "nothing\n", render(false, func(p *page) { p.table(newTable("a"), "nothing") }))
}

func TestRowOfAnotherLengthIsABug(t *testing.T) {
	require.Panics(t, func() { newTable("a", "b").add(1) })
}

func TestFactsWithoutValueAreLeftOut(t *testing.T) {
	require.Equal(t, "key     02ab\nheight  7\n", render(false, func(p *page) {
		p.facts(fact{"key", "02ab"}, fact{"memo", ""}, fact{"height", 7})
	}))
}

func TestControlCharactersDoNotReachTheTerminal(t *testing.T) {
	require.Equal(t, "a·[2J·b", visible("a\x1b[2J\nb"))
	require.Equal(t, "a·…", clip("a\x07bcd", 3))
	require.Equal(t, "añb", clip("añb", 3))
}

func TestAmountsAreGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", -1: "-1", -123456: "-123,456", 2_100_000_000_000_000: "2,100,000,000,000,000"} {
		require.Equal(t, want, sats(n).String())
	}
	for n, want := range map[uint64]string{0: "0", 1: "0.001", 1000: "1", 1_234_567_089: "1,234,567.089"} {
		require.Equal(t, want, msats(n).String())
	}
}

func TestJSONIsThatOfProtojsonButForBytes(t *testing.T) {
	for _, m := range []proto.Message{
		&lnrpc.GetInfoResponse{Alias: "a<b>\"ü\u2028", BlockHeight: 7, Chains: []*lnrpc.Chain{{Chain: "bitcoin"}, {}},
			Features: map[uint32]*lnrpc.Feature{9: {Name: "x"}, 10: {IsKnown: true}}},
		&lnrpc.ChannelBalanceResponse{LocalBalance: &lnrpc.Amount{Sat: 1 << 60}},
		&lnrpc.Payment{Status: lnrpc.Payment_FAILED, Htlcs: []*lnrpc.HTLCAttempt{{Failure: &lnrpc.Failure{Code: 999}}}},
		&lnrpc.ForwardingHistoryResponse{ForwardingEvents: []*lnrpc.ForwardingEvent{{IncomingHtlcId: proto.Uint64(0)}, {}}},
		&lnrpc.Utxo{AmountSat: -5}, &lnrpc.FeeReportResponse{ChannelFees: []*lnrpc.ChannelFeeReport{{FeeRate: 0.000001}, {FeeRate: 1e21}}},
		&lnrpc.CloseStatusUpdate{}, &lnrpc.ChannelEventUpdate{Type: lnrpc.ChannelEventUpdate_ACTIVE_CHANNEL, Channel: &lnrpc.ChannelEventUpdate_ActiveChannel{
			ActiveChannel: &lnrpc.ChannelPoint{FundingTxid: &lnrpc.ChannelPoint_FundingTxidStr{FundingTxidStr: "ab"}}}},
	} {
		want, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
		require.NoError(t, err)
		got := marshal(m)
		require.True(t, json.Valid(got), "%s", got)
		require.JSONEq(t, string(want), string(got))
	}
}

func TestBytesAreHexInJSON(t *testing.T) {
	got := string(marshal(&lnrpc.PaymentHash{RHash: []byte{0, 255}}))
	require.Equal(t, `{"r_hash_str":"","r_hash":"00ff"}`, got)
	got = string(marshal(&lnrpc.Hop{CustomRecords: map[uint64][]byte{100: {1}, 20: {2}}}))
	require.Contains(t, got, `"custom_records":{"20":"02","100":"01"}`)
}
