package logs

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubsystemsHaveLevelsOfTheirOwn(t *testing.T) {
	var out bytes.Buffer
	l := New()
	log := l.Logger(&out)
	peer := log.With(Key, "PEER").With("peer", 1)
	peer.Debug("hidden")
	require.Empty(t, out.String())

	require.NoError(t, l.SetLevel("PEER=debug"))
	peer.Debug("shown")
	log.Debug("still hidden")
	require.Contains(t, out.String(), "shown")
	require.NotContains(t, out.String(), "hidden")
	require.Equal(t, []string{"PEER"}, l.Subsystems())
}

func TestWrongLevelChangesNothing(t *testing.T) {
	var out bytes.Buffer
	l := New()
	require.ErrorContains(t, l.SetLevel("debug,PEER=loud"), "loud")
	l.Logger(&out).Debug("hidden")
	require.Empty(t, out.String())
	require.NoError(t, l.SetLevel("error"))
	l.Logger(&out).Warn("hidden")
	require.Empty(t, out.String())
}
