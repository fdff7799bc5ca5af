// Package wallet holds the node's seed, every key that comes from it, the
// on-chain funds, and the sweeper that brings channel money home.
//
// # Reading order
//
//	seed.go, seedfile.go   24 words and their encrypted file
//	keys.go                one BIP 32 root: node key, channel secrets, labelled subkeys
//	wallet.go, database.go the on-chain wallet over btcwallet
//	follow.go              how btcwallet hears of our chain
//	coins.go               coin selection (pure)
//	spend.go, psbt.go      sends, channel openings, PSBTs
//	plan.go                claims, height, fee rates, coins → transactions (pure)
//	sweep.go               the edge of plan.go: signs, publishes, remembers
//
// # Derivation
//
// This is a promise: changing any of it loses money. The figures are pinned by
// TestDerivationIsFrozen.
//
//	seed   = BIP 39 seed (64 bytes) of the 24 words and the optional passphrase
//	root   = BIP 32 master key of seed
//	coins  = BIP 84 (P2WPKH) m/84'/0'/0' and BIP 86 (P2TR) m/86'/0'/0', on every
//	         network with coin type 0', as btcwallet does
//	base   = private key at m/1017'/c'/0', the parent of all that is Lightning;
//	         c is 0 on mainnet, 1 elsewhere
//	node   = private key at m/1017'/c'/0'/0/0
//	Sub(l) = HMAC-SHA256(key = base, "fulmen/v1/" || l)
//	channel i = commitment.NewSecrets(Sub("channel/" || decimal i))
//
// A channel's index is all that its record must keep of its keys: with the
// words and the indexes, every channel key is found again.
package wallet
