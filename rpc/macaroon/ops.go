package macaroon

import "gopkg.in/macaroon-bakery.v2/bakery"

// Op is something that a method asks for and a macaroon grants: an entity and an action on it.
type Op struct{ Entity, Action string }

// URI is the entity of a macaroon that grants single methods; the action is then the method's full name.
const URI = "uri"

var entities = []string{
	"onchain", "offchain", "address", "message", "peers", "info", "invoices", "signer", "macaroon",
}

// Admin grants everything.
func Admin() []Op {
	ops := append(ReadOnly(), Op{"signer", "generate"}, Op{"macaroon", "generate"})
	for _, e := range entities {
		ops = append(ops, Op{e, "write"})
	}
	return ops
}

// ReadOnly grants to look at everything.
func ReadOnly() []Op {
	var ops []Op
	for _, e := range entities {
		ops = append(ops, Op{e, "read"})
	}
	return ops
}

// Invoice grants to make and look at invoices, and to make addresses and see what they got.
func Invoice() []Op {
	return []Op{{"invoices", "read"}, {"invoices", "write"}, {"address", "read"}, {"address", "write"}, {"onchain", "read"}}
}

func bakeryOps(ops []Op) []bakery.Op {
	out := make([]bakery.Op, len(ops))
	for i, o := range ops {
		out[i] = bakery.Op{Entity: o.Entity, Action: o.Action}
	}
	return out
}
