package itest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/rpc/client"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// request over REST, with a macaroon of the daemon's folder.
func (d *daemon) request(macaroon, verb, path, body, kind string) *http.Response {
	d.n.t.Helper()
	target, err := client.FromDir(d.rest, d.dir, &chaincfg.RegressionNetParams, macaroon)
	require.NoError(d.n.t, err)
	pool := x509.NewCertPool()
	require.True(d.n.t, pool.AppendCertsFromPEM(target.Cert))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	d.n.t.Cleanup(transport.CloseIdleConnections)
	r, err := http.NewRequestWithContext(d.n.ctx, verb, "https://"+d.rest+path, strings.NewReader(body))
	require.NoError(d.n.t, err)
	r.Header.Set("Content-Type", kind)
	if macaroon != client.None {
		r.Header.Set("Grpc-Metadata-macaroon", hex.EncodeToString(target.Macaroon))
	}
	resp, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(d.n.t, err)
	d.n.t.Cleanup(func() { require.NoError(d.n.t, resp.Body.Close()) })
	return resp
}

func (d *daemon) ask(macaroon, verb, path, body, kind string) (int, map[string]any) {
	d.n.t.Helper()
	resp := d.request(macaroon, verb, path, body, kind)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(d.n.t, err)
	var out map[string]any
	require.NoError(d.n.t, json.Unmarshal(raw, &out), "%s", raw)
	return resp.StatusCode, out
}

func (d *daemon) get(macaroon, path string) (int, map[string]any) {
	return d.ask(macaroon, http.MethodGet, path, "", "application/json")
}

func TestRESTCarriesAPaymentFromInvoiceToSettlement(t *testing.T) {
	n := start(t, 2)
	n.open("alice", "bob")
	rest := make(map[string]*daemon)
	for _, node := range n.Nodes() {
		rest[node.Name] = &daemon{n: n, dir: node.Dir, rpc: node.RPC, rest: node.REST}
	}
	code, info := rest["alice"].get(client.ReadOnly, "/v1/getinfo")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, hex.EncodeToString(n.key("alice")), info["identity_pubkey"])
	require.EqualValues(t, 1, info["num_active_channels"])

	preimage := strings.Repeat("\xfb", 32)
	code, in := rest["bob"].ask(client.Invoice, http.MethodPost, "/v1/invoices",
		`{"value_msat":"21000","r_preimage":"`+base64.StdEncoding.EncodeToString([]byte(preimage))+`"}`, "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusOK, code, in)

	states := bufio.NewScanner(rest["alice"].request(client.Admin, http.MethodPost, "/v2/router/send",
		`{"payment_request":"`+in["payment_request"].(string)+`","timeout_seconds":30,"fee_limit_msat":"1000"}`, "application/json").Body)
	var last map[string]any
	for states.Scan() { // a JSON object a line
		var line struct{ Result map[string]any }
		require.NoError(t, json.Unmarshal(states.Bytes(), &line))
		last = line.Result
	}
	require.NoError(t, states.Err())
	require.Equal(t, "SUCCEEDED", last["status"], last)
	require.Equal(t, "21000", last["value_msat"], "64-bit numbers are strings")
	require.Equal(t, hex.EncodeToString([]byte(preimage)), last["payment_preimage"])
	hash, err := base64.StdEncoding.DecodeString(in["r_hash"].(string))
	require.NoError(t, err)
	code, found := rest["bob"].get(client.Invoice, "/v1/invoice/"+hex.EncodeToString(hash))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, []any{"21000", "SETTLED"}, []any{found["amt_paid_msat"], found["state"]})
	code, _ = rest["bob"].get(client.Invoice, "/v1/invoice/"+strings.Repeat("00", 32))
	require.Equal(t, http.StatusNotFound, code)
	code, list := rest["alice"].get(client.ReadOnly, "/v1/channels?active_only=true")
	require.Equal(t, http.StatusOK, code)
	require.Len(t, list["channels"], 1)
	code, bad := rest["alice"].ask(client.Admin, http.MethodPost, "/v2/router/send", "{nonsense", "application/json")
	require.Equal(t, http.StatusBadRequest, code, bad)
	n.quiet()
}

func TestRESTUnlocksAWallet(t *testing.T) {
	n := start(t, 1)
	d := n.daemon()
	d.run()
	d.reaches(lnrpc.WalletState_NON_EXISTING)
	_, body := d.get(client.None, "/v1/getinfo")
	require.Contains(t, body["message"], "wallet not created")
	code, seed := d.get(client.None, "/v1/genseed")
	require.Equal(t, http.StatusOK, code)
	words, err := json.Marshal(seed["cipher_seed_mnemonic"])
	require.NoError(t, err)
	password := base64.StdEncoding.EncodeToString([]byte("correct horse"))
	code, body = d.ask(client.None, http.MethodPost, "/v1/initwallet", `{"wallet_password":"`+password+`","cipher_seed_mnemonic":`+string(words)+`}`, "application/json")
	require.Equal(t, http.StatusOK, code, body)
	require.NotEmpty(t, body["admin_macaroon"])
	d.reaches(lnrpc.WalletState_SERVER_ACTIVE)
	code, _ = d.get(client.ReadOnly, "/v1/getinfo")
	require.Equal(t, http.StatusOK, code)
}
