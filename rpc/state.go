package rpc

import (
	"context"
	"sync"

	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
)

// walletState is how far the node has come, for those who ask and those who wait.
type walletState struct {
	mu      sync.Mutex
	now     lnrpc.WalletState
	readers map[*queue[lnrpc.WalletState]]struct{}
}

func newWalletState() *walletState {
	return &walletState{
		now:     lnrpc.WalletState_WAITING_TO_START,
		readers: make(map[*queue[lnrpc.WalletState]]struct{}),
	}
}

// rank orders the states in time; LND numbers WAITING_TO_START, the first, with 255.
func rank(s lnrpc.WalletState) int {
	if s == lnrpc.WalletState_WAITING_TO_START {
		return -1
	}
	return int(s)
}

// advance moves on to s. There is no way back: what is not later is ignored.
func (w *walletState) advance(s lnrpc.WalletState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rank(s) <= rank(w.now) {
		return
	}
	w.now = s
	for q := range w.readers {
		q.Send(s)
	}
}

func (w *walletState) current() lnrpc.WalletState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// subscribe puts the state now into q, and then every later one.
func (w *walletState) subscribe(q *queue[lnrpc.WalletState]) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q.Send(w.now)
	w.readers[q] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.readers, q)
	}
}

// refusal says why the service may not be called now; nil where it may.
func (w *walletState) refusal(service string) error {
	now := w.current()
	unlocker := service == lnrpc.WalletUnlocker_ServiceDesc.ServiceName
	switch {
	case service == lnrpc.State_ServiceDesc.ServiceName:
		return nil
	case now == lnrpc.WalletState_WAITING_TO_START:
		return errWaitingToStart
	case now == lnrpc.WalletState_NON_EXISTING && !unlocker:
		return errNoWallet
	case now == lnrpc.WalletState_LOCKED && !unlocker:
		return errWalletLocked
	case now == lnrpc.WalletState_UNLOCKED:
		return errStarting
	case rank(now) > rank(lnrpc.WalletState_UNLOCKED) && unlocker:
		return errWalletUnlocked
	}
	return nil
}

// stateService serves lnrpc.State.
type stateService struct {
	lnrpc.UnimplementedStateServer
	state   *walletState
	streams *streams
}

// GetState implements lnrpc.StateServer.
func (s *stateService) GetState(context.Context, *lnrpc.GetStateRequest) (*lnrpc.GetStateResponse, error) {
	return &lnrpc.GetStateResponse{State: s.state.current()}, nil
}

// SubscribeState implements lnrpc.StateServer.
func (s *stateService) SubscribeState(_ *lnrpc.SubscribeStateRequest, stream lnrpc.State_SubscribeStateServer) error {
	q := newQueue[lnrpc.WalletState]()
	defer s.state.subscribe(q)()
	return forward(s.streams, stream.Context(), q, func(now lnrpc.WalletState) (bool, error) {
		return false, stream.Send(&lnrpc.SubscribeStateResponse{State: now})
	})
}
