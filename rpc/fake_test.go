package rpc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
	"github.com/fulmen-ln/fulmen/rpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

const password = "correct horse"

// fakeWallet implements rpc.Unlocker and rpc.Seeder.
type fakeWallet struct {
	mu       sync.Mutex
	exists   bool
	password string
	root     []byte
	got      rpc.InitWallet
}

type rootKey []byte

func (k rootKey) RootKey() []byte { return k }

func newWallet(exists bool) *fakeWallet {
	return &fakeWallet{exists: exists, password: password, root: bytes.Repeat([]byte{7}, 32)}
}

func (w *fakeWallet) WalletExists() (bool, error) { return w.exists, nil }

func (w *fakeWallet) InitWallet(_ context.Context, r rpc.InitWallet) (rpc.RootKeeper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exists, w.password, w.got = true, string(r.Password), r
	return rootKey(w.root), nil
}

func (w *fakeWallet) UnlockWallet(_ context.Context, r rpc.UnlockWallet) (rpc.RootKeeper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if string(r.Password) != w.password {
		return nil, rpc.ErrWrongPassword
	}
	return rootKey(w.root), nil
}

func (w *fakeWallet) ChangePassword(_ context.Context, r rpc.ChangePassword) (rpc.RootKeeper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if string(r.Current) != w.password {
		return nil, rpc.ErrWrongPassword
	}
	w.password = string(r.New)
	if r.NewRootKey {
		w.root = bytes.Repeat([]byte{8}, 32)
	}
	return rootKey(w.root), nil
}

func (w *fakeWallet) GenSeed(context.Context, rpc.GenSeed) (rpc.Seed, error) {
	return rpc.Seed{Mnemonic: []string{"abandon", "about"}}, nil
}

// fakeNode implements every interface of rpc.Backend over lists in memory.
type fakeNode struct {
	key     *btcec.PrivateKey
	stopped chan struct{}

	mu        sync.Mutex
	level     string
	utxos     []rpc.UTXO
	txs       []rpc.Transaction
	peers     []rpc.Peer
	channels  []rpc.Channel
	pending   rpc.PendingChannels
	closed    []rpc.ClosedChannel
	invoices  []rpc.Invoice
	settles   []uint64 // add index by settle index - 1
	payments  []rpc.Payment
	nodes     []rpc.GraphNode
	graph     []rpc.GraphChannel
	forwards  []rpc.Forward
	failed    []rpc.FailedPolicy
	route     rpc.Route
	err       error // answers whatever has an error of its own
	cancelled chan lnwire.Hash

	opens    mailbox[rpc.OpenUpdate]
	closes   mailbox[rpc.CloseUpdate]
	events   mailbox[rpc.ChannelEvent]
	invoiced mailbox[rpc.Invoice]
	paid     mailbox[rpc.Payment]
	asked    asked
	kit      fakeKit
	backups  fakeBackups
}

// asked keeps the last request of each kind.
type asked struct {
	send     rpc.SendCoins
	tx       rpc.TransactionQuery
	open     rpc.OpenChannel
	close    rpc.CloseChannel
	invoice  rpc.AddInvoice
	payment  rpc.SendPayment
	toRoute  rpc.SendToRoute
	route    rpc.RouteQuery
	policy   rpc.PolicyChange
	point    *wire.OutPoint
	forwards rpc.ForwardQuery
	balance  int32
}

// mailbox hands the sinks of subscribers to the test, and sends to all of them.
type mailbox[T any] struct {
	mu    sync.Mutex
	next  int
	sinks map[int]rpc.Sink[T]
	came  chan struct{} // one token for each subscriber
}

func (m *mailbox[T]) add(s rpc.Sink[T]) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sinks == nil {
		m.sinks = make(map[int]rpc.Sink[T])
	}
	id := m.next
	m.next++
	m.sinks[id] = s
	select {
	case m.came <- struct{}{}:
	default:
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.sinks, id)
	}
}

func (m *mailbox[T]) send(vs ...T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sinks {
		for _, v := range vs {
			s.Send(v)
		}
	}
}

func (m *mailbox[T]) close(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sinks {
		s.Close(err)
	}
}

func newNode() *fakeNode {
	key, _ := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{1}, 32))
	n := &fakeNode{key: key, stopped: make(chan struct{}, 1), cancelled: make(chan lnwire.Hash, 1)}
	n.backups.subscribers.came = make(chan struct{}, 16)
	n.opens.came, n.closes.came = make(chan struct{}, 16), make(chan struct{}, 16)
	n.events.came, n.invoiced.came, n.paid.came = make(chan struct{}, 16), make(chan struct{}, 16), make(chan struct{}, 16)
	return n
}

func (n *fakeNode) id() lnwire.PubKey { return lnwire.NewPubKey(n.key.PubKey()) }

func (n *fakeNode) backend() rpc.Backend {
	return rpc.Backend{
		Node: n, Keys: n, Logs: n, Funds: n, Spender: n, Peers: n, Channels: n, Lifecycle: n, Invoices: n, Ledger: n,
		PayReqs: n, Payments: n, Routes: n, Graph: n, Policies: n, Forwarding: n,
		Sweeps: &n.kit, Leases: &n.kit, Publisher: &n.kit, PSBTs: &n.kit, Accounts: &n.kit, Backups: &n.backups,
	}
}

func (n *fakeNode) Info(context.Context) (rpc.NodeInfo, error) {
	return rpc.NodeInfo{
		ID: n.id(), Alias: "alice", Color: "#3399ff", Addresses: []string{"203.0.113.5:9735"}, Height: 850_000,
		BlockTime: time.Unix(1_700_000_000, 0), SyncedToChain: true, WalletSynced: true, Peers: 2, ActiveChannels: 3,
		Features: lnwire.NewFeatures(lnwire.FeatureStaticRemoteKey, lnwire.FeatureBasicMPP.Optional(), 1001),
	}, nil
}

func (n *fakeNode) NodeID() lnwire.PubKey { return n.id() }

func (n *fakeNode) Stop() { n.stopped <- struct{}{} }

func (n *fakeNode) SignCompact(d chainhash.Hash) (sig [65]byte, err error) {
	copy(sig[:], ecdsa.SignCompact(n.key, d[:], true))
	return sig, nil
}

func (n *fakeNode) Subsystems() []string { return []string{"CHAN", "PEER"} }

func (n *fakeNode) SetLevel(spec string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.level = spec
	return n.err
}

func (n *fakeNode) NewAddress(_ context.Context, kind lnrpc.AddressType, account string) (string, error) {
	return fmt.Sprintf("bcrt1-%v-%s", kind, account), nil
}

func (n *fakeNode) Balance(_ context.Context, _ string, minConfs int32) (rpc.WalletBalance, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked.balance = minConfs
	return rpc.WalletBalance{
		Confirmed: 5000, Unconfirmed: 700, Locked: 30, Reserved: 2, Accounts: map[string]rpc.AccountBalance{"default": {5000, 700}},
	}, nil
}

func (n *fakeNode) Unspent(_ context.Context, q rpc.UnspentQuery) (out []rpc.UTXO, err error) {
	for _, u := range n.utxos {
		if u.Confirmations >= int64(q.MinConfs) && u.Confirmations <= int64(q.MaxConfs) {
			out = append(out, u)
		}
	}
	return out, nil
}

func (n *fakeNode) Transactions(_ context.Context, q rpc.TransactionQuery) (out []rpc.Transaction, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked.tx = q
	for _, t := range n.txs {
		if t.Height == 0 && q.Unconfirmed || t.Height != 0 && t.Height >= q.From && t.Height <= q.To {
			out = append(out, t)
		}
	}
	return out, nil
}

func (n *fakeNode) SendCoins(_ context.Context, p rpc.SendCoins) (chainhash.Hash, error) {
	n.asked.send = p
	return chainhash.Hash{1}, n.err
}

func (n *fakeNode) EstimateFee(_ context.Context, q rpc.FeeQuery) (rpc.FeeEstimate, error) {
	return rpc.FeeEstimate{Fee: 141, PerKW: 253, Inputs: []wire.OutPoint{{Index: 3}}}, n.err
}

func (n *fakeNode) Connect(_ context.Context, id lnwire.PubKey, host string, _ bool) error {
	return n.err
}
func (n *fakeNode) Disconnect(_ context.Context, id lnwire.PubKey) error { return n.err }
func (n *fakeNode) Peers(context.Context) ([]rpc.Peer, error)            { return n.peers, nil }

func (n *fakeNode) Open(context.Context) ([]rpc.Channel, error)          { return n.channels, nil }
func (n *fakeNode) Pending(context.Context) (rpc.PendingChannels, error) { return n.pending, nil }
func (n *fakeNode) Closed(context.Context) ([]rpc.ClosedChannel, error)  { return n.closed, nil }
func (n *fakeNode) SubscribeChannels(_ context.Context, s rpc.Sink[rpc.ChannelEvent]) (func(), error) {
	return n.events.add(s), nil
}

func (n *fakeNode) OpenChannel(_ context.Context, r rpc.OpenChannel, s rpc.Sink[rpc.OpenUpdate]) (func(), error) {
	if n.err != nil {
		return nil, n.err
	}
	n.asked.open = r
	return n.opens.add(s), nil
}

func (n *fakeNode) CloseChannel(_ context.Context, r rpc.CloseChannel, s rpc.Sink[rpc.CloseUpdate]) (func(), error) {
	if n.err != nil {
		return nil, n.err
	}
	n.asked.close = r
	return n.closes.add(s), nil
}

func (n *fakeNode) AddInvoice(_ context.Context, r rpc.AddInvoice) (rpc.Invoice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked.invoice = r
	index := uint64(len(n.invoices) + 1)
	var preimage lnwire.Preimage
	binary.BigEndian.PutUint64(preimage[:], index)
	if r.Preimage != nil {
		preimage = *r.Preimage
	}
	inv := rpc.Invoice{
		AddIndex: index, Preimage: &preimage, Hash: sha256.Sum256(preimage[:]), PaymentAddr: [32]byte{1, byte(index)},
		Request: fmt.Sprintf("lnbcrt%d", index), Memo: r.Memo, Amount: r.Amount, Created: time.Unix(1_700_000_000+int64(index), 0),
		Expiry: time.Hour, FinalCLTV: 80, Hints: r.Hints,
	}
	for _, old := range n.invoices {
		if old.Hash == inv.Hash {
			return rpc.Invoice{}, rpc.ErrInvoiceExists
		}
	}
	n.invoices = append(n.invoices, inv)
	return inv, nil
}

func (n *fakeNode) LookupInvoice(_ context.Context, hash lnwire.Hash) (rpc.Invoice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range n.invoices {
		if i.Hash == hash {
			return i, nil
		}
	}
	return rpc.Invoice{}, rpc.ErrInvoiceNotFound
}

func (n *fakeNode) SubscribeInvoices(_ context.Context, s rpc.Sink[rpc.Invoice]) (func(), error) {
	return n.invoiced.add(s), nil
}

// settle settles the invoice of an add index.
func (n *fakeNode) settle(index uint64) rpc.Invoice {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settles = append(n.settles, index)
	i := &n.invoices[index-1]
	i.State, i.SettleIndex, i.Paid, i.Settled = lnrpc.Invoice_SETTLED, uint64(len(n.settles)), i.Amount, i.Created.Add(time.Minute)
	return *i
}

// page cuts a page out of items, which lie in ascending order of index.
func page[T any](items []T, p rpc.Page, index func(T) uint64, match func(T) bool) (out []T) {
	for _, v := range items {
		i := index(v)
		if match(v) && (!p.Reversed && i > p.After || p.Reversed && (p.After == 0 || i < p.After)) {
			out = append(out, v)
		}
	}
	if p.Max == 0 || uint64(len(out)) <= p.Max {
		return out
	}
	if p.Reversed {
		return out[uint64(len(out))-p.Max:]
	}
	return out[:p.Max]
}

func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to))
}

func (n *fakeNode) InvoicePage(_ context.Context, q rpc.InvoiceQuery) ([]rpc.Invoice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return page(n.invoices, q.Page, func(i rpc.Invoice) uint64 { return i.AddIndex }, func(i rpc.Invoice) bool {
		return within(i.Created, q.From, q.To) && (!q.PendingOnly || i.State == lnrpc.Invoice_OPEN)
	}), nil
}

func (n *fakeNode) SettledPage(_ context.Context, p rpc.Page) ([]rpc.Invoice, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var settled []rpc.Invoice
	for _, index := range n.settles {
		settled = append(settled, n.invoices[index-1])
	}
	return page(settled, p, func(i rpc.Invoice) uint64 { return i.SettleIndex }, func(rpc.Invoice) bool { return true }), nil
}

func (n *fakeNode) PaymentPage(_ context.Context, q rpc.PaymentQuery) ([]rpc.Payment, error) {
	return page(n.payments, q.Page, func(p rpc.Payment) uint64 { return p.Index }, func(p rpc.Payment) bool {
		return within(p.Created, q.From, q.To) && (q.Incomplete || p.Status == lnrpc.Payment_SUCCEEDED)
	}), nil
}

func (n *fakeNode) CountPayments(context.Context) (uint64, error) {
	return uint64(len(n.payments)), nil
}

func (n *fakeNode) DecodePayReq(s string) (rpc.PayReq, error) {
	p := rpc.PayReq{
		Destination: key(9), Hash: lnwire.Hash{9}, PaymentAddr: bytes.Repeat([]byte{5}, 32), Created: time.Now(), Expiry: time.Hour,
		Description: "coffee", FinalCLTV: 40, Amount: 21_000,
		Features: lnwire.NewFeatures(lnwire.FeatureBasicMPP.Optional()),
	}
	switch s {
	case "lnbcrt-any":
		p.Amount = 0
	case "lnbcrt-whole":
		p.Features = nil
	case "lnbcrt-old":
		p.Created = time.Unix(1_600_000_000, 0)
	case "lnbcrt-self":
		p.Destination = n.id()
	case "lnbcrt-coffee":
	default:
		return rpc.PayReq{}, fmt.Errorf("invalid bech32 string")
	}
	return p, nil
}

func (n *fakeNode) SendPayment(_ context.Context, r rpc.SendPayment, s rpc.Sink[rpc.Payment]) (func(), error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	n.asked.payment = r
	return n.paid.add(s), nil
}

func (n *fakeNode) TrackPayment(_ context.Context, hash lnwire.Hash, s rpc.Sink[rpc.Payment]) (func(), error) {
	for _, p := range n.payments {
		if p.Hash == hash {
			s.Send(p)
			return n.paid.add(s), nil
		}
	}
	return nil, rpc.ErrPaymentNotFound
}

func (n *fakeNode) SendToRoute(_ context.Context, r rpc.SendToRoute) (rpc.Attempt, error) {
	n.asked.toRoute = r
	return rpc.Attempt{
		ID: 4, Status: lnrpc.HTLCAttempt_FAILED, Route: r.Route,
		Failure: &rpc.AttemptFailure{Code: lnrpc.Failure_TEMPORARY_CHANNEL_FAILURE, Source: 1, Update: &lnwire.ChannelUpdate{SCID: 77}},
	}, n.err
}

func (n *fakeNode) CancelPayment(hash lnwire.Hash) { n.cancelled <- hash }

func (n *fakeNode) QueryRoute(_ context.Context, q rpc.RouteQuery) (rpc.Route, float64, error) {
	n.asked.route = q
	return n.route, 0.5, n.err
}

func (n *fakeNode) Graph(context.Context, bool) ([]rpc.GraphNode, []rpc.GraphChannel, error) {
	return n.nodes, n.graph, nil
}

func (n *fakeNode) GraphNode(_ context.Context, id lnwire.PubKey) (rpc.GraphNode, []rpc.GraphChannel, error) {
	for _, node := range n.nodes {
		if node.ID == id {
			return node, n.graph, nil
		}
	}
	return rpc.GraphNode{}, nil, rpc.ErrNodeNotFound
}

func (n *fakeNode) GraphChannel(_ context.Context, ref rpc.ChannelRef) (rpc.GraphChannel, error) {
	for _, ch := range n.graph {
		if ch.ID == ref.ID || ref.ID == 0 && ch.Point == ref.Point {
			return ch, nil
		}
	}
	return rpc.GraphChannel{}, rpc.ErrEdgeNotFound
}

func (n *fakeNode) Zombies(context.Context) (uint64, error) { return 6, nil }

func (n *fakeNode) ChannelPolicies(context.Context) ([]rpc.ChannelPolicy, error) {
	return []rpc.ChannelPolicy{{ID: 5, Point: wire.OutPoint{Index: 1}, Fee: rpc.FeeSchedule{Base: 1000, PPM: 250}}}, nil
}

func (n *fakeNode) UpdatePolicy(_ context.Context, point *wire.OutPoint, p rpc.PolicyChange) ([]rpc.FailedPolicy, error) {
	n.asked.policy, n.asked.point = p, point
	return n.failed, n.err
}

func (n *fakeNode) Forwards(_ context.Context, q rpc.ForwardQuery) (out []rpc.Forward, err error) {
	n.asked.forwards = q
	from := min(int(q.Offset), len(n.forwards))
	return n.forwards[from:min(from+int(q.Max), len(n.forwards))], nil
}

func (n *fakeNode) EarnedSince(_ context.Context, t time.Time) (btcutil.Amount, error) {
	return btcutil.Amount(time.Since(t) / (24 * time.Hour)), nil
}

// key is a valid public key for each small number.
func key(i byte) lnwire.PubKey {
	_, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{i}, 32))
	return lnwire.NewPubKey(pub)
}
