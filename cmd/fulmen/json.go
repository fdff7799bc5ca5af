package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// marshal writes m as lncli does: protojson with the names of the proto file and with empty fields, but for bytes,
// which are hex here and base64 in protojson. The messages of the API have no well-known types.
func marshal(m proto.Message) []byte { return appendMessage(nil, m.ProtoReflect()) }

// indent lays JSON out as lncli does, with a line end.
func indent(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "    "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func appendMessage(b []byte, m protoreflect.Message) []byte {
	b = append(b, '{')
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.ContainingOneof() != nil && !m.Has(f) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, string(f.Name())), ':')
		b = appendField(b, f, m)
	}
	return append(b, '}')
}

func appendField(b []byte, f protoreflect.FieldDescriptor, m protoreflect.Message) []byte {
	switch v := m.Get(f); {
	case f.IsList():
		return appendList(b, f, v.List())
	case f.IsMap():
		return appendMap(b, f, v.Map())
	case f.Message() != nil && !m.Has(f):
		return append(b, "null"...)
	default:
		return appendValue(b, f, v)
	}
}

func appendList(b []byte, f protoreflect.FieldDescriptor, list protoreflect.List) []byte {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, f, list.Get(i))
	}
	return append(b, ']')
}

// appendMap sorts by key, numbers as numbers, so that the output is stable.
func appendMap(b []byte, f protoreflect.FieldDescriptor, m protoreflect.Map) []byte {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(x, y protoreflect.MapKey) int {
		return cmp.Or(cmp.Compare(len(x.String()), len(y.String())), cmp.Compare(x.String(), y.String()))
	})
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k.String()), ':')
		b = appendValue(b, f.MapValue(), m.Get(k))
	}
	return append(b, '}')
}

func appendValue(b []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) []byte {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return appendMessage(b, v.Message())
	case protoreflect.BytesKind:
		return appendString(b, hex.EncodeToString(v.Bytes()))
	case protoreflect.StringKind:
		return appendString(b, v.String())
	case protoreflect.EnumKind:
		if name := f.Enum().Values().ByNumber(v.Enum()); name != nil {
			return appendString(b, string(name.Name()))
		}
		return strconv.AppendInt(b, int64(v.Enum()), 10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return appendString(b, v.String()) // JavaScript's numbers have 53 bits
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return append(b, strconv.FormatFloat(v.Float(), 'g', -1, 64)...)
	}
	return append(b, v.String()...) // booleans and 32-bit integers
}

func appendString(b []byte, s string) []byte {
	var w bytes.Buffer
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always has a JSON form
	}
	return append(b, bytes.TrimRight(w.Bytes(), "\n")...)
}
