package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// script is a bitcoind that answers what the test tells it to: a value, or an error with its code.
type script struct {
	mu      sync.Mutex
	answers map[string]any
	pass    string
	called  map[string]int
	*httptest.Server
}

func newScript(t *testing.T) *script {
	s := &script{pass: "secret", called: make(map[string]int), answers: map[string]any{
		"getblockhash":        chaincfg.MainNetParams.GenesisHash.String(),
		"getblockchaininfo":   map[string]any{"blocks": 100, "headers": 100, "bestblockhash": strings.Repeat("11", 32)},
		"getblockheader":      map[string]any{"height": 100, "time": time.Now().Unix()},
		"getzmqnotifications": []any{},
		"getmempoolinfo":      map[string]any{"mempoolminfee": 0.00001},
	}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *script) set(method string, answer any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[method] = answer
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, pass, _ := r.BasicAuth(); pass != s.pass {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var call struct{ Method string }
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.called[call.Method]++
	answer := s.answers[call.Method]
	reply := map[string]any{"result": answer, "error": nil}
	if e, ok := answer.(*RPCError); ok {
		reply = map[string]any{"result": nil, "error": e}
		w.WriteHeader(http.StatusInternalServerError)
	}
	if raw, ok := answer.([]byte); ok {
		if _, err := w.Write(raw); err != nil {
			return
		}
		return
	}
	if err := json.NewEncoder(w).Encode(reply); err != nil {
		panic(err)
	}
}

func (s *script) dial(t *testing.T, c Common) *Node {
	t.Helper()
	if c.Params == nil {
		c.Params = &chaincfg.MainNetParams
	}
	c.PollInterval = time.Millisecond
	n, err := DialBitcoind(context.Background(), BitcoindConfig{Common: c, Host: strings.TrimPrefix(s.URL, "http://"), User: "user", Pass: "secret"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// becomes waits until the node says what it should of itself.
func becomes(t *testing.T, n *Node, want string) {
	t.Helper()
	changed := make(chan struct{}, 1)
	n.Notify(changed)
	defer n.Forget(changed)
	for {
		_, reason := n.State()
		if strings.Contains(reason, want) && (want != "" || reason == "") {
			return
		}
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			require.FailNow(t, "the state does not come", "want %q, have %q", want, reason)
		}
	}
}

func TestTheStateSaysWhyABackendIsNotActedOn(t *testing.T) {
	s := newScript(t)
	n := s.dial(t, Common{})
	becomes(t, n, "")
	best := n.Best()
	require.EqualValues(t, 100, best.Height)

	info := func(extra map[string]any) map[string]any {
		m := map[string]any{"blocks": 200, "headers": 200, "bestblockhash": strings.Repeat("22", 32)}
		for k, v := range extra {
			m[k] = v
		}
		return m
	}
	for want, answer := range map[string]any{
		"starting: getblockchaininfo: Loading block index":  &RPCError{codeWarmup, "Loading block index"},
		"syncing: block 200 of 203":                         info(map[string]any{"headers": 203}),
		"syncing: block 200, in initial block download":     info(map[string]any{"initialblockdownload": true}),
		"behind: at block 99, was at 100":                   info(map[string]any{"blocks": 99, "headers": 99}),
		"the chain backend is not reachable: 200 OK: <html": []byte("<html>"),
		"answer is no JSON-RPC":                             []byte("[]"),
	} {
		s.set("getblockchaininfo", answer)
		becomes(t, n, want)
		require.Equal(t, best, n.Best(), want)
		require.False(t, n.Synced())
	}
	s.set("getblockheader", map[string]any{"height": 200, "time": time.Now().Add(-4 * time.Hour).Unix()})
	s.set("getblockchaininfo", info(nil))
	becomes(t, n, "behind: the latest block is 4h0m0s old")
	s.set("getblockheader", map[string]any{"height": 200, "time": time.Now().Unix()})
	becomes(t, n, "")
	require.EqualValues(t, 200, n.Best().Height)

	// A header or two may come before their blocks.
	s.set("getblockchaininfo", map[string]any{"blocks": 201, "headers": 203, "bestblockhash": strings.Repeat("33", 32)})
	s.set("getblockheader", map[string]any{"height": 201, "time": time.Now().Unix()})
	for n.Best().Height != 201 {
		becomes(t, n, "")
	}

	s.mu.Lock()
	s.pass = "changed"
	s.mu.Unlock()
	becomes(t, n, ErrCredentials.Error())
	s.mu.Lock()
	s.pass = "secret"
	s.mu.Unlock()
	s.set("getblockhash", chaincfg.TestNet3Params.GenesisHash.String())
	becomes(t, n, ErrWrongNetwork.Error())
}

func TestAnAbsentBackendIsWaitedFor(t *testing.T) {
	s := newScript(t)
	s.Close()
	n := s.dial(t, Common{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err := n.Wait(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "not reachable")
	require.Zero(t, n.Best())
	_, _, err = n.Output(context.Background(), lnwire.NewShortChannelID(1, 1, 0))
	require.ErrorIs(t, err, ErrUnreachable)
	require.NotErrorIs(t, err, ErrUnknownOutput)
}

func TestTheCookieIsReadForEachCall(t *testing.T) {
	s := newScript(t)
	cookie := filepath.Join(t.TempDir(), ".cookie")
	rpc, err := NewRPC(Endpoint{Host: strings.TrimPrefix(s.URL, "http://"), CookieFile: cookie})
	require.NoError(t, err)
	call := func() error { return rpc.Call(context.Background(), "getmempoolinfo", nil) }
	require.ErrorIs(t, call(), ErrUnreachable, "bitcoind has not started yet")
	require.NoError(t, os.WriteFile(cookie, []byte("__cookie__:secret\n"), 0o600))
	require.NoError(t, call())
	require.NoError(t, os.WriteFile(cookie, []byte("__cookie__:old"), 0o600))
	require.ErrorIs(t, call(), ErrCredentials)
	require.NoError(t, os.WriteFile(cookie, []byte("nonsense"), 0o600))
	require.ErrorIs(t, call(), ErrCredentials)
}

func TestAnEndpointNeedsHostAndCredentials(t *testing.T) {
	for _, at := range []Endpoint{{}, {Host: "h:1"}, {Host: "h:1", User: "u"}, {User: "u", Pass: "p"}} {
		_, err := NewRPC(at)
		require.Error(t, err, "%+v", at)
	}
	_, err := DialBitcoind(context.Background(), BitcoindConfig{Host: "127.0.0.1:1", User: "u", Pass: "p"})
	require.ErrorContains(t, err, "no network")
}

func TestAnAnswerHasALimit(t *testing.T) {
	s := newScript(t)
	rpc, err := NewRPC(Endpoint{Host: strings.TrimPrefix(s.URL, "http://"), User: "u", Pass: "secret"})
	require.NoError(t, err)
	empty := len(`{"result":""}`)
	for extra, fits := range map[int]bool{0: true, 1: false} {
		s.set("getblock", []byte(fmt.Sprintf(`{"result":"%s"}`, strings.Repeat("a", maxAnswer-empty+extra))))
		var out string
		err := rpc.Call(context.Background(), "getblock", &out)
		if fits {
			require.NoError(t, err)
			require.Len(t, out, maxAnswer-empty)
		} else {
			require.ErrorContains(t, err, "answer of more than")
		}
	}
}

func TestFeeEstimatesHaveAFloorACeilingAndAFallback(t *testing.T) {
	estimate := func(btcPerKvB float64) any { return map[string]any{"feerate": btcPerKvB} }
	nothing := map[string]any{"errors": []string{"Insufficient data or no feerate found"}}
	for _, c := range []struct {
		name   string
		common Common
		answer any
		want   lnwire.FeePerKW
		err    error
	}{
		{"10 sat/vB", Common{}, estimate(0.0001), 2500, nil},
		{"rounded up", Common{}, estimate(0.00010001), 2501, nil},
		{"the floor", Common{}, estimate(0.00001), lnwire.FeePerKWFloor, nil},
		{"the mempool's minimum", Common{}, estimate(0.000001), lnwire.FeePerKWFloor, nil},
		{"the ceiling", Common{}, estimate(1), DefaultMaxFeeRate, nil},
		{"a configured ceiling", Common{MaxFeeRate: 5000}, estimate(1), 5000, nil},
		{"nothing", Common{}, nothing, 0, ErrNoEstimate},
		{"nothing, with a fallback", Common{FallbackFeeRate: 1000}, nothing, 1000, nil},
		{"nothing, with a fallback below the floor", Common{FallbackFeeRate: 1}, nothing, lnwire.FeePerKWFloor, nil},
		{"negative", Common{}, estimate(-1), lnwire.FeePerKWFloor, nil}, // never; the mempool's minimum holds
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.set("estimatesmartfee", c.answer)
			rate, err := s.dial(t, c.common).EstimateFee(context.Background(), 6)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, rate)
		})
	}
}

func TestOnRegtestTheFeeIsFixed(t *testing.T) {
	s := newScript(t)
	s.set("getblockhash", chaincfg.RegressionNetParams.GenesisHash.String())
	rate, err := s.dial(t, Common{Params: &chaincfg.RegressionNetParams}).EstimateFee(context.Background(), 6)
	require.NoError(t, err)
	require.Equal(t, RegtestFeeRate, rate)
	rate, err = s.dial(t, Common{Params: &chaincfg.RegressionNetParams, FallbackFeeRate: 777}).EstimateFee(context.Background(), 6)
	require.NoError(t, err)
	require.EqualValues(t, 777, rate)
}

func TestABlockOfAnotherHashIsNotTaken(t *testing.T) {
	s := newScript(t)
	var b strings.Builder
	require.NoError(t, chaincfg.MainNetParams.GenesisBlock.Serialize(hexWriter{&b}))
	s.set("getblock", b.String())
	n := s.dial(t, Common{})
	block, err := n.Block(context.Background(), *chaincfg.MainNetParams.GenesisHash)
	require.NoError(t, err)
	require.Equal(t, chaincfg.MainNetParams.GenesisBlock.Header, block.Header)
	_, err = n.Block(context.Background(), chainhash.Hash{1})
	require.ErrorContains(t, err, "asked for block")
}

type hexWriter struct{ b *strings.Builder }

func (w hexWriter) Write(p []byte) (int, error) { return fmt.Fprintf(w.b, "%x", p) }

func TestTheCacheKeepsTheBlocksThatWereAskedForLast(t *testing.T) {
	var c blockCache
	block := new(wire.MsgBlock)
	for i := range cachedBlocks {
		c.add(chainhash.Hash{byte(i)}, block)
	}
	require.NotNil(t, c.lookup(chainhash.Hash{0}), "at the limit all are there")
	c.add(chainhash.Hash{cachedBlocks}, block)
	require.Nil(t, c.lookup(chainhash.Hash{1}), "one past it the oldest goes")
	require.NotNil(t, c.lookup(chainhash.Hash{0}), "which was asked for since")
	require.Len(t, c.blocks, cachedBlocks)
	require.Len(t, c.hashes, cachedBlocks)
}

func TestTheZMQAddressOfEveryInterfaceIsThatOfTheRPCServer(t *testing.T) {
	require.Equal(t, "tcp://10.0.0.1:28332", reachable("tcp://0.0.0.0:28332", "10.0.0.1:8332"))
	require.Equal(t, "tcp://10.0.0.1:28332", reachable("tcp://*:28332", "10.0.0.1:8332"))
	require.Equal(t, "tcp://10.0.0.2:28332", reachable("tcp://10.0.0.2:28332", "10.0.0.1:8332"))
	require.Equal(t, "ipc:///tmp/socket", reachable("ipc:///tmp/socket", "10.0.0.1:8332"))
}

func TestBtcdIsBehindItsPeersWhenMostAreFurther(t *testing.T) {
	s := newScript(t)
	rpc, err := NewRPC(Endpoint{Host: strings.TrimPrefix(s.URL, "http://"), User: "u", Pass: "secret"})
	require.NoError(t, err)
	b := &btcd{rpc: rpc}
	heights := func(hs ...int) (peers []map[string]int) {
		for _, h := range hs {
			peers = append(peers, map[string]int{"currentheight": h})
		}
		return peers
	}
	for _, c := range []struct {
		peers  []map[string]int
		behind bool
	}{
		{heights(), false},
		{heights(102, 102, 102), false}, // headersAhead
		{heights(103, 103, 100), true},
		{heights(9999, 100, 100), false}, // a liar
		{heights(9999, 100), false},
	} {
		s.set("getpeerinfo", c.peers)
		reason, err := b.outOfStep(context.Background(), &chainInfo{Blocks: 100})
		require.NoError(t, err)
		require.Equal(t, c.behind, reason != "", "%v", c.peers)
	}
	s.set("estimatefee", &RPCError{-1, "not enough blocks have been observed"})
	_, err = b.feeRate(context.Background(), 6)
	require.ErrorIs(t, err, ErrNoEstimate)
	require.True(t, errors.Is(b.refetch(context.Background(), chainhash.Hash{}), ErrUnsupported))
}
