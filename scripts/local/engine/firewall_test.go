package engine

import "testing"

func TestStaleRulesAreThoseOfTheNetworkOnly(t *testing.T) {
	const saved = `*nat
:POSTROUTING ACCEPT [0:0]
:CNI-aaa - [0:0]
:CNI-bbb - [0:0]
-A POSTROUTING -s 10.64.0.2/32 -m comment --comment "name: \"dm1\" id: \"x\"" -j CNI-aaa
-A POSTROUTING -s 10.80.0.2/32 -m comment --comment "name: \"dm2\" id: \"y\"" -j CNI-bbb
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A CNI-aaa -d 10.64.0.0/20 -m comment --comment "name: \"dm1\" id: \"x\"" -j ACCEPT
COMMIT
*filter
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -d 10.64.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.64.0.2/32 -j ACCEPT
-A CNI-FORWARD -s 10.80.0.2/32 -j ACCEPT
COMMIT
`
	const want = `*nat
-D POSTROUTING -s 10.64.0.2/32 -m comment --comment "name: \"dm1\" id: \"x\"" -j CNI-aaa
-F CNI-aaa
-X CNI-aaa
COMMIT
*filter
-D CNI-FORWARD -d 10.64.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-D CNI-FORWARD -s 10.64.0.2/32 -j ACCEPT
COMMIT
`
	if got := staleRules(saved, "dm1"); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := staleRules(saved, "dm3"); got != "" {
		t.Errorf("a network without rules: %s", got)
	}
}
