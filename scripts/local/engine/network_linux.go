package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// usedNetworks are those of the machine's interfaces and routes, but for the
// bridge that an earlier engine of this cache left and the default route.
func usedNetworks(id string) ([]netip.Prefix, error) {
	var used []netip.Prefix
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing network interfaces: %w", err)
	}
	ours := -1
	for _, link := range links {
		if link.Attrs().Name == bridgeName(id) {
			ours = link.Attrs().Index
		}
	}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{}, 0)
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	for _, route := range routes {
		if route.LinkIndex == ours || route.Dst == nil {
			continue
		}
		if prefix, ok := prefixOf(route.Dst); ok && prefix.Bits() > 0 {
			used = append(used, prefix)
		}
	}
	return used, nil
}

func prefixOf(network *net.IPNet) (netip.Prefix, bool) {
	address, ok := netip.AddrFromSlice(network.IP)
	ones, _ := network.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), ones), ok
}

// defaultMTU is that of the interface which leads out of this machine, 0 where none does: packets of containers must not be larger.
func defaultMTU() int {
	// A filter of destinations without one wants the default routes.
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{}, netlink.RT_FILTER_DST)
	if err != nil || len(routes) == 0 {
		return 0
	}
	link, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return 0
	}
	return link.Attrs().MTU
}

// bridgeNetwork is the network of the engine's bridge, where there is one.
func bridgeNetwork(id string) (netip.Prefix, bool) {
	link, err := netlink.LinkByName(bridgeName(id))
	if err != nil {
		return netip.Prefix{}, false
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil || len(addresses) == 0 {
		return netip.Prefix{}, false
	}
	prefix, ok := prefixOf(addresses[0].IPNet)
	return prefix.Masked(), ok
}

// removeBridge takes away the interface that an engine which has ended left.
func removeBridge(id string) error {
	link, err := netlink.LinkByName(bridgeName(id))
	if err != nil {
		if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
			return nil
		}
		return fmt.Errorf("finding the network interface %s: %w", bridgeName(id), err)
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("removing the network interface %s: %w", bridgeName(id), err)
	}
	return nil
}
