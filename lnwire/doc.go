// Package lnwire is the vocabulary of the Lightning wire protocol: the messages of BOLT 1, 2 and 7 as Go
// types, the units their fields are counted in, and the codec between the two.
//
// A message travels as
//
//	type (u16) | fields, fixed by the type | extension: a TLV stream
//
// Marshal writes one, Unmarshal reads one. Reading checks form and nothing else: that every field is there, that
// lengths agree, that amounts fit into the money supply, that TLV streams are canonical and hold no unknown
// even record. Whether a point lies on the curve, a signature is good or a limit is acceptable is the business
// of the package that acts on the message.
//
// Unknown odd TLV records are kept in the message's Extra field, so that what was read is written again byte for
// byte. The three signed gossip messages go further: their extension is not ours to judge (other nodes relay it,
// and the signature covers it), so there Extra keeps whatever followed the fields.
//
// Files, in reading order: units.go (amounts, ids, keys), messages.go (the types), codec.go (Marshal, Unmarshal),
// reader.go and tlv.go (the machinery), then one codec file per group of messages: setup.go, open.go, update.go,
// close.go, gossip.go, query.go. Beside them: feature.go (BOLT 9), address.go (BOLT 7 address descriptors) and
// signature.go (conversions, and the digests that gossip signs).
package lnwire
