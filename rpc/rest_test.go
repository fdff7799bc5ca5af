package rpc_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// rest is a REST client with one macaroon.
type rest struct {
	f        *fixture
	macaroon string
	http     *http.Client
}

func (f *fixture) rest(name string) *rest {
	target, err := client.FromDir("", f.dir, regtest, name)
	require.NoError(f.t, err)
	return f.restWith(target)
}

func (f *fixture) restWith(target client.Target) *rest {
	pool := x509.NewCertPool()
	require.True(f.t, pool.AppendCertsFromPEM(target.Cert))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &rest{f, hex.EncodeToString(target.Macaroon), &http.Client{Transport: transport}}
}

// do makes a request; header is pairs of names and values.
func (r *rest) do(verb, path, body string, header ...string) *http.Response {
	r.f.t.Helper()
	req, err := http.NewRequestWithContext(r.f.ctx, verb, "https://"+r.f.RESTAddr().String()+path, strings.NewReader(body))
	require.NoError(r.f.t, err)
	if r.macaroon != "" {
		req.Header.Set("Grpc-Metadata-macaroon", r.macaroon)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.http.Do(req)
	require.NoError(r.f.t, err)
	r.f.t.Cleanup(func() { require.NoError(r.f.t, resp.Body.Close()) })
	return resp
}

// json makes a request and returns the status and what was answered.
func (r *rest) json(verb, path, body string, header ...string) (int, map[string]any) {
	r.f.t.Helper()
	resp := r.do(verb, path, body, header...)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(r.f.t, err)
	var out map[string]any
	require.NoError(r.f.t, json.Unmarshal(raw, &out), "%s", raw)
	return resp.StatusCode, out
}

func TestRESTWritesJSONAsLNDDoes(t *testing.T) {
	f := running(t)
	code, info := f.rest(client.ReadOnly).json("GET", "/v1/getinfo", "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, f.node.id().String(), info["identity_pubkey"])
	require.Equal(t, "1700000000", info["best_header_timestamp"], "64-bit numbers are strings")
	require.EqualValues(t, 850_000, info["block_height"])
	require.Equal(t, false, info["synced_to_graph"], "zero values are written out")
	require.Equal(t, []any{f.node.id().String() + "@203.0.113.5:9735"}, info["uris"])
	require.True(t, strings.HasPrefix(info["version"].(string), "0.21.2-beta"))
	require.Equal(t, map[string]any{"name": "static-remote-key", "is_required": true, "is_known": true}, info["features"].(map[string]any)["12"])
	require.Equal(t, map[string]any{"name": "unknown", "is_required": false, "is_known": false}, info["features"].(map[string]any)["1001"])
}

func TestRESTIsGuardedAsGRPCIs(t *testing.T) {
	f := running(t)
	code, body := f.rest(client.None).json("GET", "/v1/getinfo", "")
	require.Equal(t, http.StatusInternalServerError, code)
	require.Equal(t, "expected 1 macaroon, got 0", body["message"])
	require.EqualValues(t, 2, body["code"])
	_, body = f.rest(client.ReadOnly).json("POST", "/v1/invoices", "{}")
	require.Contains(t, body["message"], "permission denied")

	shut := locked(t, true)
	_, body = shut.rest(client.None).json("GET", "/v1/getinfo", "")
	require.Contains(t, body["message"], "wallet locked")
	_, body = shut.rest(client.None).json("GET", "/v1/state", "")
	require.Equal(t, "LOCKED", body["state"])
	code, _ = shut.rest(client.None).json("POST", "/v1/unlockwallet",
		`{"wallet_password":"`+base64.StdEncoding.EncodeToString([]byte(password))+`"}`)
	require.Equal(t, http.StatusOK, code)
}

func TestRESTClientCannotNameItsOwnAddress(t *testing.T) {
	f := running(t)
	code, _ := f.restWith(f.restricted("ipaddr 127.0.0.1")).json("GET", "/v1/getinfo", "", "X-Forwarded-For", "192.0.2.1")
	require.Equal(t, http.StatusOK, code)
	code, _ = f.restWith(f.restricted("ipaddr 192.0.2.1")).json("GET", "/v1/getinfo", "", "X-Forwarded-For", "192.0.2.1")
	require.NotEqual(t, http.StatusOK, code)
	code, _ = f.restWith(f.restricted("ipaddr 192.0.2.1")).json("GET", "/v1/getinfo", "", "Grpc-Metadata-X-Forwarded-For", "192.0.2.1")
	require.NotEqual(t, http.StatusOK, code)
}

func TestRESTReadsJSONThatIsCalledAForm(t *testing.T) {
	f := running(t)
	preimage := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32))
	code, body := f.rest(client.Invoice).json("POST", "/v1/invoices", `{"value":"21","memo":"tea","r_preimage":"`+preimage+`"}`,
		"Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusOK, code, "%v", body)
	require.Equal(t, "1", body["add_index"])
	require.Equal(t, lnwire.MilliSatoshi(21_000), f.node.asked.invoice.Amount)

	hash, err := base64.StdEncoding.DecodeString(body["r_hash"].(string))
	require.NoError(t, err)
	code, inv := f.rest(client.Invoice).json("GET", "/v1/invoice/"+hex.EncodeToString(hash), "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "OPEN", inv["state"])
	require.Equal(t, preimage, inv["r_preimage"])
	code, missing := f.rest(client.Invoice).json("GET", "/v1/invoice/"+strings.Repeat("00", 32), "")
	require.Equal(t, http.StatusNotFound, code)
	require.Equal(t, "unable to locate invoice", missing["message"])
}

func TestRESTDoesNotKnowServicesThatAreNotServed(t *testing.T) {
	f := running(t)
	code, _ := f.rest(client.Admin).json("POST", "/v2/signer/sharedkey", "{}")
	require.Equal(t, http.StatusNotFound, code)
	code, body := f.rest(client.Admin).json("POST", "/v1/custommessage", "{}")
	require.Equal(t, http.StatusNotImplemented, code)
	require.Equal(t, "unknown method SendCustomMessage for service lnrpc.Lightning", body["message"])
}

func TestRESTStreamsALineForEachUpdate(t *testing.T) {
	f := running(t)
	txid := chainhash.Hash{0xaa, 31: 0xbb}
	closing := chainhash.Hash{1, 2, 3}
	go func() { // the response begins with its first line, so that an early error can still have a status of its own
		<-f.node.closes.came
		f.node.closes.send(rpc.CloseUpdate{Txid: closing})
	}()
	resp := f.rest(client.Admin).do("DELETE", "/v1/channels/"+txid.String()+"/3?force=true", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, rpc.CloseChannel{Point: wire.OutPoint{Hash: txid, Index: 3}, Force: true}, f.node.asked.close)

	lines := bufio.NewScanner(resp.Body)
	next := func() map[string]any {
		require.True(t, lines.Scan(), "%v", lines.Err())
		var out map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &out))
		return out
	}
	pending := next()["result"].(map[string]any)["close_pending"].(map[string]any)
	require.Equal(t, base64.StdEncoding.EncodeToString(closing[:]), pending["txid"])
	f.node.closes.send(rpc.CloseUpdate{Txid: closing, Closed: true})
	require.Equal(t, true, next()["result"].(map[string]any)["chan_close"].(map[string]any)["success"])
	require.False(t, lines.Scan())
}

func TestRESTStreamReportsItsErrorInALine(t *testing.T) {
	f := running(t)
	hash := lnwire.Hash(bytes.Repeat([]byte{0xfb, 0xef}, 16))
	f.node.payments = []rpc.Payment{{Hash: hash, Status: lnrpc.Payment_IN_FLIGHT}}
	path := "/v2/router/track/" + base64.URLEncoding.EncodeToString(hash[:])
	require.Contains(t, path, "_", "the URL-safe alphabet is told apart")
	resp := f.rest(client.ReadOnly).do("GET", path, "")
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), hash.String())
	<-f.node.paid.came
	f.node.paid.close(rpc.ErrServerNotActive)
	require.True(t, lines.Scan())
	require.JSONEq(t, `{"error":{"code":2,"message":"chain backend is still syncing, server not active yet","details":[]}}`, lines.Text())
}

func TestRESTBodyHasAMaximumSize(t *testing.T) {
	f := running(t)
	code, _ := f.rest(client.Admin).json("POST", "/v1/signmessage", `{"msg":"`+strings.Repeat("A", 1<<20)+`"}`)
	require.Equal(t, http.StatusOK, code)
	resp := f.rest(client.Admin).do("POST", "/v1/signmessage", `{"msg":"`+strings.Repeat("A", rpc.MaxRequestSize)+`"}`)
	require.NotEqual(t, http.StatusOK, resp.StatusCode)
}
