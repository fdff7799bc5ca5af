package channel

// Stage is how far an update has come. Each stage is left by exactly one move.
type Stage uint8

// The ten stages of an HTLC (BOLT 2, "Normal Operation"). A fee update goes through the first five.
const (
	AddSent    Stage = iota + 1 // the offerer sent update_add_htlc
	AddSigned                   // the offerer signed it into the receiver's commitment
	AddRevoked                  // the receiver revoked its commitment without it
	AddAcked                    // the receiver signed it into the offerer's commitment
	Locked                      // the offerer revoked its commitment without it: irrevocable
	RmSent                      // the receiver sent a removal
	RmSigned                    // the receiver signed the removal into the offerer's commitment
	RmRevoked                   // the offerer revoked its commitment with it
	RmAcked                     // the offerer signed the removal into the receiver's commitment
	Gone                        // the receiver revoked its commitment with it: irrevocably removed
)

func (s Stage) String() string {
	return [...]string{"none", "add-sent", "add-signed", "add-revoked", "add-acked", "locked",
		"rm-sent", "rm-signed", "rm-revoked", "rm-acked", "gone"}[s]
}

// role is a party as one HTLC sees it.
type role uint8

const (
	offerer role = iota + 1
	receiver
)

// act is what moves updates from stage to stage.
type act uint8

const (
	sign   act = iota + 1 // commitment_signed
	revoke                // revoke_and_ack
	update                // update_fulfill_htlc, update_fail_htlc, update_fail_malformed_htlc
)

// movers says who, by which act, moves an update out of a stage into the next.
var movers = [...]struct {
	by  role
	act act
}{
	AddSent: {offerer, sign}, AddSigned: {receiver, revoke}, AddRevoked: {receiver, sign}, AddAcked: {offerer, revoke},
	Locked: {receiver, update},
	RmSent: {receiver, sign}, RmSigned: {offerer, revoke}, RmRevoked: {offerer, sign}, RmAcked: {receiver, revoke},
	Gone: {},
}

// after is the stage that follows when the party of role by does a.
func (s Stage) after(by role, a act) Stage {
	if m := movers[s]; m.by == by && m.act == a {
		return s + 1
	}
	return s
}

// in says whether the latest commitment of owner contains the update.
// Updates reach the receiver's commitment first: it contains what the offerer signed, until the offerer signs the removal.
func (s Stage) in(owner role) bool {
	if owner == receiver {
		return AddSigned <= s && s <= RmRevoked
	}
	return AddAcked <= s && s <= RmSent
}

// inPrevious says whether owner's commitment before the latest contains it, while that one is not revoked.
func (s Stage) inPrevious(owner role) bool {
	if owner == receiver {
		return AddRevoked <= s && s <= RmAcked
	}
	return Locked <= s && s <= RmSigned
}

// beyond says whether owner's latest commitment contained the update and no longer does.
func (s Stage) beyond(owner role) bool {
	if owner == receiver {
		return s > RmRevoked
	}
	return s > RmSent
}

// beyondPrevious is beyond for the commitment before the latest.
func (s Stage) beyondPrevious(owner role) bool {
	if owner == receiver {
		return s > RmAcked
	}
	return s > RmSigned
}

// InLocal says whether our latest commitment contains an HTLC at this stage.
func (s Stage) InLocal(incoming bool) bool {
	if incoming {
		return s.in(receiver)
	}
	return s.in(offerer)
}
