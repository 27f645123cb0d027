package engine

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

// networkName is short since the engine appends "0" for its bridge, and the name
// of an interface has at most 15 characters.
func networkName(id string) string { return "dm" + id }

func bridgeName(id string) string { return networkName(id) + "0" }

// Networks are /20 blocks (4,094 containers each) of 10.64.0.0 to 10.255.255.255:
// the engine takes the first address of one for its bridge and its name server.
const (
	networkBits  = 20
	firstNetwork = 10<<24 | 64<<16
	networkCount = (256 - 64) * 16
)

// chooseNetwork derives a network from the cache's id, so that each cache keeps
// its own, and moves on from those that the machine already uses.
func chooseNetwork(id string, used []netip.Prefix) (netip.Prefix, error) {
	seed, err := strconv.ParseUint(id, 16, 32)
	if err != nil {
		return netip.Prefix{}, err
	}
	for i := range uint64(networkCount) {
		network := networkAt(uint32((seed + i) % networkCount))
		if !overlapsAny(network, used) {
			return network, nil
		}
	}
	return netip.Prefix{}, errors.New("choosing a network for containers: this machine uses all of 10.64.0.0 to 10.255.255.255")
}

func networkAt(n uint32) netip.Prefix {
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], firstNetwork+n<<(32-networkBits))
	return netip.PrefixFrom(netip.AddrFrom4(address), networkBits)
}

func overlapsAny(network netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if network.Overlaps(u) {
			return true
		}
	}
	return false
}
