package peer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/fulmen-ln/fulmen/lnwire"
)

// Hello is what our init says.
type Hello struct {
	Local    lnwire.PubKey // our own key, which the transport proved
	Features lnwire.FeatureVector
	Chain    chainhash.Hash
}

// namedFeatures is how many unknown features we name: a hostile init has half a million.
const namedFeatures = 8

var errNotInit = errors.New("the first message is not init")

// Meet exchanges init messages (BOLT 1) and turns a transport into a Link.
// A refusal is told to the peer before the connection is closed.
func Meet(conn Transport, remote lnwire.PubKey, inbound bool, h Hello) (*Link, error) {
	l, err := meet(conn, remote, inbound, h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("init with %v: %w", remote, err), conn.Close())
	}
	return l, nil
}

func meet(conn Transport, remote lnwire.PubKey, inbound bool, h Hello) (*Link, error) {
	limit := time.Now().Add(helloLimit)
	if err := errors.Join(conn.SetReadDeadline(limit), conn.SetWriteDeadline(limit)); err != nil {
		return nil, err
	}
	// BOLT 1: "MUST send init as the first Lightning message for any connection".
	if err := send(conn, &lnwire.Init{Features: h.Features, Networks: []chainhash.Hash{h.Chain}}); err != nil {
		return nil, err
	}
	raw, err := conn.ReadMessage()
	if err != nil {
		return nil, err
	}
	msg, err := lnwire.Unmarshal(raw)
	if err != nil {
		return nil, refuse(conn, err)
	}
	theirs, ok := msg.(*lnwire.Init)
	if !ok {
		// BOLT 1: "MUST wait to receive init before sending any other messages."
		return nil, refuse(conn, errNotInit)
	}
	features := theirs.Features.Or(theirs.GlobalFeatures)
	// BOLT 1: "upon receiving unknown even feature bits that are non-zero: MUST close the connection."
	if unknown := features.UnknownEven(h.Features); len(unknown) > 0 {
		return nil, refuse(conn, fmt.Errorf("we do not have %d required features: %v", len(unknown), unknown[:min(len(unknown), namedFeatures)]))
	}
	// "upon receiving init message with a feature vector that does not set all known, transitive dependencies: MUST close".
	if missing := features.MissingDependencies(); len(missing) > 0 {
		return nil, refuse(conn, fmt.Errorf("features %v are missing, on which others depend", missing))
	}
	// "upon receiving networks containing no common chains: MAY close the connection."
	if len(theirs.Networks) > 0 && !slices.Contains(theirs.Networks, h.Chain) {
		return nil, refuse(conn, errors.New("no common chain"))
	}
	return newLink(conn, h.Local, remote, inbound, features), nil
}

func refuse(conn Transport, cause error) error {
	return errors.Join(cause, send(conn, &lnwire.Warning{Data: []byte(cause.Error())}))
}

func send(conn Transport, m lnwire.Message) error {
	raw, err := lnwire.Marshal(m)
	if err != nil {
		return err
	}
	if err := conn.WriteMessage(raw); err != nil {
		return err
	}
	return conn.Flush()
}
