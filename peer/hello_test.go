package peer

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/fulmen-ln/fulmen/internal/sim"
	"github.com/fulmen-ln/fulmen/lnwire"
)

var ours = Hello{Local: alice, Features: sim.Features(), Chain: chainhash.Hash{1}}

// meeting starts Meet of alice's; bob's end has heard alice's init.
func meeting(t *testing.T) (far *pipe, met func() (*Link, error)) {
	near, far := newPipe()
	var l *Link
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, err = Meet(near, bob, true, ours)
	}()
	init, ok := far.hear(t).(*lnwire.Init)
	require.True(t, ok, "init comes first, and unasked")
	require.True(t, init.Features.Equal(ours.Features))
	require.Equal(t, []chainhash.Hash{ours.Chain}, init.Networks)
	return far, func() (*Link, error) {
		<-done
		return l, err
	}
}

func TestInitIsAccepted(t *testing.T) {
	for name, m := range map[string]*lnwire.Init{
		"nothing":               {},
		"our own":               {Features: ours.Features, Networks: []chainhash.Hash{ours.Chain}},
		"unknown odd feature":   {Features: lnwire.NewFeatures(201)},
		"one of several chains": {Networks: []chainhash.Hash{{9}, ours.Chain}},
		"globalfeatures":        {GlobalFeatures: lnwire.NewFeatures(lnwire.FeatureStaticRemoteKey)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far, met := meeting(t)
				far.say(t, m)
				l, err := met()
				require.NoError(t, err)
				require.True(t, l.Features.Equal(m.Features.Or(m.GlobalFeatures)))
			})
		})
	}
}

func TestInitIsRefusedWithAWarning(t *testing.T) {
	for name, c := range map[string]struct {
		say  lnwire.Message
		want string
	}{
		"not init":                {&lnwire.Ping{}, "not init"},
		"a warning":               {&lnwire.Warning{Data: []byte("hm")}, "not init"},
		"unknown odd":             {&lnwire.Unknown{MsgType: 40001}, "not init"},
		"unknown even feature":    {&lnwire.Init{Features: lnwire.NewFeatures(200)}, "required features"},
		"and in globalfeatures":   {&lnwire.Init{GlobalFeatures: lnwire.NewFeatures(90)}, "required features"},
		"missing dependency":      {&lnwire.Init{Features: lnwire.NewFeatures(lnwire.FeatureBasicMPP.Optional())}, "depend"},
		"other chains":            {&lnwire.Init{Networks: []chainhash.Hash{{2}, {3}}}, "no common chain"},
		"half a million features": {&lnwire.Init{Features: flood()}, "required features"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far, met := meeting(t)
				far.say(t, c.say)
				_, err := met()
				require.ErrorContains(t, err, c.want)
				require.Less(t, len(err.Error()), 1000)
				heard := far.closed(t)
				require.Len(t, heard, 1)
				require.Contains(t, string(heard[0].(*lnwire.Warning).Data), c.want)
			})
		})
	}
}

// flood is the longest feature vector that an init holds, all ones.
func flood() lnwire.FeatureVector {
	return lnwire.FeatureVector(strings.Repeat("\xff", lnwire.MaxMessageSize-6))
}

func TestAnInitThatDoesNotComeIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, met := meeting(t)
		_, err := met()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, helloLimit, time.Since(began))
	})
}
