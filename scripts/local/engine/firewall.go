package engine

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/dotnet-multiarch/dotnet-multiarch/scripts/local/programs"
)

// addRules lets the containers of a network reach what this machine reaches, under its address. What they may pass comes before
// the machine's own rules, for one with Docker forwards nothing else; their new address comes after, as with CNI's plugins.
func addRules(id string, network netip.Prefix) error {
	return restoreRules("letting containers reach the network", newRules(id, network))
}

// newRules is the input of iptables-restore. Each rule has the network's name as its comment, by which staleRules finds it.
func newRules(id string, network netip.Prefix) string {
	bridge, mark := bridgeName(id), "-m comment --comment "+networkName(id)
	return table("nat", []string{
		"-A POSTROUTING -s " + network.String() + " ! -o " + bridge + " " + mark + " -j MASQUERADE",
	}) + table("filter", []string{
		"-I FORWARD -d " + network.String() + " -o " + bridge + " -m conntrack --ctstate RELATED,ESTABLISHED " + mark + " -j ACCEPT",
		"-I FORWARD -s " + network.String() + " -i " + bridge + " " + mark + " -j ACCEPT",
	})
}

// KeepRules makes the rules of a running engine anew where something has flushed them, such as a restart of the machine's firewall.
func (e Engine) KeepRules() error {
	network, found := bridgeNetwork(e.Cache.ID)
	if !found {
		return nil
	}
	saved, err := savedRules()
	if err != nil {
		return err
	}
	there, wanted := staleRules(saved, e.Cache.ID), newRules(e.Cache.ID, network)
	if strings.Count(there, "--comment") == strings.Count(wanted, "--comment") {
		return nil
	}
	return restoreRules("making the engine's firewall rules anew", there+wanted)
}

// firewalld says whether it rules this machine: what it rejects, rules of iptables do not let through.
func firewalld() bool {
	program, err := programs.Find("firewall-cmd")
	return err == nil && exec.Command(program, "--state").Run() == nil
}

// removeRules deletes what is there of the rules.
func removeRules(id string) error {
	saved, err := savedRules()
	if err != nil {
		return err
	}
	return restoreRules("deleting the engine's firewall rules", staleRules(saved, id))
}

// savedRules is what iptables-save prints; without that program nothing has made rules.
func savedRules() (string, error) {
	save, err := programs.Find("iptables-save")
	if err != nil {
		return "", nil
	}
	saved, err := exec.Command(save).Output()
	if err != nil {
		return "", fmt.Errorf("listing firewall rules: %w", err)
	}
	return string(saved), nil
}

func restoreRules(what, rules string) error {
	if rules == "" {
		return nil
	}
	restore, err := programs.Find("iptables-restore")
	if err != nil {
		return err
	}
	cmd := exec.Command(restore, "--noflush", "--wait", "10")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", what, err, bytes.TrimSpace(out))
	}
	return nil
}

// staleRules turns the output of iptables-save into input for iptables-restore
// that deletes what newRules made.
func staleRules(saved, id string) string {
	var deletions strings.Builder
	var name string
	var commands []string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			name, commands = line[1:], nil
		case line == "COMMIT":
			deletions.WriteString(table(name, commands))
		case strings.HasPrefix(line, "-A ") && strings.Contains(line+" ", "--comment "+networkName(id)+" "):
			commands = append(commands, "-D"+strings.TrimPrefix(line, "-A"))
		}
	}
	return deletions.String()
}

func table(name string, commands []string) string {
	if len(commands) == 0 {
		return ""
	}
	return "*" + name + "\n" + strings.Join(commands, "\n") + "\nCOMMIT\n"
}
