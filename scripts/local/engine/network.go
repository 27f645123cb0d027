package engine

import (
	"encoding/binary"
	"encoding/json"
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

// workerConfig leads the engine to the plugins and to what pluginConfig says. It keeps one network namespace ready instead of 16:
// Dagger gives each container a hostname, and one with a hostname takes none of those.
const workerConfig = `[worker.oci]
  cniBinaryPath = "` + RunDir + `/cni"
  cniConfigPath = "` + RunDir + `/config/network.conflist"
  cniPoolSize = 1
`

// pluginConfig is what makes a container's network, by the CNI specification: Dagger's own (network/netinst in its sources) without
// what calls iptables. That is 18 times for the start of a container and 10 for its end, a tenth of a second and more, for rules that
// differ in an address alone; addRules makes them once for the whole network. Only firewalld is told of each container still.
func pluginConfig(id string, network netip.Prefix, firewalld bool) ([]byte, error) {
	name := networkName(id)
	files := "/var/run/containers/cni/dnsname/" + name
	bridge := map[string]any{
		"type": "bridge", "bridge": bridgeName(id), "isDefaultGateway": true, "hairpinMode": true,
		"ipam": map[string]any{"type": "host-local", "ranges": [][]map[string]string{{{"subnet": network.String()}}}},
	}
	if mtu := defaultMTU(); mtu > 0 {
		bridge["mtu"] = mtu
	}
	names := map[string]any{
		"type": "dnsname", "domainName": name + ".local",
		"pidfile": files + "/pidfile", "hosts": files + "/addnhosts", "lockfile": files + "/lock",
		"capabilities": map[string]bool{"aliases": true},
	}
	plugins := []map[string]any{bridge, names}
	if firewalld {
		plugins = []map[string]any{bridge, {"type": "firewall"}, names}
	}
	return json.MarshalIndent(map[string]any{"cniVersion": "0.4.0", "name": name, "plugins": plugins}, "", "  ")
}
