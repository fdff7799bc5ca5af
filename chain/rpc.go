package chain

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// callTimeout is how long one call may take; a daemon that hangs is as good as absent.
	callTimeout = 60 * time.Second
	// maxAnswer is the longest answer in bytes: a block of 4 MB in hex, with room.
	maxAnswer = 16 << 20
	// maxConnections to the daemon at a time; btcd serves ten clients by default.
	maxConnections = 4
)

// Endpoint is where a daemon's RPC server is and what it wants to hear.
type Endpoint struct {
	Host       string // host:port
	User, Pass string // or
	CookieFile string // bitcoind's, read for each call: bitcoind changes it when it starts
	CertFile   string // of the server; empty: no TLS
}

// RPC calls bitcoind or btcd: JSON-RPC 1.0 over HTTP or HTTPS. The daemon need not be there yet. It stands beside
// btcsuite's rpcclient because that neither takes a context nor knows Core's present answers.
type RPC struct {
	at   Endpoint
	id   atomic.Uint64
	mu   sync.Mutex
	http *http.Client // nil until the certificate could be read
}

// RPCError is the daemon's answer to a call that it did not like.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Codes of RPCError that both daemons use.
const (
	codeMisc          = -1 // Core: pruned block; btcd: height out of range
	codeNotFound      = -5
	codeOutOfRange    = -8
	codeWarmup        = -28
	codeNoSuchMethod  = -32601
	codeInTxOutSet    = -27
	codeTxRejected    = -26
	codeTxError       = -25
	codeUndecodableTx = -22
)

// NewRPC checks the endpoint; it does not call.
func NewRPC(at Endpoint) (*RPC, error) {
	switch {
	case at.Host == "":
		return nil, errors.New("no host of the chain backend is configured")
	case at.CookieFile == "" && (at.User == "" || at.Pass == ""):
		return nil, errors.New("neither user and password nor a cookie file of the chain backend is configured")
	}
	return &RPC{at: at}, nil
}

// Call runs method and stores its result in out, unless that is nil. Errors: *RPCError from the daemon, ErrCredentials,
// ErrUnreachable, or ctx's.
func (r *RPC) Call(ctx context.Context, method string, out any, params ...any) error {
	if err := r.call(ctx, method, out, params); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func (r *RPC) call(ctx context.Context, method string, out any, params []any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": r.id.Add(1), "method": method, "params": params})
	if err != nil {
		return err
	}
	answer, err := r.post(ctx, body)
	if err != nil {
		return err
	}
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *RPCError       `json:"error"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return fmt.Errorf("answer is no JSON-RPC: %w", err)
	}
	if reply.Error != nil {
		return reply.Error
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(reply.Result, out)
}

func (r *RPC) post(ctx context.Context, body []byte) ([]byte, error) {
	client, scheme, err := r.client()
	if err != nil {
		return nil, err
	}
	user, pass, err := r.at.credentials()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme+"://"+r.at.Host+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(user, pass)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		r.distrust(err)
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("answer of more than %d bytes", maxAnswer)
	case response.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%w for user %q", ErrCredentials, user)
	case response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%w: it does not take calls from this address", ErrCredentials)
	case !json.Valid(answer):
		// Core: "Work queue depth exceeded"; btcd: "Too many clients".
		return nil, fmt.Errorf("%w: %s: %.100s", ErrUnreachable, response.Status, answer)
	}
	return answer, nil
}

// credentials are read anew for each call where they come from a file.
func (e *Endpoint) credentials() (user, pass string, err error) {
	if e.CookieFile == "" {
		return e.User, e.Pass, nil
	}
	b, err := os.ReadFile(e.CookieFile)
	if err != nil {
		return "", "", fmt.Errorf("%w: read cookie: %w", ErrUnreachable, err)
	}
	user, pass, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	if !ok {
		return "", "", fmt.Errorf("%w: cookie file %s is not user:password", ErrCredentials, e.CookieFile)
	}
	return user, pass, nil
}

// client returns the HTTP client and its scheme; the certificate is read when it is first needed.
func (r *RPC) client() (*http.Client, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	scheme := "http"
	if r.at.CertFile != "" {
		scheme = "https"
	}
	if r.http != nil {
		return r.http, scheme, nil
	}
	transport := &http.Transport{MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: maxConnections, IdleConnTimeout: time.Minute}
	if r.at.CertFile != "" {
		cert, err := os.ReadFile(r.at.CertFile)
		if err != nil {
			return nil, "", fmt.Errorf("%w: read certificate: %w", ErrUnreachable, err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(cert) {
			return nil, "", fmt.Errorf("no certificate in %s", r.at.CertFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	r.http = &http.Client{Transport: transport}
	return r.http, scheme, nil
}

// distrust forgets the certificate when it does not fit: the daemon may have made a new one.
func (r *RPC) distrust(err error) {
	var bad *tls.CertificateVerificationError
	if !errors.As(err, &bad) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.http != nil {
		r.http.CloseIdleConnections()
		r.http = nil
	}
}

// close drops idle connections.
func (r *RPC) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.http != nil {
		r.http.CloseIdleConnections()
	}
}

// isCode says whether err is the daemon's, with one of the codes.
func isCode(err error, codes ...int) bool {
	var e *RPCError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}
