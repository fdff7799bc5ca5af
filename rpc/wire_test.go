package rpc_test

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fulmen-ln/fulmen/rpc/chainrpc"
	"github.com/fulmen-ln/fulmen/rpc/invoicesrpc"
	"github.com/fulmen-ln/fulmen/rpc/lnrpc"
	"github.com/fulmen-ln/fulmen/rpc/peersrpc"
	"github.com/fulmen-ln/fulmen/rpc/routerrpc"
	"github.com/fulmen-ln/fulmen/rpc/signrpc"
	"github.com/fulmen-ln/fulmen/rpc/verrpc"
	"github.com/fulmen-ln/fulmen/rpc/walletrpc"
	"github.com/fulmen-ln/fulmen/rpc/watchtowerrpc"
	"github.com/fulmen-ln/fulmen/rpc/wtclientrpc"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

const wireFile = "testdata/wire.txt"

// TestWireIsWhatClientsWereBuiltFor holds every number, name and type: clients have them compiled in, so a line of the
// file may be added, and never changed.
func TestWireIsWhatClientsWereBuiltFor(t *testing.T) {
	var lines []string
	for _, f := range []protoreflect.FileDescriptor{
		lnrpc.File_lightning_proto, lnrpc.File_stateservice_proto, lnrpc.File_walletunlocker_proto, routerrpc.File_routerrpc_router_proto,
		walletrpc.File_walletrpc_walletkit_proto, invoicesrpc.File_invoicesrpc_invoices_proto, signrpc.File_signrpc_signer_proto,
		verrpc.File_verrpc_verrpc_proto, chainrpc.File_chainrpc_chainkit_proto, chainrpc.File_chainrpc_chainnotifier_proto,
		peersrpc.File_peersrpc_peers_proto, watchtowerrpc.File_watchtowerrpc_watchtower_proto, wtclientrpc.File_wtclientrpc_wtclient_proto,
	} {
		lines = append(lines, services(f.Services())...)
		lines = append(lines, messages(f.Messages())...)
		lines = append(lines, enums(f.Enums())...)
	}
	sort.Strings(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *rewrite {
		require.NoError(t, os.WriteFile(wireFile, []byte(got), 0o644))
	}
	want, err := os.ReadFile(wireFile)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func services(ss protoreflect.ServiceDescriptors) (lines []string) {
	stream := func(is bool) string {
		if is {
			return "stream "
		}
		return ""
	}
	for i := range ss.Len() {
		for j := range ss.Get(i).Methods().Len() {
			m := ss.Get(i).Methods().Get(j)
			lines = append(lines, fmt.Sprintf("rpc %s(%s%s) %s%s", m.FullName(),
				stream(m.IsStreamingClient()), m.Input().FullName(), stream(m.IsStreamingServer()), m.Output().FullName()))
		}
	}
	return lines
}

func messages(ms protoreflect.MessageDescriptors) (lines []string) {
	for i := range ms.Len() {
		m := ms.Get(i)
		if m.IsMapEntry() {
			continue
		}
		lines = append(lines, "message "+string(m.FullName()))
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			line := fmt.Sprintf("field %s %d %s", f.FullName(), f.Number(), kind(f))
			if o := f.ContainingOneof(); o != nil {
				line += " oneof " + string(o.Name())
			}
			if f.Options().(*descriptorpb.FieldOptions).GetDeprecated() {
				line += " deprecated"
			}
			lines = append(lines, line)
		}
		lines = append(lines, messages(m.Messages())...)
		lines = append(lines, enums(m.Enums())...)
	}
	return lines
}

func kind(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s,%s>", kind(f.MapKey()), kind(f.MapValue()))
	case f.Kind() == protoreflect.EnumKind:
		name = string(f.Enum().FullName())
	case f.Kind() == protoreflect.MessageKind:
		name = string(f.Message().FullName())
	}
	if f.IsList() {
		return "[]" + name
	}
	return name
}

func enums(es protoreflect.EnumDescriptors) (lines []string) {
	for i := range es.Len() {
		e := es.Get(i)
		for j := range e.Values().Len() {
			v := e.Values().Get(j)
			lines = append(lines, fmt.Sprintf("enum %s %d %s", e.FullName(), v.Number(), v.Name()))
		}
	}
	return lines
}
